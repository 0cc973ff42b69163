//go:build avo

// Command gen writes shani_amd64.s: see go:generate in shani_amd64.go.
//
// Of the 64 rounds of a header's last SHA-256 block, the first 4 and the message words 16 to 19 do
// not depend on the low half of the nonce; Go prepares them once (see prepared). What is left is done
// for two nonces side by side: one compression alone waits for its own results most of the time.
package main

import (
	"p2pchain/core/miner/internal/scan/layout"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The registers: X0 is the implicit operand of SHA256RNDS2.
var (
	wk    = reg.X0
	nonce = reg.X13 // message words 4 to 7 of the first lane
	tmp   = reg.X14
	lanes = []lane{
		{reg.X1, reg.X2, []reg.VecPhysical{reg.X3, reg.X4, reg.X5, reg.X6}},
		{reg.X7, reg.X8, []reg.VecPhysical{reg.X9, reg.X10, reg.X11, reg.X12}},
	}
)

// A lane is one compression.
type lane struct {
	abef, cdgh reg.VecPhysical
	w          []reg.VecPhysical // message words 4q to 4q+3 are in w[q%4]
}

func main() {
	k := roundConstants()
	steps := nonceSteps()

	TEXT("scanSHANI", NOSPLIT, "func(p *[32]uint32, pairs uint64) uint64")
	Doc("scanSHANI tries 2·pairs nonces and returns how many come before the first hit.")
	p := Load(Param("p"), GP64())
	pairs := Load(Param("pairs"), GP64())
	at := func(word int) Mem { return Mem{Base: p, Disp: 4 * word} }
	hit, first, limit, word := GP64(), GP32(), GP32(), GP32()
	XORQ(hit, hit)
	MOVL(at(layout.First), first)
	MOVL(at(layout.Limit), limit)
	VZEROUPPER() // the SHA instructions know no VEX: stale upper halves would slow them
	VMOVDQU(at(layout.W4), nonce)

	Label("loop")
	TESTQ(pairs, pairs)
	JZ(LabelRef("done"))
	VMOVDQA(nonce, lanes[0].w[1])
	VPADDD(steps.Offset(0), nonce, lanes[1].w[1])
	for _, l := range lanes {
		VMOVDQU(at(layout.ABEF), l.abef)
		VMOVDQU(at(layout.CDGH), l.cdgh)
	}
	for q := 1; q < 16; q++ {
		quad(q, k.Offset(16*q), at)
	}
	for i, l := range lanes {
		VPEXTRD(Imm(3), l.abef, word)
		ADDL(first, word)
		CMPL(word, limit)
		JLS(LabelRef([]string{"done", "second"}[i]))
	}
	VPADDD(steps.Offset(16), nonce, nonce)
	ADDQ(Imm(2), hit)
	DECQ(pairs)
	JMP(LabelRef("loop"))

	Label("second")
	INCQ(hit)
	Label("done")
	Store(hit, ReturnIndex(0))
	RET()
	Generate()
}

// quad does rounds 4q to 4q+3 of both lanes.
func quad(q int, k Mem, at func(int) Mem) {
	for _, l := range lanes {
		switch q {
		case 2, 3: // words 8 to 15 are padding, added to the constants
			VMOVDQU(k, wk)
		case 4:
			VMOVDQU(at(layout.KW16), wk)
		default:
			if q > 4 {
				l.schedule(q, at)
			}
			VPADDD(k, l.w[q%4], wk)
		}
		SHA256RNDS2(wk, l.abef, l.cdgh)
		VPSHUFD(Imm(0x0e), wk, wk)
		SHA256RNDS2(wk, l.cdgh, l.abef)
	}
}

// schedule computes message words 4q to 4q+3 from the 16 before them. The first of them are partly
// prepared, since words 8 to 19 are the same for all nonces.
func (l lane) schedule(q int, at func(int) Mem) {
	w := func(quad int) reg.VecPhysical { return l.w[quad%4] }
	switch q {
	case 5:
		VPXOR(tmp, tmp, tmp)
		SHA256MSG1(tmp, w(1))
		VPADDD(at(layout.W13), w(1), w(5))
		VMOVDQU(at(layout.W16), w(4))
	case 6:
		VPALIGNR(Imm(4), w(4), w(5), w(6))
	case 7:
		VPALIGNR(Imm(4), w(5), w(6), w(7))
		VPADDD(at(layout.Msg12), w(7), w(7))
	default:
		SHA256MSG1(w(q-3), w(q))
		VPALIGNR(Imm(4), w(q-2), w(q-1), tmp)
		VPADDD(tmp, w(q), w(q))
	}
	SHA256MSG2(w(q-1), w(q))
}

// roundConstants are those of FIPS 180-4, with the padding of a 152-byte message already added.
func roundConstants() Mem {
	m := GLOBL("k", NOPTR|RODATA)
	for i := range 64 {
		k := layout.K(i)
		if i == 15 {
			k += layout.PaddedLength
		}
		DATA(4*i, U32(k))
	}
	return m
}

// nonceSteps add 1 and 2 to message word 5, the low half of the nonce.
func nonceSteps() Mem {
	m := GLOBL("steps", NOPTR|RODATA)
	for i, v := range []uint32{0, 1, 0, 0, 0, 2, 0, 0} {
		DATA(4*i, U32(v))
	}
	return m
}

package main

import (
	"bufio"
	"io"
	"strings"

	"rsc.io/qr"
)

// quietZone is the light border that scanners need, in modules.
const quietZone = 4

// A terminalQR is a QR code to be shown with characters, each of which has two modules, one above the
// other.
type terminalQR struct{ code *qr.Code }

// qrCode makes the smallest code of an invite. Its upper case is the same invite, of characters that
// take less room.
func qrCode(invite string) (terminalQR, error) {
	code, err := qr.Encode(strings.ToUpper(invite), qr.L)
	if err != nil {
		return terminalQR{}, usagef("the invite has %d characters, too many for a QR code; send it as text", len(invite))
	}
	return terminalQR{code}, nil
}

// write shows the code. With colours it is black on white on every terminal; without, light modules
// are drawn, which is right on a dark terminal and for most scanners on a light one.
func (q terminalQR) write(w io.Writer, colours bool) error {
	out := bufio.NewWriter(w)
	end := q.code.Size + quietZone
	for y := -quietZone; y < end; y += 2 {
		if colours {
			out.WriteString("\x1b[30;107m")
		}
		for x := -quietZone; x < end; x++ {
			above, below := q.code.Black(x, y), q.code.Black(x, y+1)
			if !colours {
				above, below = !above, !below && y+1 < end
			}
			out.WriteString(halves(above, below))
		}
		if colours {
			out.WriteString("\x1b[0m")
		}
		out.WriteByte('\n')
	}
	return out.Flush()
}

// halves returns the character whose upper and lower half are drawn or left away.
func halves(above, below bool) string {
	switch {
	case above && below:
		return "█"
	case above:
		return "▀"
	case below:
		return "▄"
	}
	return " "
}

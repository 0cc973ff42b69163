package main

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"p2pchain/core"
)

// parseWork reads an amount of work: hashes as 5000000 or 2^40, or how long a core needs at so many
// hashes a second, as 90s, 1h30m or 3d.
func parseWork(text string, rate float64) (core.Work, error) {
	bad := fmt.Errorf("%q is no amount of work like 5000000, 2^40 or 2h", text)
	n := new(big.Int)
	if power, ok := strings.CutPrefix(text, "2^"); ok {
		bits, err := strconv.ParseUint(power, 10, 8)
		if err != nil || bits > 127 {
			return core.Work{}, fmt.Errorf("%w: the exponent is 0 to 127", bad)
		}
		return toWork(n.Lsh(big.NewInt(1), uint(bits)))
	}
	if strings.Trim(text, "0123456789") == "" && text != "" {
		n.SetString(text, 10)
		return toWork(n)
	}
	seconds, err := parseSpan(text)
	if err != nil {
		return core.Work{}, bad
	}
	hashes := seconds * rate
	if hashes >= math.MaxUint64 { // 11,000 years of the fastest core there is
		return core.Work{}, fmt.Errorf("%w: it is too much", bad)
	}
	return core.NewWork(0, uint64(math.Ceil(hashes))), nil
}

// parseSpan reads a time like 90s, 1h30m or 3d, in seconds.
func parseSpan(text string) (float64, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 32)
		return float64(n) * 24 * 3600, err
	}
	d, err := time.ParseDuration(text)
	if err == nil && d < 0 {
		err = strconv.ErrRange
	}
	return d.Seconds(), err
}

// toWork returns a number as an amount of work.
func toWork(n *big.Int) (core.Work, error) {
	if n.BitLen() > 128 {
		return core.Work{}, fmt.Errorf("%v is more work than any chain can have", n)
	}
	var b [16]byte
	n.FillBytes(b[:])
	return core.DecodeWork(b), nil
}

// parseRate reads hashes a second, as 50000000, 20M or 1.5G.
func parseRate(text string) (float64, error) {
	digits, factor := text, 1.0
	for suffix, by := range map[string]float64{"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9} {
		if rest, ok := strings.CutSuffix(text, suffix); ok {
			digits, factor = rest, by
		}
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || !(n > 0) || n*factor > 1e15 || strings.Trim(digits, "0123456789.") != "" {
		return 0, fmt.Errorf("%q is no number of hashes a second like 50000000 or 20M", text)
	}
	return n * factor, nil
}

package receipt

import (
	"fmt"
	"html/template"
	"strings"

	"rsc.io/qr"

	"p2pchain/core"
)

// quietZone is the light border that scanners need, in modules.
const quietZone = 4

// qrText is what the code says, in the characters for which codes are smallest.
func qrText(id, block core.Hash) string {
	return strings.ToUpper("p2pchain/1 id " + id.String() + " block " + block.String())
}

// QRCode draws a text as an SVG of one path, always dark on light, which the element qr-label names. A seventh of it may be
// damaged: paper is folded.
func QRCode(text string) (template.HTML, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", fmt.Errorf("QR code of %d characters: %w", len(text), err)
	}
	var path strings.Builder // rows of lines, one module thick, each from the end of the one before it
	for y := range code.Size {
		fmt.Fprintf(&path, "M%d %d.5", quietZone, y+quietZone)
		for x, gap := 0, 0; x < code.Size; {
			n := 0
			for code.Black(x+n, y) {
				n++
			}
			if n == 0 {
				x, gap = x+1, gap+1
				continue
			}
			if gap > 0 {
				fmt.Fprintf(&path, "m%d 0", gap)
			}
			fmt.Fprintf(&path, "h%d", n)
			x, gap = x+n, 0
		}
	}
	side := code.Size + 2*quietZone
	return template.HTML(fmt.Sprintf(
		`<svg viewBox="0 0 %d %d" role="img" aria-labelledby="qr-label" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%dv%dH0z"/><path stroke="#000" d="%s"/></svg>`,
		side, side, side, side, path.String())), nil
}

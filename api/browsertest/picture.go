package browsertest

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/png"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Picture returns what the window shows just now.
func (tab *Tab) Picture() image.Image {
	tab.t.Helper()
	content, err := chromedp.Run(tab.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		tab.t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		tab.t.Fatal(err)
	}
	return picture
}

// WritePNG writes a picture in few colours, which pages rarely have more of, and so in few bytes.
func WritePNG(t testing.TB, path string, picture image.Image) {
	t.Helper()
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, reduce(picture, palette([]image.Image{picture}))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// WriteGIF writes pictures of one size as a film that begins anew at its end. Each one holds only what is not as
// in the one before.
func WriteGIF(t testing.TB, path string, pictures []image.Image, each time.Duration) {
	t.Helper()
	colours := palette(pictures)
	film := gif.GIF{}
	var before *image.Paletted
	for i, picture := range pictures {
		whole := reduce(picture, colours)
		delay := int(each / (10 * time.Millisecond))
		if i == len(pictures)-1 {
			delay *= 3
		}
		changed := change(before, whole)
		if changed == nil {
			film.Delay[len(film.Delay)-1] += delay
			continue
		}
		film.Image = append(film.Image, changed)
		film.Delay = append(film.Delay, delay)
		film.Disposal = append(film.Disposal, gif.DisposalNone)
		before = whole
	}
	var out bytes.Buffer
	if err := gif.EncodeAll(&out, &film); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// mostColours is how many a palette has; the first one is no colour, but lets through what is below it.
const mostColours = 256

// palette returns the colours that pictures have most of. Those that differ little count as one: what has only few
// pixels is the edges of letters, whose shade nobody misses.
func palette(pictures []image.Image) color.Palette {
	type tally struct {
		count  int
		colour color.RGBA
	}
	cells := make(map[color.RGBA]*tally)
	for _, picture := range pictures {
		of := rgba(picture)
		for i := 0; i < len(of.Pix); i += 4 {
			c := color.RGBA{of.Pix[i], of.Pix[i+1], of.Pix[i+2], 0xff}
			cell := color.RGBA{c.R >> 3, c.G >> 3, c.B >> 3, 0}
			if cells[cell] == nil {
				cells[cell] = &tally{colour: c}
			}
			cells[cell].count++
		}
	}
	order := slices.SortedFunc(maps.Values(cells), func(a, b *tally) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.colour.R, b.colour.R), cmp.Compare(a.colour.G, b.colour.G), cmp.Compare(a.colour.B, b.colour.B))
	})
	colours := color.Palette{color.RGBA{}}
	for _, t := range order[:min(len(order), mostColours-1)] {
		colours = append(colours, t.colour)
	}
	return colours
}

func rgba(picture image.Image) *image.RGBA {
	out := image.NewRGBA(image.Rectangle{Max: picture.Bounds().Size()})
	draw.Draw(out, out.Rect, picture, picture.Bounds().Min, draw.Src)
	return out
}

// reduce returns a picture in the colours of a palette.
func reduce(picture image.Image, colours color.Palette) *image.Paletted {
	from := rgba(picture)
	out := image.NewPaletted(from.Rect, colours)
	known := make(map[color.RGBA]uint8)
	for i := range out.Pix {
		c := color.RGBA{from.Pix[4*i], from.Pix[4*i+1], from.Pix[4*i+2], 0xff}
		index, ok := known[c]
		if !ok {
			index = uint8(1 + colours[1:].Index(c))
			known[c] = index
		}
		out.Pix[i] = index
	}
	return out
}

// change returns the part of a picture that is not as before, where what is as before lets it through; nil where
// nothing changed.
func change(before, now *image.Paletted) *image.Paletted {
	if before == nil {
		return now
	}
	var area image.Rectangle
	for y := range now.Rect.Dy() {
		for x := range now.Rect.Dx() {
			if now.ColorIndexAt(x, y) != before.ColorIndexAt(x, y) {
				area = area.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	if area.Empty() {
		return nil
	}
	out := image.NewPaletted(area, now.Palette)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			if index := now.ColorIndexAt(x, y); index != before.ColorIndexAt(x, y) {
				out.SetColorIndex(x, y, index)
			}
		}
	}
	return out
}

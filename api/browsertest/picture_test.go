package browsertest_test

import (
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"p2pchain/api/browsertest"
)

// scene is a square of a colour that moves over more shades of grey than a palette holds.
func scene(at int) image.Image {
	picture := image.NewRGBA(image.Rect(0, 0, 300, 200))
	for x := range 300 {
		for y := range 200 { // a few thousand colours, as the edges of letters have
			picture.SetRGBA(x, y, color.RGBA{uint8(x * 4 / 5), uint8(x * 4 / 5), uint8(y / 40 * 40), 0xff})
		}
	}
	draw.Draw(picture, image.Rect(at, 50, at+40, 90), image.NewUniform(color.RGBA{0x0f, 0x76, 0x6e, 0xff}), image.Point{}, draw.Src)
	return picture
}

// far is how far two colours are from each other in the worst of their parts.
func far(a, b color.Color) int {
	r, g, bl, _ := a.RGBA()
	r2, g2, bl2, _ := b.RGBA()
	return max(distance(r, r2), distance(g, g2), distance(bl, bl2))
}

func distance(a, b uint32) int {
	if a < b {
		a, b = b, a
	}
	return int(a-b) >> 8
}

// TestPictures holds that files hold what was seen, in few colours: the flat ones as they are, others nearly.
func TestPictures(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.png")
	browsertest.WritePNG(t, path, scene(10))
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if d := far(got.At(20, 60), scene(10).At(20, 60)); d > 0 {
		t.Errorf("the flat colour is off by %d", d)
	}
	if d := far(got.At(200, 150), scene(10).At(200, 150)); d > 8 {
		t.Errorf("another colour is off by %d", d)
	}
}

// TestFilm holds that a film shows every picture as it was, one after the other, and that pictures without a change
// last longer.
func TestFilm(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.gif")
	browsertest.WriteGIF(t, path, []image.Image{scene(10), scene(10), scene(100), scene(200)}, 100*time.Millisecond)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	film, err := gif.DecodeAll(f)
	if err != nil {
		t.Fatal(err)
	}
	if len(film.Image) != 3 || film.Delay[0] != 20 || film.Delay[1] != 10 || film.Delay[2] != 30 {
		t.Fatalf("%d pictures, %v", len(film.Image), film.Delay)
	}
	screen := image.NewRGBA(image.Rect(0, 0, 300, 200))
	for i, at := range []int{10, 100, 200} {
		draw.Draw(screen, film.Image[i].Bounds(), film.Image[i], film.Image[i].Bounds().Min, draw.Over)
		for _, p := range []image.Point{{at + 5, 60}, {15, 60}, {105, 60}} {
			if d := far(screen.At(p.X, p.Y), scene(at).At(p.X, p.Y)); d > 8 {
				t.Errorf("picture %d at %v is off by %d", i, p, d)
			}
		}
	}
}

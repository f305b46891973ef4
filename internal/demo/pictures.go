package demo

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"sync"
)

// picture is what the photo of a report shows.
type picture int

const (
	none picture = iota
	heap
	hole
	lamp
	branch
	pond
	tables
)

// pictures is how many of each there are: some streets, some weather.
const pictures = 4

const pictureWide, pictureHigh = 960, 720

// canvas is a picture while it is painted.
type canvas struct {
	*image.RGBA
	seed uint32
}

// grain is a repeatable number in [0, 1) for a point.
func (c *canvas) grain(x, y int) float64 {
	h := uint32(x)*0x9e3779b1 ^ uint32(y)*0x85ebca6b ^ c.seed*0xc2b2ae35
	h ^= h >> 15
	h *= 0x2c1b3c6d
	h ^= h >> 13
	return float64(h&0xffff) / 0x10000
}

// shape tells how much of each point of a rectangle it covers.
type shape struct {
	within image.Rectangle
	in     func(x, y float64) float64
}

func rect(x0, y0, x1, y1 float64) image.Rectangle {
	return image.Rect(int(x0), int(y0), int(x1), int(y1)).Intersect(image.Rect(0, 0, pictureWide, pictureHigh))
}

// paint colours a shape, unevenly where it is rough.
func (c *canvas) paint(of color.RGBA, rough float64, s shape) {
	for y := s.within.Min.Y; y < s.within.Max.Y; y++ {
		for x := s.within.Min.X; x < s.within.Max.X; x++ {
			a := s.in(float64(x), float64(y))
			if a <= 0 {
				continue
			}
			a = math.Min(a, 1)
			k := 1 + rough*(c.grain(x/2, y/2)+c.grain(x/7, y/5)-1)
			was := c.RGBAAt(x, y)
			mix := func(from, to uint8) uint8 {
				return uint8(math.Max(0, math.Min(255, float64(from)*(1-a)+float64(to)*k*a)))
			}
			c.SetRGBA(x, y, color.RGBA{mix(was.R, of.R), mix(was.G, of.G), mix(was.B, of.B), 255})
		}
	}
}

// soft is 1 inside a distance of 0, and fades over some points.
func soft(d, over float64) float64 { return math.Max(0, math.Min(1, 0.5-d/over)) }

// oval is a shape with an uneven edge.
func (c *canvas) oval(x0, y0, a, b, uneven float64) shape {
	reach := 1.1 + 1.6*uneven
	return shape{rect(x0-reach*a-6, y0-reach*b-6, x0+reach*a+6, y0+reach*b+6), func(x, y float64) float64 {
		dx, dy := (x-x0)/a, (y-y0)/b
		turn := math.Atan2(dy, dx)
		edge := 1 + uneven*(math.Sin(3*turn+float64(c.seed))+0.6*math.Sin(7*turn+2))
		return soft((math.Hypot(dx, dy)-edge)*a, 6)
	}}
}

func box(x0, y0, x1, y1 float64) shape {
	return shape{rect(x0-2, y0-2, x1+2, y1+2), func(x, y float64) float64 { return soft(math.Max(math.Max(x0-x, x-x1), math.Max(y0-y, y-y1)), 2) }}
}

// over is a shape on a stretch of the picture.
func over(x0, y0, x1, y1 float64, in func(x, y float64) float64) shape {
	return shape{rect(x0, y0, x1, y1), in}
}

// album keeps pictures that were drawn: there are few. It is safe for concurrent use.
type album struct {
	mu    sync.Mutex
	drawn map[drawing][]byte
}

type drawing struct {
	what  picture
	which int
	after bool
}

// of is a picture of the album, drawn when it is first asked for.
func (a *album) of(what picture, which int, after bool) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := drawing{what, which, after}
	if a.drawn == nil {
		a.drawn = map[drawing][]byte{}
	}
	if a.drawn[d] == nil {
		a.drawn[d] = draw(what, which, after)
	}
	return a.drawn[d]
}

// draw paints a street with what was reported on it, or after it was put right, as
// JPEG. The same is asked for again and again, and its file is kept once.
func draw(what picture, which int, after bool) []byte {
	c := &canvas{image.NewRGBA(image.Rect(0, 0, pictureWide, pictureHigh)), uint32(which + 1)}
	sky := []color.RGBA{{196, 214, 226, 255}, {214, 216, 214, 255}, {170, 196, 222, 255}, {226, 214, 196, 255}}[which%4]
	c.paint(sky, 0.02, over(0, 0, pictureWide, 332, func(_, _ float64) float64 { return 1 }))
	for i := range 6 { // houses
		x := float64(i)*170 - 40*float64(which%3)
		top := 130 + 90*c.grain(i*31, 7)
		tone := uint8(150 + 70*c.grain(i*17, 3))
		c.paint(color.RGBA{tone, tone - 14, tone - 40, 255}, 0.05, box(x, top, x+158, 330))
		for k := range 3 {
			c.paint(color.RGBA{70, 80, 92, 255}, 0.1, box(x+18+46*float64(k), top+34, x+44+46*float64(k), top+78))
		}
		c.paint(color.RGBA{120, 92, 70, 255}, 0.1, box(x+60, 250, x+104, 330))
	}
	c.paint(color.RGBA{168, 160, 150, 255}, 0.14, box(0, 330, pictureWide, 400))                             // pavement
	c.paint(color.RGBA{104, 104, 106, 255}, 0.16, box(0, 400, pictureWide, pictureHigh))                     // road
	c.paint(color.RGBA{196, 192, 184, 255}, 0.1, box(0, 394, pictureWide, 404))                              // kerb
	c.paint(color.RGBA{222, 220, 210, 255}, 0.1, over(0, 590, pictureWide, 610, func(x, y float64) float64 { // the line in the middle
		if math.Mod(x+30*float64(which), 160) > 96 {
			return 0
		}
		return soft(math.Abs(y-600)-6, 2)
	}))
	switch what {
	case hole:
		c.paint(color.RGBA{88, 88, 90, 255}, 0.1, c.oval(430, 540, 230, 86, 0.07))
		if !after {
			c.paint(color.RGBA{60, 54, 48, 255}, 0.3, c.oval(430, 540, 190, 66, 0.11))
			c.paint(color.RGBA{126, 136, 140, 255}, 0.06, c.oval(440, 552, 120, 34, 0.09))
		}
	case heap:
		if !after {
			for i := range 14 {
				x, y := 300+380*c.grain(i, 1), 420-90*c.grain(i, 2)
				tone := [...]color.RGBA{{36, 38, 42, 255}, {190, 196, 200, 255}, {60, 100, 74, 255}, {156, 128, 92, 255}}[i%4]
				c.paint(tone, 0.25, c.oval(x, y, 46+30*c.grain(i, 4), 32+18*c.grain(i, 5), 0.12))
			}
		}
		c.paint(color.RGBA{46, 96, 70, 255}, 0.1, box(700, 290, 780, 400))
	case lamp:
		c.paint(color.RGBA{84, 88, 92, 255}, 0.1, over(460, 60, 600, 404, func(x, y float64) float64 {
			lean := 0.0
			if !after {
				lean = (400 - y) * 0.28
			}
			return soft(math.Abs(x-480-lean)-6, 2)
		}))
		if after {
			c.paint(color.RGBA{255, 240, 190, 255}, 0, c.oval(480, 66, 54, 22, 0))
		}
	case branch:
		c.paint(color.RGBA{92, 70, 52, 255}, 0.2, box(180, 120, 212, 400))
		for i := range 9 {
			c.paint(color.RGBA{62, 104, 54, 255}, 0.4, c.oval(120+170*c.grain(i, 8), 60+130*c.grain(i, 9), 70, 52, 0.14))
		}
		if !after {
			c.paint(color.RGBA{84, 64, 48, 255}, 0.2, over(230, 400, 760, 540, func(x, y float64) float64 { return soft(math.Abs(y-470-(x-480)*0.12)-9, 3) }))
			for i := range 10 {
				c.paint(color.RGBA{72, 116, 58, 255}, 0.45, c.oval(300+440*c.grain(i, 12), 440+90*c.grain(i, 13), 58, 34, 0.16))
			}
		}
	case pond:
		if !after {
			c.paint(color.RGBA{132, 122, 100, 255}, 0.06, over(0, 400, pictureWide, pictureHigh, func(x, y float64) float64 { return 0.9 * soft(430+14*math.Sin(x/90)-y, 8) }))
			c.paint(color.RGBA{178, 182, 180, 255}, 0.04, over(0, 450, pictureWide, pictureHigh, func(x, y float64) float64 {
				return 0.4 * soft(math.Abs(math.Mod(y+8*math.Sin(x/40), 46)-20)-3, 5)
			}))
		}
		c.paint(color.RGBA{58, 58, 60, 255}, 0.1, box(620, 408, 720, 432))
	case tables:
		for i := range 5 {
			if after {
				break
			}
			x := 150 + 150*float64(i)
			c.paint(color.RGBA{176, 60, 52, 255}, 0.1, box(x, 352, x+70, 362))
			c.paint(color.RGBA{60, 60, 64, 255}, 0.1, box(x+30, 362, x+40, 402))
			c.paint(color.RGBA{44, 92, 152, 255}, 0.1, box(x-34, 372, x-6, 404))
		}
		c.paint(color.RGBA{206, 92, 60, 255}, 0.05, box(100, 226, 860, 262))
	}
	var b bytes.Buffer
	jpeg.Encode(&b, c, &jpeg.Options{Quality: 78}) // a buffer takes all
	return b.Bytes()
}

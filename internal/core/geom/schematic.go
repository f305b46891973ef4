package geom

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
)

// Centre is the middle of an area whose borders are not known.
type Centre struct {
	Lon, Lat float64
	Area     float64 // km²; 0 when unknown
}

// Schematic draws borders around centres: a power diagram, so that larger areas
// get more room, cut by the hull of the centres with a margin of km around it.
// Every centre lies in its own polygon, the polygons touch and do not overlap.
// The drawing is for orientation until surveyed borders are there; it returns
// one polygon (WKB) per centre, in order, and nothing for centres that repeat.
func Schematic(centres []Centre, margin float64) []string {
	if len(centres) == 0 {
		return nil
	}
	flat, back := project(centres)
	outline := expand(hull(flat), margin)
	weights := powerWeights(flat, centres)
	out := make([]string, len(centres))
	for i, c := range flat {
		cell := outline
		for j, o := range flat {
			if i != j && c != o {
				cell = clip(cell, c, o, weights[i], weights[j])
			}
		}
		if len(cell) >= 3 && !slices.Contains(flat[:i], c) {
			out[i] = polygonWKB(cell, back)
		}
	}
	return out
}

type xy struct{ x, y float64 } // kilometres on a plane around the centres

func project(centres []Centre) ([]xy, func(xy) (lon, lat float64)) {
	var lat0, lon0 float64
	for _, c := range centres {
		lon0 += c.Lon / float64(len(centres))
		lat0 += c.Lat / float64(len(centres))
	}
	ky := 111.32
	kx := ky * math.Cos(lat0*math.Pi/180)
	flat := make([]xy, len(centres))
	for i, c := range centres {
		flat[i] = xy{(c.Lon - lon0) * kx, (c.Lat - lat0) * ky}
	}
	return flat, func(p xy) (float64, float64) { return lon0 + p.x/kx, lat0 + p.y/ky }
}

// powerWeights are squared radii, scaled down until every centre is in its own
// cell: |ci-cj|² must exceed wj-wi for all pairs.
func powerWeights(flat []xy, centres []Centre) []float64 {
	w := make([]float64, len(flat))
	for i, c := range centres {
		w[i] = c.Area / math.Pi
	}
	scale := 1.0
	for i := range flat {
		for j := range flat {
			if d := w[j] - w[i]; d > 0 && flat[i] != flat[j] {
				scale = min(scale, 0.8*dist2(flat[i], flat[j])/d)
			}
		}
	}
	for i := range w {
		w[i] *= scale
	}
	return w
}

func dist2(a, b xy) float64 { return (a.x-b.x)*(a.x-b.x) + (a.y-b.y)*(a.y-b.y) }

// clip keeps the part of a convex polygon that is nearer to c than to o in
// power distance (Sutherland–Hodgman with one half-plane).
func clip(poly []xy, c, o xy, wc, wo float64) []xy {
	side := func(p xy) float64 { return (dist2(p, o) - wo) - (dist2(p, c) - wc) }
	var out []xy
	for i, p := range poly {
		q := poly[(i+1)%len(poly)]
		sp, sq := side(p), side(q)
		if sp >= 0 {
			out = append(out, p)
		}
		if (sp > 0) != (sq > 0) && sp != sq {
			t := sp / (sp - sq)
			out = append(out, xy{p.x + t*(q.x-p.x), p.y + t*(q.y-p.y)})
		}
	}
	return out
}

// hull is Andrew's monotone chain, counter-clockwise.
func hull(points []xy) []xy {
	p := slices.Clone(points)
	slices.SortFunc(p, func(a, b xy) int { return cmp.Or(cmp.Compare(a.x, b.x), cmp.Compare(a.y, b.y)) })
	p = slices.Compact(p)
	if len(p) < 3 {
		return p
	}
	half := func(p []xy) []xy {
		var h []xy
		for _, q := range p {
			for len(h) >= 2 {
				a, b := h[len(h)-2], h[len(h)-1]
				if (b.x-a.x)*(q.y-a.y)-(b.y-a.y)*(q.x-a.x) > 0 {
					break
				}
				h = h[:len(h)-1]
			}
			h = append(h, q)
		}
		return h[:len(h)-1]
	}
	lower := half(p)
	slices.Reverse(p)
	return append(lower, half(p)...)
}

// expand moves a hull outward by a margin, with rounded corners of 16 points.
func expand(h []xy, margin float64) []xy {
	var around []xy
	for _, p := range h {
		for k := range 16 {
			a := float64(k) * math.Pi / 8
			around = append(around, xy{p.x + margin*math.Cos(a), p.y + margin*math.Sin(a)})
		}
	}
	return hull(around)
}

func polygonWKB(ring []xy, back func(xy) (float64, float64)) string {
	round := func(f float64) uint64 { return math.Float64bits(math.Round(f*1e6) / 1e6) }
	b := []byte{1}
	b = binary.LittleEndian.AppendUint32(b, 3)
	b = binary.LittleEndian.AppendUint32(b, 1)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(ring)+1))
	for _, p := range append(slices.Clone(ring), ring[0]) {
		lon, lat := back(p)
		b = binary.LittleEndian.AppendUint64(b, round(lon))
		b = binary.LittleEndian.AppendUint64(b, round(lat))
	}
	return string(b)
}

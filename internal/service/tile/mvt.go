package tile

import (
	"sync"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/mvt"
	"github.com/paulmach/orb/geojson"
)

// LayerName is the one layer of a tile.
const LayerName = "marks"

const (
	extent = 4096 // units of a tile's side
	// Below apart, a tile shows clusters only: cells of an eighth of its side,
	// 64 px on the screen. From apart on it shows points, unless there are more
	// than crowded, which cells of 16 px join.
	apart     = 11
	crowded   = 2000
	wideCells = 3
	fineCells = 5
	// MaxZoom is the deepest tile that is cut; maps show it enlarged below.
	MaxZoom = 16
	// mostTiles bounds what an index remembers of its tiles.
	mostTiles = 512
)

// tiles remembers those that were cut.
type tiles struct {
	mu  sync.Mutex
	cut map[[3]uint32][]byte
}

// Tile cuts one tile and packs it with gzip; nil when nothing lies in it. Its
// features have the properties n (records), s (worst severity), and for a
// single point k (key), t (label), h (page) and a (area), where there are such. z is at
// most MaxZoom and x and y below 2^z; ok is false otherwise.
func (x *Index) Tile(z, tx, ty uint32) (packed []byte, ok bool, err error) {
	if z > MaxZoom || tx>>z != 0 || ty>>z != 0 {
		return nil, false, nil
	}
	key := [3]uint32{z, tx, ty}
	x.tiles.mu.Lock()
	defer x.tiles.mu.Unlock()
	if b, done := x.tiles.cut[key]; done {
		return b, true, nil
	}
	b, err := x.cut(int(z), tx, ty)
	if err != nil {
		return nil, true, err
	}
	if len(x.tiles.cut) >= mostTiles || x.tiles.cut == nil {
		x.tiles.cut = map[[3]uint32][]byte{}
	}
	x.tiles.cut[key] = b
	return b, true, nil
}

func (x *Index) cut(z int, tx, ty uint32) ([]byte, error) {
	at := cell{spread(tx) | spread(ty)<<1, z}
	r := x.within(run{0, len(x.points)}, at)
	if r.lo == r.hi {
		return nil, nil
	}
	zoom := deepest
	switch {
	case z < apart:
		zoom = z + wideCells
	case r.hi-r.lo > crowded:
		zoom = z + fineCells
	}
	layer := &mvt.Layer{Name: LayerName, Version: 2, Extent: extent}
	scale := float64(uint64(1) << z)
	add := func(m Mark) {
		px, py := mercator(m.Lon, m.Lat)
		f := geojson.NewFeature(orb.Point{inTile(px*scale - float64(tx)), inTile(py*scale - float64(ty))})
		f.Properties = m.properties()
		layer.Features = append(layer.Features, f)
	}
	if zoom == deepest {
		for i := r.lo; i < r.hi; i++ {
			add(x.mark(run{i, i + 1}))
		}
	} else {
		x.walk(r, at, zoom, func(r run) { add(x.mark(r)) })
	}
	return mvt.MarshalGzipped(mvt.Layers{layer})
}

// inTile is a place along a tile's side. The last unit belongs to the next
// tile, whose first it is.
func inTile(f float64) float64 { return float64(min(int(f*extent), extent-1)) }

func (m Mark) properties() geojson.Properties {
	p := geojson.Properties{"n": m.Count, "s": int64(m.Severity)}
	if q := m.Point; q != nil {
		p["k"], p["t"] = q.Key, q.Label
		if q.Href != "" {
			p["h"] = q.Href
		}
		if q.Area != "" {
			p["a"] = q.Area
		}
	}
	return p
}

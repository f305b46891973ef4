package sqlite

import (
	"database/sql/driver"
	"slices"

	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/value"
)

// box is the place of a row, waiting to enter the R*Tree.
type box struct {
	id    int64
	b     geom.Box
	curve uint64
}

// boxOf gives the bounds of a row's place.
func boxOf(p *plan, row []value.Value) (geom.Box, bool) {
	t := p.t
	if t.Geometry >= 0 {
		if row[t.Geometry].IsNull() {
			return geom.Box{}, false
		}
		b, ok := geom.Bounds(row[t.Geometry].WKB())
		if ok && b.West > b.East { // across the antimeridian
			b.West, b.East = -180, 180
		}
		return b, ok
	}
	x, okX := row[t.X].Number()
	y, okY := row[t.Y].Number()
	return geom.Box{West: x, South: y, East: x, North: y}, okX && okY
}

// place queues a new row's place.
func (a *applying) place(p *plan, id int64, row []value.Value) {
	if p.box == "" {
		return
	}
	if b, ok := boxOf(p, row); ok {
		a.boxes[p] = append(a.boxes[p], box{id, b, hilbert((b.West+b.East)/2, (b.South+b.North)/2)})
	}
}

// replace moves or removes a row's place; row is nil for a deleted record.
func (a *applying) replace(p *plan, id int64, old, row []value.Value) error {
	if p.box == "" {
		return nil
	}
	was, had := boxOf(p, old)
	var is geom.Box
	var has bool
	if row != nil {
		is, has = boxOf(p, row)
	}
	if had == has && was == is {
		return nil
	}
	if had {
		// The row may still be waiting since an earlier item of the batch.
		if i := slices.IndexFunc(a.boxes[p], func(b box) bool { return b.id == id }); i >= 0 {
			if err := a.flushBoxes(); err != nil {
				return err
			}
		}
		if err := a.c.exec(p.delBox, id); err != nil {
			return err
		}
	}
	if has {
		return a.c.exec(p.insBox, id, is.West, is.East, is.South, is.North)
	}
	return nil
}

// flushBoxes enters the waiting places in the order of a space-filling curve:
// neighbours then go to the same nodes, which are read and split less often.
func (x *tx) flushBoxes() error {
	for p, boxes := range x.boxes {
		slices.SortFunc(boxes, func(a, b box) int {
			if a.curve < b.curve {
				return -1
			}
			if a.curve > b.curve {
				return 1
			}
			return int(a.id - b.id)
		})
		for _, b := range boxes {
			if err := x.c.exec(p.insBox, b.id, b.b.West, b.b.East, b.b.South, b.b.North); err != nil {
				return err
			}
		}
		x.boxes[p] = boxes[:0]
	}
	return nil
}

// fillBoxes enters every row that stands already.
func fillBoxes(c *conn, p *plan) error {
	cols := []int{p.t.Geometry}
	if p.t.Geometry < 0 {
		cols = []int{p.t.X, p.t.Y}
	}
	const page = 10_000
	dest := make([]driver.Value, 1+len(cols))
	row := make([]value.Value, p.t.Width())
	for last := int64(0); ; {
		x := &tx{c: c, boxes: map[*plan][]box{}}
		n := 0
		err := c.each(bg, "SELECT _id,"+p.list(cols)+" FROM "+p.table+" WHERE _id>? ORDER BY _id LIMIT ?", []driver.Value{last, int64(page)}, dest, func() error {
			n++
			last, _ = dest[0].(int64)
			for i, col := range cols {
				row[col] = scan(p.t.Columns[col].Kind, dest[1+i])
			}
			(&applying{tx: x}).place(p, last, row)
			return nil
		})
		if err != nil {
			return err
		}
		if err := x.flushBoxes(); err != nil {
			return err
		}
		if n < page {
			return nil
		}
	}
}

// hilbert gives the distance along a Hilbert curve over the world.
func hilbert(lon, lat float64) uint64 {
	const order = 20
	const side = uint64(1) << order
	cell := func(v, span float64) uint64 {
		f := (v + span/2) / span * float64(side)
		if !(f >= 0) {
			return 0
		}
		return min(uint64(f), side-1)
	}
	x, y := cell(lon, 360), cell(lat, 180)
	var d uint64
	for s := side / 2; s > 0; s /= 2 {
		var rx, ry uint64
		if x&s > 0 {
			rx = 1
		}
		if y&s > 0 {
			ry = 1
		}
		d += s * s * ((3 * rx) ^ ry)
		if ry == 0 {
			if rx == 1 {
				x, y = side-1-x, side-1-y
			}
			x, y = y, x
		}
	}
	return d
}

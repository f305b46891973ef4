package ingest

import (
	"context"
	"io"
	"strings"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// AreaNames says which columns of a boundary file tell the area: its code, or
// its name. Empty members are looked for under usual names.
type AreaNames struct {
	Code string
	Name string
}

var (
	areaCodes  = []string{"code", "ma_xa", "maXa", "MA_XA", "ward_code", "matinhxa", "id"}
	areaTitles = []string{"name", "full_name", "ten_xa", "tenXa", "TEN_XA", "ward_name"}
)

// AreaImport is what a boundary file did.
type AreaImport struct {
	Updated   int64
	Unchanged int64
	Seq       int64 // the commit; the head it was compared with when nothing changed
}

// areaRecord is what matching needs of an area.
type areaRecord struct {
	code   string
	former bool
	twice  bool // the folded name is not unique
}

// ImportAreas reads boundaries from GeoJSON (or any format with a geometry
// column) and sets those of the areas they name, by code, else by name without
// regard to case, marks and the words Phường, Xã, Thành phố. A boundary that
// came this way is no longer schematic. All faults of the file are reported at
// once and nothing is stored then: half a map of a city is worse than none.
func ImportAreas(ctx context.Context, r *repo.Repository, p repo.Principal, f File, names AreaNames) (AreaImport, error) {
	e, err := r.Entry(p, repo.SystemArea)
	if err != nil {
		return AreaImport{}, err
	}
	known, err := readAreas(ctx, r, p)
	if err != nil {
		return AreaImport{}, err
	}
	src, err := Open(f, &dataset.Mapping{}, DefaultLimits())
	if err != nil {
		return AreaImport{}, err
	}
	defer src.Close()
	a := &areaReader{src: src, entry: e, known: known, names: names, seen: map[string]bool{}}
	if err := a.readAll(ctx); err != nil {
		return AreaImport{}, err
	}
	receipt, err := r.Commit(ctx, p, &commit.Request{Header: commit.Header{Actor: p.Name, Source: "file:" + f.Name, Reason: "area boundaries"}, Changes: a.changes})
	if err != nil {
		return AreaImport{}, err
	}
	out := AreaImport{Seq: receipt.Seq}
	out.Updated = receipt.Counts[commit.Updated] + receipt.Counts[commit.Created]
	out.Unchanged = int64(len(a.changes)) - out.Updated
	return out, nil
}

// readAreas indexes areas by code and by folded name.
func readAreas(ctx context.Context, r *repo.Repository, p repo.Principal) (map[string]*areaRecord, error) {
	known := map[string]*areaRecord{}
	_, err := r.Read(ctx, p, repo.Query{Dataset: repo.SystemArea, Fields: []string{"code", "name", "kind"}}, func(rec repo.Record) error {
		a := &areaRecord{code: strings.Clone(textOf(rec, "code")), former: textOf(rec, "kind") == "former"}
		known["#"+a.code] = a
		name := areaKey(textOf(rec, "name"))
		switch old := known[name]; {
		case old == nil, old.former && !a.former:
			known[name] = a
		case old.former == a.former:
			old.twice = true
		}
		return nil
	})
	return known, err
}

// areaKey folds an area's name and leaves its unit word out.
func areaKey(name string) string {
	key := strings.Join(strings.Fields(value.Fold(nfc(name))), " ")
	for _, unit := range []string{"phuong ", "xa ", "thi tran ", "thanh pho ", "tp. ", "quan ", "huyen "} {
		if rest, ok := strings.CutPrefix(key, unit); ok {
			return rest
		}
	}
	return key
}

type areaReader struct {
	src     *Source
	entry   *repo.Entry
	known   map[string]*areaRecord
	names   AreaNames
	seen    map[string]bool
	changes []commit.Change
	faults  []problem.Violation
}

func (a *areaReader) readAll(ctx context.Context) error {
	for {
		err := a.src.NextTable()
		if err == io.EOF {
			break
		}
		for err == nil {
			var row Row
			if err = ctx.Err(); err == nil {
				if err = a.src.Next(&row); err == nil {
					a.row(&row)
				}
			}
		}
		if err != io.EOF {
			return err
		}
	}
	return problem.InvalidWith("intake-areas", a.faults)
}

func (a *areaReader) row(row *Row) {
	at := a.src.Position(row.Line)
	if row.Fault != nil {
		a.faults = append(a.faults, row.Fault.At(at))
		return
	}
	cell := func(own string, usual []string) string {
		if own != "" {
			usual = []string{own}
		}
		for _, name := range usual {
			for i, c := range a.src.Columns() {
				if c == name && i < len(row.Cells) && !row.Cells[i].Null {
					return strings.TrimSpace(nfc(row.Cells[i].Text))
				}
			}
		}
		return ""
	}
	code, name := cell(a.names.Code, areaCodes), cell(a.names.Name, areaTitles)
	area := a.known["#"+code]
	if area == nil && name != "" {
		area = a.known[areaKey(name)]
	}
	label := strings.TrimSpace(code + " " + name)
	fault := func(kind string) {
		a.faults = append(a.faults, problem.Violate(kind, "", "name", label).At(at))
	}
	if area == nil || area.twice && a.known["#"+code] == nil {
		fault("intake-area-unknown")
		return
	}
	if a.seen[area.code] {
		fault("intake-area-twice")
		return
	}
	a.seen[area.code] = true
	wkb, err := geom.FromGeoJSON([]byte(cell("geometry", nil)))
	if err == nil {
		err = geom.Valid(wkb)
	}
	if err != nil || !polygonal(wkb) {
		fault("intake-area-shape")
		return
	}
	t := a.entry.Table
	change := commit.Change{Dataset: repo.SystemArea, Op: commit.Patch, Row: make([]value.Value, t.Width()), Mask: make([]bool, t.Width()), Expect: commit.Present}
	set := func(field string, v value.Value) {
		c := columnIn(t, field)
		change.Row[c], change.Mask[c] = v, true
	}
	set("code", value.OfText(area.code))
	set("boundary", value.OfGeometry(wkb))
	set("schematic", value.OfBool(false))
	a.changes = append(a.changes, change)
}

// polygonal tells that WKB holds a polygon or several.
func polygonal(wkb string) bool {
	return len(wkb) > 5 && wkb[0] == 1 && (wkb[1] == 3 || wkb[1] == 6) && wkb[2] == 0 && wkb[3] == 0 && wkb[4] == 0
}

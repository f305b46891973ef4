package app

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// City is a folder of declarations, read and checked: datasets/**/*.yaml, the
// records that a city starts with (sectors.csv, agencies*.csv, areas*.csv and
// records/DATASET.csv, typed CSV whose header names the fields of the dataset),
// and what it defines: indicators, dashboards, alerts, workflows, playbooks,
// reports and calendars in folders of these names, and in requests.yaml what may
// be reported to it.
type City struct {
	Datasets []*dataset.Dataset
	files    []cityFile

	definitions []definitionFile
}

type cityFile struct{ dataset, path string }

// LoadCity reads a folder. Every fault of every declaration is told at once.
func LoadCity(folder string) (*City, error) {
	city := &City{}
	var violations []problem.Violation
	err := filepath.WalkDir(filepath.Join(folder, "datasets"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(path)) {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		ds, err := dataset.Parse(path, b)
		if err != nil {
			p, ok := errors.AsType[*problem.Error](err)
			if !ok {
				return err
			}
			violations = append(violations, p.Violations...)
			return nil
		}
		city.Datasets = append(city.Datasets, ds)
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, problem.Wrap(err, problem.Invalid, "file-unreadable", "file", folder)
	}
	if err := problem.InvalidWith("declarations-invalid", violations, "count", len(violations)); err != nil {
		return nil, err
	}
	for _, start := range []struct{ dataset, pattern string }{
		{repo.SystemSector, "sectors.csv"}, {repo.SystemAgency, "agencies*.csv"}, {repo.SystemArea, "areas*.csv"},
	} {
		paths, err := filepath.Glob(filepath.Join(folder, start.pattern))
		if err != nil {
			return nil, err
		}
		for _, p := range paths {
			city.files = append(city.files, cityFile{start.dataset, p})
		}
	}
	own, err := filepath.Glob(filepath.Join(folder, "records", "*.csv"))
	if err != nil {
		return nil, err
	}
	for _, p := range own {
		city.files = append(city.files, cityFile{strings.TrimSuffix(filepath.Base(p), ".csv"), p})
	}
	if city.definitions, err = readDefinitions(folder); err != nil {
		return nil, err
	}
	if len(city.Datasets) == 0 && len(city.files) == 0 && len(city.definitions) == 0 {
		return nil, problem.New(problem.Invalid, "folder-empty", "folder", folder)
	}
	return city, nil
}

// RecordsResult tells what a city's own records did to a system dataset.
type RecordsResult struct {
	Dataset                     string
	Created, Updated, Unchanged int64
}

// Action is the result in the word a plan uses.
func (r RecordsResult) Action() string {
	switch {
	case r.Created > 0:
		return "create"
	case r.Updated > 0:
		return "change"
	}
	return "none"
}

// ApplyRecords puts the city's sectors, agencies and areas. Areas without
// surveyed borders get schematic ones around their centres; surveyed ones are
// never overwritten. A dry run compares and changes nothing.
func (c *City) ApplyRecords(ctx context.Context, r *repo.Repository, p repo.Principal, dry bool) ([]RecordsResult, error) {
	var results []RecordsResult
	var violations []problem.Violation
	byDataset := map[string]*record.Batch{}
	entries := map[string]*repo.Entry{}
	for _, f := range c.files {
		e, err := r.Entry(p, f.dataset)
		if dry && problem.KindOf(err) == problem.NotFound {
			continue // declared by the plan that this run only shows
		}
		if err != nil {
			return nil, err
		}
		if byDataset[f.dataset] == nil {
			byDataset[f.dataset], entries[f.dataset] = record.NewBatch(e.Schema), e
		}
		faults, err := readTyped(f.path, e.Schema, byDataset[f.dataset])
		if err != nil {
			return nil, err
		}
		violations = append(violations, faults...)
	}
	if err := problem.InvalidWith("city-rows-invalid", violations, "count", len(violations)); err != nil {
		return nil, err
	}
	for _, name := range referredFirst(entries) {
		batch := byDataset[name]
		if name == repo.SystemArea {
			if err := drawBorders(ctx, r, p, entries[name], batch); err != nil {
				return results, err
			}
		}
		res, err := putAll(ctx, r, p, entries[name], batch, dry)
		results = append(results, res)
		if err != nil {
			return results, err
		}
	}
	if len(c.definitions) > 0 {
		res, err := c.putDefinitions(ctx, r, p, dry)
		if err != nil {
			return results, err
		}
		results = append(results, res)
	}
	return results, nil
}

// referredFirst orders datasets so that each comes after those its foreign keys
// name; areas come first of all, since places are looked up in them.
func referredFirst(entries map[string]*repo.Entry) []string {
	names := slices.Sorted(maps.Keys(entries))
	var order []string
	var visit func(name string)
	visit = func(name string) {
		if entries[name] == nil || slices.Contains(order, name) {
			return
		}
		e := entries[name]
		delete(entries, name) // a circle of references ends here
		for _, fk := range e.Dataset.Schema.ForeignKeys {
			visit(fk.Reference.Resource)
		}
		entries[name] = e
		order = append(order, name)
	}
	visit(repo.SystemArea)
	for _, name := range names {
		visit(name)
	}
	return order
}

func readTyped(path string, s *record.Schema, b *record.Batch) ([]problem.Violation, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, problem.Wrap(err, problem.Invalid, "file-unreadable", "file", path)
	}
	defer f.Close()
	var violations []problem.Violation
	rows := record.NewCSVReader(f, s, record.Limits{})
	for {
		faults, err := rows.Next(b, 1000)
		for _, fault := range faults {
			for _, v := range fault.Violations {
				v.Position = fault.Position
				v.Position.File = path
				violations = append(violations, v)
			}
		}
		if err == io.EOF {
			return violations, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// putAll compares each row with what is stored and commits those that differ.
func putAll(ctx context.Context, r *repo.Repository, p repo.Principal, e *repo.Entry, b *record.Batch, dry bool) (RecordsResult, error) {
	res := RecordsResult{Dataset: e.Dataset.Name}
	req := &commit.Request{Header: commit.Header{Actor: p.Name, Source: "declaration", Reason: "the city's own records"}}
	for i := range b.Len() {
		row := b.Row(i)
		now, err := r.Get(ctx, p, e.Dataset.Name, e.Table.KeyOf(nil, row), 0)
		switch {
		case problem.KindOf(err) == problem.NotFound:
			res.Created++
		case err != nil:
			return res, err
		case sameFields(e.Table, now.Values, row):
			res.Unchanged++
			continue
		default:
			res.Updated++
		}
		req.Changes = append(req.Changes, commit.Change{Dataset: e.Dataset.Name, Op: commit.Put, Row: row})
	}
	if dry || len(req.Changes) == 0 {
		return res, nil
	}
	_, err := r.Commit(ctx, p, req)
	return res, err
}

// sameFields compares what is declared; derived columns follow from it.
func sameFields(t *dataset.Table, a, b []value.Value) bool {
	for i, c := range t.Columns {
		if !c.Derived && a[i] != b[i] {
			return false
		}
	}
	return true
}

// schematicMargin is how far, in km, schematic borders reach beyond the
// outermost centres.
const schematicMargin = 7

// drawBorders fills the boundary of areas that have none: what is stored when
// it was surveyed, else a schematic one.
func drawBorders(ctx context.Context, r *repo.Repository, p repo.Principal, e *repo.Entry, b *record.Batch) error {
	column := func(name string) int {
		i, _, _, _ := e.Table.Property(name)
		return i
	}
	boundary, schematic, location, kind, size := column("boundary"), column("schematic"), column("location"), column("kind"), column("areaKm2")
	var centres []geom.Centre
	var rows [][]value.Value
	for i := range b.Len() {
		row := b.Row(i)
		if k := row[kind].Text(); k == "city" || k == "former" || !row[boundary].IsNull() {
			continue
		}
		lon, lat, ok := geom.PointOf(row[location].WKB())
		if !ok {
			continue
		}
		km2, _ := row[size].Number()
		centres = append(centres, geom.Centre{Lon: lon, Lat: lat, Area: km2})
		rows = append(rows, row)
	}
	for i, cell := range geom.Schematic(centres, schematicMargin) {
		if cell != "" {
			rows[i][boundary], rows[i][schematic] = value.OfGeometry(cell), value.OfBool(true)
		}
	}
	for _, row := range rows {
		now, err := r.Get(ctx, p, repo.SystemArea, e.Table.KeyOf(nil, row), 0)
		if problem.KindOf(err) == problem.NotFound {
			continue
		}
		if err != nil {
			return err
		}
		if surveyed := now.Values[schematic]; !now.Values[boundary].IsNull() && !surveyed.Bool() {
			row[boundary], row[schematic] = now.Values[boundary], now.Values[schematic]
		}
	}
	return nil
}

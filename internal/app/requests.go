package app

import (
	"context"
	"slices"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/request"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// requestsFile is the one file of a city that declares what may be reported.
const requestsFile = "requests.yaml"

// requestsDataset holds the reports.
const requestsDataset = "service-request"

// checkRequests reads a catalogue of requests by itself. Agencies and areas are
// records, which are looked at where a city's folder is applied.
func checkRequests(file string, text []byte, _ func(string) *dataset.Dataset) error {
	_, err := request.Parse(file, text)
	return err
}

// checkRequests reads the catalogue with the agencies and areas of this folder
// and of the city.
func (c *City) checkRequests(ctx context.Context, r *repo.Repository, p repo.Principal, f definitionFile, find func(string) *dataset.Dataset) error {
	catalogue, err := request.Parse(f.path, []byte(f.text))
	if err != nil {
		return err
	}
	facts := request.Facts{Agencies: map[string]request.Agency{}}
	if d := find(requestsDataset); d != nil {
		for _, field := range d.Schema.Fields {
			for name, into := range map[string]*[]string{"category": &facts.Categories, "track": &facts.Tracks, "outcome": &facts.Outcomes} {
				if field.Name != name {
					continue
				}
				for _, v := range field.Categories {
					if code, ok := v.Value.(string); ok {
						*into = append(*into, code)
					}
				}
			}
		}
	}
	areas := map[string]map[string]string{}
	if err := c.eachRow(ctx, r, p, repo.SystemArea, func(row map[string]string) { areas[row["code"]] = row }); err != nil {
		return err
	}
	for code, row := range areas {
		if today(row) && row["kind"] != "city" {
			facts.Areas = append(facts.Areas, code)
		}
	}
	slices.Sort(facts.Areas)
	err = c.eachRow(ctx, r, p, repo.SystemAgency, func(row map[string]string) {
		area, placed := areas[row["area"]]
		facts.Agencies[row["code"]] = request.Agency{Area: row["area"], Live: !placed || today(area)}
	})
	if err != nil {
		return err
	}
	return request.Check(catalogue, facts)
}

// today tells that an area was not replaced by another.
func today(area map[string]string) bool {
	return area["kind"] != "former" && area["successor"] == ""
}

// eachRow gives the texts of the rows of a dataset: those that are stored, then
// those of this folder's own files, which a dry run has not put.
func (c *City) eachRow(ctx context.Context, r *repo.Repository, p repo.Principal, name string, take func(map[string]string)) error {
	e, err := r.Entry(p, name)
	if err != nil {
		return err
	}
	texts := func(values []value.Value) map[string]string {
		row := map[string]string{}
		for _, field := range []string{"code", "kind", "area", "successor"} {
			if i, ok := e.Schema.Column(field); ok && values[i].Kind() == value.Text {
				row[field] = values[i].Text()
			}
		}
		return row
	}
	if _, err := r.Read(ctx, p, repo.Query{Dataset: name}, func(rec repo.Record) error {
		take(texts(rec.Values))
		return nil
	}); err != nil {
		return err
	}
	for _, f := range c.files {
		if f.dataset != name {
			continue
		}
		b := record.NewBatch(e.Schema)
		if _, err := readTyped(f.path, e.Schema, b); err != nil {
			return err
		}
		for i := range b.Len() {
			take(texts(b.Row(i)))
		}
	}
	return nil
}

package repo

import (
	"context"
	"slices"
	"strings"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// Definition is a file that the city declares something in, as the dataset
// definition holds it.
type Definition struct {
	Kind, Name     string
	Title, TitleEn string
	Owner          string // agency
	Text           string // YAML
	Version        int64  // seq of the commit that wrote it
}

// CheckDefinition reads a definition of one kind and tells everything that is
// wrong with it: an Invalid error whose violations stand at lines and columns of
// the file. find gives the declaration of a dataset, nil where there is none.
type CheckDefinition func(file string, text []byte, find func(dataset string) *dataset.Dataset) error

// definitions are all of one moment.
type definitions struct {
	version int64 // of the catalog that first had them
	list    []Definition
}

// Definitions lists the definitions of a kind by name. They are no secret among
// staff; which records they select is for each reader's rights to say.
func (r *Repository) Definitions(kind string) []Definition {
	var list []Definition
	for _, d := range r.catalog.Load().definitions.list {
		if d.Kind == kind {
			list = append(list, d)
		}
	}
	return list
}

// DefinitionsVersion changes whenever a definition does: before such a commit of
// this process returns, and within Config.Poll after one of another process.
func (r *Repository) DefinitionsVersion() int64 { return r.catalog.Load().definitions.version }

// withDefinitions completes a catalog that is being read.
func (r *Repository) withDefinitions(ctx context.Context, c, old *catalog) error {
	e := c.entries[SystemDefinition]
	if e == nil { // a database that is being made, or an older one
		return nil
	}
	if old != nil && old.version <= c.version && old.entries[SystemDefinition] != nil {
		touched := false
		lr := store.LogRange{After: old.version, Upto: c.version, Datasets: []string{SystemDefinition}, Limit: 1}
		err := r.driver.Log(ctx, lr, func(*commit.Entry) error { touched = true; return nil })
		if err != nil || !touched {
			c.definitions = old.definitions
			return err
		}
	}
	c.definitions.version = c.version
	err := r.driver.Read(ctx, store.Query{Table: e.Table}, func(row store.Row) error {
		f := fieldsOf(e.Table, row.Values)
		text := func(name string) string { return strings.Clone(f.text(name)) }
		c.definitions.list = append(c.definitions.list, Definition{
			Kind: text("kind"), Name: text("name"), Title: text("title"), TitleEn: text("titleEn"), Owner: text("owner"),
			Text: text("text"), Version: row.Version,
		})
		return nil
	})
	slices.SortFunc(c.definitions.list, func(a, b Definition) int {
		if a.Kind != b.Kind {
			return strings.Compare(a.Kind, b.Kind)
		}
		return strings.Compare(a.Name, b.Name)
	})
	return err
}

// checkDefinition adds what is wrong with the text of a definition.
func (r *Repository) checkDefinition(c *catalog, t *dataset.Table, row []value.Value, violations []problem.Violation) ([]problem.Violation, error) {
	if r.checks == nil {
		return violations, nil
	}
	f := fieldsOf(t, row)
	kind, name := f.text("kind"), f.text("name")
	check := r.checks[kind]
	if check == nil {
		return append(violations, problem.Violate("definition-kind", "kind", "kind", kind)), nil
	}
	err := check(kind+"/"+name+".yaml", []byte(f.text("text")), func(name string) *dataset.Dataset {
		if e := c.entries[name]; e != nil {
			return e.Dataset
		}
		return nil
	})
	if err == nil {
		return violations, nil
	}
	if p := problem.As(err); p.Kind == problem.Invalid {
		if len(p.Violations) == 0 {
			return append(violations, problem.Violation{Code: p.Code, Field: "text", Args: p.Args}), nil
		}
		return append(violations, p.Violations...), nil
	}
	return violations, err
}

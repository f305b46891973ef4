package cli

import (
	"fmt"
	"os"
	"strings"

	"huong.city/huong/internal/app"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/ingest"
)

// applyCommand turns a folder of declarations into commits.
type applyCommand struct {
	where
	Folder string `arg:"" help:"Folder with datasets/*.yaml and, for a city, sectors.csv, agencies.csv, areas.csv." type:"existingdir"`
	DryRun bool   `help:"Show the plan and change nothing."`
}

// Run implements the command.
func (c *applyCommand) Run(s *session) error {
	city, err := app.LoadCity(c.Folder)
	if err != nil {
		return err
	}
	at := c.where
	if c.DryRun {
		there, err := at.app().Exists(s.ctx)
		if err != nil {
			return err
		}
		if !there { // the plan for a new city is made in one that is thrown away
			scratch, err := os.MkdirTemp("", "huong-plan-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(scratch)
			at.Data, at.Database = scratch, ""
		}
	}
	r, err := s.openOrMake(at)
	if err != nil {
		return err
	}
	defer r.Close(s.ctx)
	plan, err := r.Plan(s.ctx, repo.Operator(), city.Datasets)
	if err != nil {
		return err
	}
	for _, step := range plan.Steps {
		fmt.Fprintf(s.out, "%-7s %s\n", step.Action, step.Dataset)
		for _, n := range step.Notes {
			fmt.Fprintf(s.out, "        %s\n", n.In(s.lang))
		}
		for _, f := range step.Refusals {
			fmt.Fprintf(s.out, "        refused: %s; %d records would break: %s\n", f.Change.In(s.lang), f.Count, listOf(f.Records, f.Count))
		}
	}
	if plan.Refused() {
		_, err := r.Apply(s.ctx, repo.Operator(), plan)
		return err
	}
	if !c.DryRun {
		if _, err := r.Apply(s.ctx, repo.Operator(), plan); err != nil {
			return err
		}
	}
	results, err := city.ApplyRecords(s.ctx, r, repo.Operator(), c.DryRun)
	for _, res := range results {
		fmt.Fprintf(s.out, "%-7s %s: %d new, %d changed, %d the same\n", res.Action(), res.Dataset, res.Created, res.Updated, res.Unchanged)
	}
	return err
}

// areasCommand brings borders in.
type areasCommand struct {
	Import areasImportCommand `cmd:"" help:"Replace schematic borders by those of a GeoJSON file."`
}

type areasImportCommand struct {
	where
	File string `arg:"" help:"GeoJSON FeatureCollection of the areas." type:"existingfile"`
	Code string `help:"Property that holds the area's code; usual names are tried without it." placeholder:"PROPERTY"`
	Name string `help:"Property that holds the area's name, where there is no code." placeholder:"PROPERTY"`
}

// Run implements the command.
func (c *areasImportCommand) Run(s *session) error {
	r, err := s.open(c.where)
	if err != nil {
		return err
	}
	defer r.Close(s.ctx)
	done, err := ingest.ImportAreas(s.ctx, r, repo.Operator(), ingest.PathFile(c.File), ingest.AreaNames{Code: c.Code, Name: c.Name})
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "accepted=%d unchanged=%d quarantined=0\n", done.Updated, done.Unchanged)
	return r.Reassign(s.ctx, repo.Operator(), "borders of areas imported", func(dataset string, seen, changed int64) {
		fmt.Fprintf(s.err, "%s: %d records looked at, %d in another area\n", dataset, seen, changed)
	})
}

// tokenCommand manages access tokens.
type tokenCommand struct {
	Create tokenCreateCommand `cmd:"" help:"Create a token and print its secret once."`
	List   tokenListCommand   `cmd:"" help:"List tokens without their secrets."`
	Revoke tokenRevokeCommand `cmd:"" help:"End a token; a server that runs obeys within half a second."`
}

type tokenCreateCommand struct {
	where
	Read    []string `help:"Datasets that may be read; * for all." placeholder:"DATASET" sep:","`
	Write   []string `help:"Datasets that may be written; * for all." placeholder:"DATASET" sep:","`
	Name    string   `help:"What the token is for." default:"token"`
	Purpose string   `help:"Code of the purpose (dataset purpose) that personal data is read for; data-exchange without it." placeholder:"CODE"`
	For     string   `help:"How long it holds, e.g. 90d or 12h; without it, until revoked." placeholder:"DURATION"`
}

// Run implements the command.
func (c *tokenCreateCommand) Run(s *session) error {
	r, err := s.open(c.where)
	if err != nil {
		return err
	}
	defer r.Close(s.ctx)
	until, err := deadline(r.Now(), c.For)
	if err != nil {
		return err
	}
	secret, err := r.CreateToken(s.ctx, repo.Operator(), c.Name, c.Read, c.Write, c.Purpose, until)
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, secret)
	return nil
}

type tokenListCommand struct{ where }

// Run implements the command.
func (c *tokenListCommand) Run(s *session) error {
	r, err := s.open(c.where)
	if err != nil {
		return err
	}
	defer r.Close(s.ctx)
	fmt.Fprintln(s.out, "id        state    name, read → write")
	_, err = r.Read(s.ctx, repo.Operator(), repo.Query{Dataset: repo.SystemToken}, func(rec repo.Record) error {
		get := func(name string) string { return cell(rec, name) }
		state := "valid"
		until, _, _, _ := rec.Entry.Table.Property("until")
		switch end := rec.Values[until]; {
		case get("revoked") == "true":
			state = "revoked"
		case !end.IsNull() && !end.Instant().After(r.Now()):
			state = "ended"
		}
		fmt.Fprintf(s.out, "%-9s %-8s %s, %s → %s\n", get("id"), state, get("name"), get("read"), get("write"))
		return nil
	})
	return err
}

type tokenRevokeCommand struct {
	where
	ID string `arg:"" help:"The token's id, as token list shows it."`
}

// Run implements the command.
func (c *tokenRevokeCommand) Run(s *session) error {
	r, err := s.open(c.where)
	if err != nil {
		return err
	}
	defer r.Close(s.ctx)
	return r.RevokeToken(s.ctx, repo.Operator(), c.ID)
}

// cell is a field's text form.
func cell(rec repo.Record, name string) string {
	i, _, _, ok := rec.Entry.Table.Property(name)
	if !ok || rec.Values[i].IsNull() {
		return ""
	}
	return string(rec.Entry.Schema.AppendCell(nil, i, rec.Values[i]))
}

func listOf(records []string, total int64) string {
	s := strings.Join(records, " ")
	if int64(len(records)) < total {
		s += " …"
	}
	return s
}

func readable(file string) (*os.File, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, problem.Wrap(err, problem.Invalid, "file-unreadable", "file", file)
	}
	return f, nil
}

package app

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"huong.city/huong/internal/core/alert"
	"huong.city/huong/internal/core/calendar"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/declare"
	"huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/report"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/incident"
)

// checks lists what reads each kind of definition.
func checks() map[string]repo.CheckDefinition {
	return map[string]repo.CheckDefinition{
		"alert":     alert.Check,
		"workflow":  incident.CheckWorkflow,
		"playbook":  incident.CheckPlaybook,
		"indicator": indicator.Check,
		"report":    report.Check,
		"dashboard": checkBoard,
		"calendar":  checkCalendar,
		"requests":  checkRequests,
	}
}

func checkCalendar(file string, text []byte, _ func(string) *dataset.Dataset) error {
	_, err := calendar.Parse(file, text)
	return err
}

// workingTime counts by the calendar that the city defines, the first by name.
// Where there is none, or it does not hold the days, every hour counts: a
// deadline then comes early, and no case stands still because nobody told the
// calendar of next year.
func workingTime(r *repo.Repository) workflow.Clock {
	var mu sync.Mutex
	var read int64 // version of the definitions that now is of
	var now *calendar.Calendar
	find := func() *calendar.Calendar {
		mu.Lock()
		defer mu.Unlock()
		if v := r.DefinitionsVersion(); v != read {
			read, now = v, nil
			for _, d := range r.Definitions("calendar") {
				if c, err := calendar.Parse(d.Name, []byte(d.Text)); err == nil {
					now = c
					break
				}
			}
		}
		return now
	}
	return workflow.Clock{
		Add: func(from time.Time, d time.Duration) (time.Time, error) {
			if c := find(); c != nil {
				if due, err := c.AddWorkingHours(from, d); err == nil {
					return due, nil
				}
			}
			return from.Add(d), nil
		},
		Between: func(from, until time.Time) (time.Duration, error) {
			if c := find(); c != nil {
				if passed, err := c.WorkingTimeBetween(from, until); err == nil {
					return passed, nil
				}
			}
			return until.Sub(from), nil
		},
	}
}

// definitionFolders are the folders of a city that hold definitions, by kind.
func definitionFolders() map[string]string {
	return map[string]string{
		"indicators": "indicator", "dashboards": "dashboard", "alerts": "alert", "workflows": "workflow",
		"playbooks": "playbook", "reports": "report", "calendars": "calendar",
	}
}

// definitionFile is a file that holds a definition. Its name is the file's.
type definitionFile struct{ kind, name, path, text string }

// readDefinitions finds the definitions of a city's folder.
func readDefinitions(folder string) (list []definitionFile, err error) {
	patterns := map[string]string{requestsFile: "requests"}
	for dir, kind := range definitionFolders() {
		patterns[filepath.Join(dir, "*.yaml")] = kind
	}
	for pattern, kind := range patterns {
		found, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range found {
			b, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) {
				continue // gone since it was listed
			}
			if err != nil {
				return nil, problem.Wrap(err, problem.Invalid, "file-unreadable", "file", path)
			}
			list = append(list, definitionFile{kind, strings.TrimSuffix(filepath.Base(path), ".yaml"), path, string(b)})
		}
	}
	return list, nil
}

// putDefinitions puts the city's definitions, and tells all that is wrong with
// them by their files' names.
func (c *City) putDefinitions(ctx context.Context, r *repo.Repository, p repo.Principal, dry bool) (RecordsResult, error) {
	e, err := r.Entry(p, repo.SystemDefinition)
	if err != nil {
		return RecordsResult{}, err
	}
	var violations []problem.Violation
	batch := record.NewBatch(e.Schema)
	for _, f := range c.definitions {
		if err := c.check(ctx, r, p, f); err != nil {
			wrong := problem.As(err)
			if wrong.Kind != problem.Invalid {
				return RecordsResult{}, err
			}
			for _, v := range wrong.Violations {
				v.Position.File = f.path
				violations = append(violations, v)
			}
			continue
		}
		row := batch.Append()
		title, owner := headOf(f)
		for name, text := range map[string]string{"kind": f.kind, "name": f.name, "title": title["vi"], "titleEn": title["en"], "owner": owner, "text": f.text} {
			if i, _, _, ok := e.Table.Property(name); ok && text != "" {
				row[i] = value.OfText(text)
			}
		}
	}
	if err := problem.InvalidWith("definitions-invalid", violations, "count", len(violations)); err != nil {
		return RecordsResult{}, err
	}
	return putAll(ctx, r, p, e, batch, dry)
}

// check reads a definition with the datasets of this folder and, beside them,
// those that are declared already.
func (c *City) check(ctx context.Context, r *repo.Repository, p repo.Principal, f definitionFile) error {
	read := checks()[f.kind]
	if read == nil {
		return problem.InvalidWith("definitions-invalid", []problem.Violation{problem.Violate("definition-kind", "", "kind", f.kind)}, "count", 1)
	}
	find := func(name string) *dataset.Dataset {
		for _, d := range c.Datasets {
			if d.Name == name {
				return d
			}
		}
		if e, err := r.Entry(p, name); err == nil {
			return e.Dataset
		}
		return nil
	}
	switch f.kind {
	case "dashboard":
		return c.checkBoard(r, f, find)
	case "requests":
		return c.checkRequests(ctx, r, p, f, find)
	}
	return read(f.path, []byte(f.text), find)
}

// headOf reads the title and the owner of a definition whatever its kind.
func headOf(f definitionFile) (declare.Words, string) {
	doc := declare.ReadYAML(f.path, []byte(f.text))
	if doc.Root == nil {
		return nil, ""
	}
	m := doc.Map(doc.Root, "")
	return m.Words("title"), m.Text("owner")
}

package ui

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/sharing"
)

// closed is the error of a dataset of which its reader sees nothing, but of which
// they may know, since they may ask for it. It is answered by a page that says
// why and what to do next.
type closed struct {
	access sharing.Access
	error
}

func (c *closed) Unwrap() error { return c.error }

// closedTo turns the error of a dataset that seems not to exist into closed,
// where the reader may know that it does.
func (v *view) closedTo(name string, err error) error {
	if problem.KindOf(err) != problem.NotFound || v.u.Sharing == nil {
		return err
	}
	a, why := v.u.Sharing.Access(v.r.Context(), v.p, name, grant.Read)
	if why != nil || !a.MayAsk {
		return err
	}
	return &closed{a, problem.New(problem.Denied, "dataset-closed", "dataset", name)}
}

// closedData is the page of a dataset of which the reader sees nothing.
type closedData struct {
	*closed
	d     *dataset.Dataset
	Lacks []string
	Past  *grantRow // the last thing that became of a grant of the reader's agency
	Ended bool      // it was in force once
}

func (v *view) showClosed(c *closed) error {
	d := closedData{closed: c, d: c.access.Entry.Dataset}
	for _, x := range c.access.Explain.Lacks {
		d.Lacks = append(d.Lacks, v.lack(c.access.Entry, x))
	}
	list, _, err := v.u.Sharing.List(v.r.Context(), v.p, sharing.Query{Dataset: d.d.Name, Of: "mine"})
	if err != nil {
		return err
	}
	if len(list) > 0 {
		last := slices.MaxFunc(list, func(a, b sharing.Grant) int { return int(a.Version - b.Version) })
		row := v.grantRow(last, v.now)
		d.Past = &row
		d.Ended = row.At == grant.Revoked || row.At == grant.Ended
	}
	v.nav, v.title = "data", d.d.Title.In(v.lang)
	status := http.StatusForbidden
	if strings.HasSuffix(v.r.URL.Path, "/sharing") {
		status = http.StatusOK // what is asked for there is just this
	}
	return v.show(status, closedPage(v, d))
}

// locked lists the city's datasets that the reader sees nothing of and may ask
// for.
func (v *view) locked(seen []*repo.Entry) []*repo.Entry {
	if v.u.Sharing == nil || !sharing.Staff(v.p) {
		return nil
	}
	return slices.DeleteFunc(v.u.Repo.Entries(repo.Internal()), func(e *repo.Entry) bool {
		return e.System || slices.ContainsFunc(seen, func(s *repo.Entry) bool { return s.Dataset.Name == e.Dataset.Name })
	})
}

// lack says why a reader does not see more, with titles in place of names.
func (v *view) lack(e *repo.Entry, x problem.Violation) string {
	args := maps.Clone(x.Args)
	for key, val := range args {
		switch key {
		case "fields":
			args[key] = v.fieldsIn(e, strings.Split(val, ", "))
		case "owner":
			args[key] = v.Agency(val)
		case "dataset":
			args[key] = or(e.Dataset.Title.In(v.lang), val)
		case "purposes":
			args[key] = v.purposesOf(strings.Split(val, ", "))
		}
	}
	return problem.Text(v.lang, x.Code, args)
}

// fieldsIn are the titles of columns of a dataset, derived ones included.
func (v *view) fieldsIn(e *repo.Entry, names []string) string {
	d := datasetView{view: v, e: e, d: e.Dataset}
	var list []string
	for _, name := range names {
		list = append(list, d.columnTitle(name))
	}
	return strings.Join(list, ", ")
}

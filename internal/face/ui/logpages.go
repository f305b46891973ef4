package ui

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// logData is a page of the commit log.
type logData struct {
	Lines           []logLine
	Dataset, Agency string
	Kind, By        string // the way of writing; words of actor, source or reason
	At              string // the reader's "up to" choice
	Head            int64
	Chips           []chip
	Sets, Agencies  []option
	Paging          paging
	Fault           string
	Searched        string // how far the search went, where it went not to the end
}

const (
	logSize     = 50
	changesSize = 100
	// inlineChanges is the most changes of a commit that are read in full for a
	// list; larger ones are told by their number.
	inlineChanges = 200
)

func (u *UI) log(v *view) error {
	v.nav, v.title = "log", v.T("nav.log")
	q := v.r.URL.Query()
	l := logData{Dataset: q.Get("dataset"), Agency: q.Get("agency"), Kind: q.Get("kind"), By: strings.TrimSpace(q.Get("by")), At: q.Get("at")}
	head, err := u.Repo.Head(v.r.Context())
	if err != nil {
		return err
	}
	l.Head = head.Seq
	lq := repo.LogQuery{Desc: true}
	if l.Dataset != "" {
		l.Chips = append(l.Chips, chip{v.datasetTitle(l.Dataset), v.with("dataset", "")})
	}
	if l.Agency != "" {
		l.Chips = append(l.Chips, chip{v.T("owner") + ": " + v.Agency(l.Agency), v.with("agency", "")})
	}
	owners := map[string]bool{}
	for _, e := range u.Repo.Entries(v.p) {
		name := e.Dataset.Name
		l.Sets = append(l.Sets, option{name, e.Dataset.Title.In(v.lang)})
		owners[e.Dataset.Owner] = true
		if (l.Dataset != "" || l.Agency != "") && (l.Dataset == "" || l.Dataset == name) && (l.Agency == "" || l.Agency == e.Dataset.Owner) {
			lq.Datasets = append(lq.Datasets, name)
		}
	}
	delete(owners, "")
	for code := range owners {
		l.Agencies = append(l.Agencies, option{code, v.Agency(code)})
	}
	slices.SortFunc(l.Agencies, func(a, b option) int { return strings.Compare(value.Fold(a.Label), value.Fold(b.Label)) })
	nothing := false
	if l.Dataset != "" && len(lq.Datasets) == 0 {
		if _, err := u.Repo.Entry(v.p, l.Dataset); err != nil {
			return err
		}
	}
	if (l.Dataset != "" || l.Agency != "") && len(lq.Datasets) == 0 {
		nothing = true
	}
	if slices.Contains(logKinds[:], l.Kind) {
		l.Chips = append(l.Chips, chip{v.T("log.kind") + ": " + v.T("log.kind."+l.Kind), v.with("kind", "")})
	} else {
		l.Kind = ""
	}
	if l.By != "" {
		l.Chips = append(l.Chips, chip{"“" + l.By + "”", v.with("by", "")})
	}
	if l.At != "" {
		seq, err := v.asOf(l.At)
		if err != nil {
			l.Fault = v.T("log.at.fault")
		} else {
			lq.After = seq + 1
			l.Chips = append(l.Chips, chip{v.T("log.upto", "seq", v.N(seq)), v.with("at", "")})
		}
	}
	if before, err := strconv.ParseInt(q.Get("before"), 10, 64); err == nil && before > 0 {
		lq.After = before
		l.Paging.First = v.with("before", "")
	}
	if !nothing {
		if err := v.searchLog(&l, lq); err != nil {
			return err
		}
	}
	if n := len(l.Lines); n > 0 {
		l.Paging.Range = v.T("log.range", "from", v.N(l.Lines[0].Seq), "to", v.N(l.Lines[n-1].Seq), "head", v.N(l.Head))
	}
	if v.fragment("log") {
		return v.part(logList(v, l))
	}
	return v.show(200, logPage(v, l))
}

// logKinds are the ways in which commits come to be, told by their source.
var logKinds = [...]string{"api", "web", "file", "quarantine", "declaration", "areas", "token", "generator", "other"}

// logKind tells the way of a commit by its source.
func logKind(source string) string {
	if strings.HasPrefix(source, "file:") {
		return "file"
	}
	if slices.Contains(logKinds[:], source) && source != "file" {
		return source
	}
	return "other"
}

// searchedMost bounds how many commits one page looks through for words that
// no index holds; the next page goes on from there.
const searchedMost = 20_000

// searchLog reads a page of the log: what lq selects, and of that what fits the
// way and the words asked for.
func (v *view) searchLog(l *logData, lq repo.LogQuery) error {
	wanted := strings.Fields(value.Fold(l.By))
	searching := l.Kind != "" || len(wanted) > 0
	lq.Limit = logSize + 1
	if searching {
		lq.Limit = searchedMost
	}
	seen, last, more := 0, int64(0), false
	err := v.u.Repo.Log(v.r.Context(), v.p, lq, func(e *commit.Entry) error {
		seen++
		if l.Kind != "" && logKind(e.Source) != l.Kind || !holds(e.Header, wanted) {
			last = e.Seq
			return nil
		}
		if len(l.Lines) == logSize {
			more = true
			return errEnough
		}
		last = e.Seq
		l.Lines = append(l.Lines, v.logLine(e))
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	if more || searching && seen == searchedMost {
		l.Paging.Next = v.with("before", strconv.FormatInt(last, 10))
		if !more {
			l.Searched = v.T("log.searched", "n", v.N(int64(seen)), "seq", v.N(last))
		}
	}
	return nil
}

// holds tells whether every folded word stands in who wrote, from where or why.
func holds(h commit.Header, words []string) bool {
	if len(words) == 0 {
		return true
	}
	all := value.Fold(h.Actor + "\n" + h.Source + "\n" + h.Reason)
	for _, w := range words {
		if !strings.Contains(all, w) {
			return false
		}
	}
	return true
}

// live tells whether the list shows the end of the log and may follow it.
func (l logData) live() bool { return l.At == "" && l.Paging.First == "" }

// fieldChange is one field of a record that differs.
type fieldChange struct {
	Title, Unit         string
	Before, After       string
	HasBefore, HasAfter bool
}

// changed is one change of a commit for a reader.
type changed struct {
	Dataset, Title, Key, Href string
	Label                     string // the key as people read it
	Result                    commit.Result
	Fields                    []fieldChange
	More                      int // fields left out
}

// change describes an applied change; most fields are shown for an update, a
// few for a new or deleted record.
func (v *view) change(a *commit.Applied) changed {
	c := changed{Dataset: a.Dataset, Title: v.datasetTitle(a.Dataset), Result: a.Result()}
	e, err := v.u.Repo.Entry(v.p, a.Dataset)
	if err != nil {
		return c
	}
	row := a.After
	if row == nil {
		row = a.Before
	}
	if len(row) < e.Table.Width() { // written before columns were added
		row = append(append([]value.Value(nil), row...), make([]value.Value, e.Table.Width()-len(row))...)
	}
	c.Key = record.FormatKey(e.Table, e.Table.KeyOf(nil, row))
	c.Href = recordPath(a.Dataset, c.Key)
	d := &datasetView{view: v, e: e, d: e.Dataset}
	c.Label = d.keyLabel(row)
	c.Fields = d.differences(a.Before, a.After)
	if a.Result() != commit.Updated && len(c.Fields) > 6 {
		c.More = len(c.Fields) - 6
		c.Fields = c.Fields[:6]
	}
	return c
}

// keyLabel writes a row's key for people: the subject by its title, a time in
// the city's zone.
func (d *datasetView) keyLabel(row []value.Value) string {
	var parts []string
	for _, k := range d.e.Table.Key {
		col := d.e.Table.Columns[k]
		text := d.cell(col.Name, row[k])
		if row[k].Kind() == value.Text {
			if s := d.subject(d.e, col.Name, row[k].Text()); s != row[k].Text() {
				text = s
			}
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " · ")
}

// differences lists the visible fields whose values differ. Derived columns
// follow from the fields and are left out.
func (d *datasetView) differences(before, after []value.Value) []fieldChange {
	at := func(row []value.Value, i int) value.Value {
		if i < len(row) {
			return row[i]
		}
		return value.Value{}
	}
	var list []fieldChange
	for _, i := range d.u.Repo.Visible(d.p, d.e) {
		col := d.e.Table.Columns[i]
		b, a := at(before, i), at(after, i)
		if b == a || col.Derived && col.Name != dataset.AreaColumn {
			continue
		}
		f := fieldChange{Title: d.columnTitle(col.Name), HasBefore: before != nil, HasAfter: after != nil}
		if x, ok := d.d.Field(col.Name); ok {
			f.Unit = d.Unit(x.Unit)
		}
		f.Before, f.After = clipped(d.cell(col.Name, b)), clipped(d.cell(col.Name, a))
		list = append(list, f)
	}
	return list
}

// commitData is one commit with a page of its changes.
type commitData struct {
	Line    logLine
	Hash    string
	Changes []changed
	Paging  paging
	Prev    string
	Next    string
}

var errEnough = errors.New("enough")

func (u *UI) commit(v *view) error {
	seq, err := strconv.ParseInt(v.r.PathValue("seq"), 10, 64)
	if err != nil || seq < 1 {
		return v.noPage()
	}
	v.nav, v.title = "log", v.T("commit.title", "seq", v.N(seq))
	start, _ := strconv.Atoi(v.r.URL.Query().Get("start"))
	start = max(start, 1)
	c := commitData{}
	found := false
	err = u.Repo.Log(v.r.Context(), v.p, repo.LogQuery{After: seq - 1, Limit: 1, Changes: true}, func(e *commit.Entry) error {
		if e.Seq != seq {
			return nil
		}
		found = true
		c.Line = v.logLine(e)
		c.Hash = strconv.FormatUint(uint64(e.Hash[0])<<24|uint64(e.Hash[1])<<16|uint64(e.Hash[2])<<8|uint64(e.Hash[3]), 16)
		end := min(start-1+changesSize, len(e.Changes))
		for i := start - 1; i < end; i++ {
			c.Changes = append(c.Changes, v.change(&e.Changes[i]))
		}
		at := func(n int) string { return to(v.r.URL.Path, "start", strconv.Itoa(n)) }
		if n := len(c.Changes); n > 0 {
			c.Paging.Range = v.T("page.range", "from", v.N(int64(start)), "to", v.N(int64(start+n-1)), "of", v.N(int64(len(e.Changes))))
		}
		if end < len(e.Changes) {
			c.Paging.Next = at(end + 1)
		}
		if start > 1 {
			c.Paging.First, c.Paging.Prev = v.r.URL.Path, at(max(1, start-changesSize))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !found {
		return problem.New(problem.NotFound, "not-found", "what", v.T("commit.title", "seq", v.N(seq)))
	}
	if head, err := u.Repo.Head(v.r.Context()); err == nil && seq < head.Seq {
		c.Next = logPath(seq + 1)
	}
	if seq > 1 {
		c.Prev = logPath(seq - 1)
	}
	return v.show(200, commitPage(v, c))
}

// changesData is the tail of one dataset's changes.
type changesData struct {
	Commits []commitChanges
	Paging  paging
}

type commitChanges struct {
	Line    logLine
	Changes []changed
	More    int
}

const (
	changesCommits = 20
	changesEach    = 10
)

func (u *UI) changes(v *view) error {
	d, err := v.dataset("changes")
	if err != nil {
		return err
	}
	q := repo.LogQuery{Datasets: []string{d.d.Name}, Limit: changesCommits + 1, Desc: true}
	if before, err := strconv.ParseInt(v.r.URL.Query().Get("before"), 10, 64); err == nil && before > 0 {
		q.After = before
	}
	lines, err := v.logLines(q)
	if err != nil {
		return err
	}
	c := changesData{}
	if q.After > 0 {
		c.Paging.First = v.with("before", "")
	}
	if len(lines) > changesCommits {
		lines = lines[:changesCommits]
		c.Paging.Next = v.with("before", strconv.FormatInt(lines[changesCommits-1].Seq, 10))
	}
	for _, l := range lines {
		cc, err := v.commitChanges(v.r.Context(), d.d.Name, l)
		if err != nil {
			return err
		}
		c.Commits = append(c.Commits, cc)
	}
	if v.fragment("changes") {
		return v.part(changesList(d, c))
	}
	return d.showTab(200, changesList(d, c))
}

// commitChanges reads the first changes of a small commit.
func (v *view) commitChanges(ctx context.Context, name string, l logLine) (commitChanges, error) {
	cc := commitChanges{Line: l, More: l.Count}
	if l.Count > inlineChanges {
		return cc, nil
	}
	err := v.u.Repo.Log(ctx, v.p, repo.LogQuery{After: l.Seq - 1, Limit: 1, Datasets: []string{name}, Changes: true}, func(e *commit.Entry) error {
		for i := range e.Changes {
			if len(cc.Changes) == changesEach {
				break
			}
			if e.Changes[i].Dataset == name {
				cc.Changes = append(cc.Changes, v.change(&e.Changes[i]))
			}
		}
		return nil
	})
	cc.More = l.Count - len(cc.Changes)
	return cc, err
}

// importData is a page of imports.
type importData struct {
	Rows    []importRow
	Dataset string
	Chips   []chip
	Paging  paging
}

type importRow struct {
	ID, Dataset, Title, Source, State, StateWord, Actor, Started string
	Read, Accepted, Updated, Unchanged, Quarantined, Skipped     string
	Seconds                                                      string
	Held                                                         bool
}

func (u *UI) imports(v *view) error {
	v.nav, v.title = "imports", v.T("nav.imports")
	if _, err := u.Repo.Entry(v.p, repo.SystemImport); err != nil {
		return err
	}
	q := v.r.URL.Query()
	d := importData{Dataset: q.Get("dataset")}
	rq := repo.Query{Limit: logSize, Cursor: q.Get("cursor"), Count: true}
	if d.Dataset != "" {
		rq.Filter = equal("dataset", d.Dataset)
		d.Chips = append(d.Chips, chip{v.datasetTitle(d.Dataset), v.with("dataset", "")})
	}
	page, rows, err := v.importRows(rq)
	if err != nil {
		return err
	}
	d.Rows = rows
	d.Paging = v.simplePaging(page, q, len(rows))
	if v.fragment("imports") {
		return v.part(importList(v, d))
	}
	return v.show(200, importPage(v, d))
}

// simplePaging leads forward by cursor and back to the start.
func (v *view) simplePaging(page repo.Page, q url.Values, n int) paging {
	start, _ := strconv.ParseInt(q.Get("start"), 10, 64)
	if start < 1 || q.Get("cursor") == "" {
		start = 1
	}
	p := paging{Range: v.T("page.none")}
	if n > 0 {
		p.Range = v.T("page.range", "from", v.N(start), "to", v.N(start+int64(n)-1), "of", v.N(max(page.Matched, start+int64(n)-1)))
	}
	if page.Next != "" {
		p.Next = v.with("cursor", page.Next, "start", strconv.FormatInt(start+int64(n), 10))
	}
	if q.Get("cursor") != "" {
		p.First = v.with()
	}
	return p
}

func (v *view) importRows(q repo.Query) (repo.Page, []importRow, error) {
	q.Dataset, q.Sort = repo.SystemImport, []repo.Sort{{Field: "startedAt", Desc: true}}
	var rows []importRow
	page, err := v.u.Repo.Read(v.r.Context(), v.p, q, func(r repo.Record) error {
		c := row{r.Entry.Table, r.Values}
		state, _ := r.Entry.Dataset.Field("state")
		n := func(name string) string {
			if c.value(name).IsNull() {
				return ""
			}
			return v.N(c.int(name))
		}
		i := importRow{
			ID: c.text("id"), Dataset: c.text("dataset"), Source: c.text("source"), State: c.text("state"), Actor: c.text("actor"),
			StateWord: v.Cell(state, c.value("state")), Started: v.Time(c.time("startedAt")),
			Read: n("read"), Accepted: n("accepted"), Updated: n("updated"), Unchanged: n("unchanged"), Quarantined: n("quarantined"), Skipped: n("skipped"),
			Held: c.int("quarantined") > 0,
		}
		i.Title = v.datasetTitle(i.Dataset)
		if s, ok := c.value("seconds").Number(); ok {
			i.Seconds = v.D(s, 1) + " s"
		}
		rows = append(rows, i)
		return nil
	})
	return page, rows, err
}

// sourceName is the last part of a path or address, for lists.
func sourceName(s string) string {
	if i := strings.LastIndexAny(strings.TrimRight(s, "/"), "/\\"); i >= 0 && i+1 < len(s) {
		return s[i+1:]
	}
	return s
}

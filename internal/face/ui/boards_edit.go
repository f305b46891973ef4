package ui

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dashboard"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// boardEditor is the text of a board beside what it shows.
type boardEditor struct {
	*view
	Name, Text, Reason string
	Version            int64 // that the text was made from; 0 for a new board
	Faults             []locatedFault
	Preview            *boardData
	From               string // the past version whose text this is
	Saved              bool
	Theirs             *boardChange // somebody else wrote meanwhile
	Diff               []diffLine   // from their text to this one
	Read               bool         // the reader may look, and not write
}

// locatedFault is what is wrong and where.
type locatedFault struct {
	Line, Column int
	Field, Text  string
}

// boardChange is one state of a board in its history.
type boardChange struct {
	Seq    int64
	Who    string
	At     time.Time
	Reason string
	Text   string
}

var boardName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// newBoard is what the text of a new board begins with.
const newBoard = `title: {vi: Bảng mới, en: New board}
parameters: [area, period]
sections:
  - title: {vi: Phần một, en: First section}
    widgets:
      - {kind: text, text: {vi: Nội dung., en: Text.}}
`

// openEditor reads the board that is edited, or begins a new one.
func (u *UI) openEditor(v *view) (*boardEditor, error) {
	name := v.r.PathValue("name")
	if !boardName.MatchString(name) || len(name) > 60 {
		return nil, v.noPage()
	}
	if !v.mayDefine() {
		return nil, problem.New(problem.Denied, "denied", "action", "write", "dataset", repo.SystemDefinition)
	}
	v.nav, v.class = "home", "boardpage editing"
	e := &boardEditor{view: v, Name: name, Text: newBoard}
	if d, ok := u.definitionOf(name); ok {
		e.Text, e.Version = d.Text, d.Version
	}
	v.title = v.T("boards.edit") + " – " + name
	return e, nil
}

func (u *UI) definitionOf(name string) (repo.Definition, bool) {
	_, list := u.boardsNow()
	for _, d := range list {
		if d.Name == name {
			return d, true
		}
	}
	return repo.Definition{}, false
}

func (u *UI) boardEdit(v *view) error {
	e, err := u.openEditor(v)
	if err != nil {
		return err
	}
	e.Saved = v.is("saved", "1")
	if seq, err := strconv.ParseInt(v.r.URL.Query().Get("from"), 10, 64); err == nil {
		changes, err := e.history()
		if err != nil {
			return err
		}
		for _, c := range changes {
			if c.Seq == seq {
				e.Text, e.From, e.Reason = c.Text, v.Time(c.At), v.T("boards.restored", "time", v.Time(c.At))
			}
		}
	}
	e.check()
	return v.show(http.StatusOK, boardEditPage(e))
}

// known tells what a board may name: what is declared, and itself.
func (e *boardEditor) known() dashboard.Known {
	k := dashboard.Known{
		Dataset: func(name string) *dataset.Dataset {
			if x, err := e.u.Repo.Entry(e.p, name); err == nil {
				return x.Dataset
			}
			return nil
		},
		Board: func(name string) bool {
			boards, _ := e.u.boardsNow()
			return boards[name] != nil || name == e.Name
		},
	}
	if e.u.Figures != nil {
		k.Indicator = func(name string) bool { return e.u.Figures.Definition(name) != nil }
		k.Splits = func(name string) (by []string, adds, ok bool) {
			if d := e.u.Figures.Definition(name); d != nil {
				return d.By, d.Scales(), true
			}
			return nil, false, false
		}
	}
	return k
}

// check reads the text: its faults, or what it would show to this reader.
func (e *boardEditor) check() {
	b, err := dashboard.Check(e.Name+".yaml", []byte(e.Text), e.known())
	if err != nil {
		e.fault(err)
		return
	}
	e.Preview = e.boardData(e.Name, b)
	e.Preview.Draft = true
	e.Preview.fill(-1)
}

func (e *boardEditor) fault(err error) {
	p := problem.As(err)
	for _, x := range p.Violations {
		e.Faults = append(e.Faults, locatedFault{x.Position.Line, x.Position.Column, x.Field, problem.Text(e.lang, x.Code, x.Args)})
	}
	if len(p.Violations) == 0 {
		e.Faults = append(e.Faults, locatedFault{Text: p.In(e.lang)})
	}
}

// boardPreview answers with what the draft shows, or with its faults.
func (u *UI) boardPreview(v *view) error {
	if err := v.r.ParseForm(); err != nil {
		return web400(err)
	}
	e, err := u.openEditor(v)
	if err != nil {
		return err
	}
	e.Text = unix(v.r.PostForm.Get("text"))
	e.check()
	return v.part(boardDraft(e))
}

func unix(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// boardSave writes the board, expecting the version that its text was made from.
func (u *UI) boardSave(v *view) error {
	if err := v.r.ParseForm(); err != nil {
		return web400(err)
	}
	e, err := u.openEditor(v)
	if err != nil {
		return err
	}
	form := v.r.PostForm
	e.Text, e.Reason = unix(form.Get("text")), strings.TrimSpace(form.Get("reason"))
	version, err := strconv.ParseInt(form.Get("version"), 10, 64)
	if err != nil || version < 0 {
		return problem.New(problem.Invalid, "request-malformed")
	}
	now := e.Version
	e.Version = version
	b, err := dashboard.Check(e.Name+".yaml", []byte(e.Text), e.known())
	if err == nil {
		err = e.write(b)
	}
	if err == nil {
		return v.seeOther("/boards/" + e.Name + "/edit?saved=1")
	}
	switch problem.KindOf(err) {
	case problem.Stale, problem.Conflict:
		e.Version = now // saving again is a decision for this text
		changes, err := e.history()
		if err != nil {
			return err
		}
		if len(changes) > 0 {
			e.Theirs = &changes[0]
			e.Diff = differenceOf(changes[0].Text, e.Text)
		}
		return v.show(http.StatusPreconditionFailed, boardEditPage(e))
	case problem.Invalid:
		e.fault(err)
		return v.show(http.StatusUnprocessableEntity, boardEditPage(e))
	}
	return err
}

func (e *boardEditor) write(b *dashboard.Board) error {
	entry, err := e.u.Repo.Entry(e.p, repo.SystemDefinition)
	if err != nil {
		return err
	}
	row := make([]value.Value, entry.Table.Width())
	owner := or(b.Owner, e.p.Agency)
	for name, text := range map[string]string{"kind": kindDashboard, "name": e.Name, "title": b.Title["vi"], "titleEn": b.Title["en"], "owner": owner, "text": e.Text} {
		if i, _, _, ok := entry.Table.Property(name); ok && text != "" {
			row[i] = value.OfText(text)
		}
	}
	expect := e.Version
	if expect == 0 {
		expect = commit.Absent
	}
	_, err = e.u.Repo.Commit(e.r.Context(), e.p, &commit.Request{
		Header:  commit.Header{Actor: e.p.Name, Source: "web", Reason: e.Reason},
		Changes: []commit.Change{{Dataset: repo.SystemDefinition, Op: commit.Put, Row: row, Expect: expect}},
	})
	return err
}

// history reads the states of the board, newest first, with who wrote them.
func (e *boardEditor) history() ([]boardChange, error) {
	ctx := e.r.Context()
	var list []boardChange
	key := []value.Value{value.OfText(kindDashboard), value.OfText(e.Name)}
	entry, err := e.u.Repo.Entry(e.p, repo.SystemDefinition)
	if err != nil {
		return nil, err
	}
	_, err = e.u.Repo.History(ctx, e.p, repo.SystemDefinition, key, func(s store.Version) error {
		if len(list) >= mostLife {
			return errEnough
		}
		c := boardChange{Seq: s.Seq}
		if s.Values != nil {
			c.Text = strings.Clone(row{entry.Table, s.Values}.text("text"))
		}
		list = append(list, c)
		return nil
	})
	if err != nil && err != errEnough {
		if problem.KindOf(err) == problem.NotFound {
			return nil, nil
		}
		return nil, err
	}
	for i := range list {
		err := e.u.Repo.Log(ctx, e.p, repo.LogQuery{After: list[i].Seq - 1, Limit: 1}, func(c *commit.Entry) error {
			if c.Seq == list[i].Seq {
				list[i].Who, list[i].Reason, list[i].At = c.Actor, c.Reason, time.UnixMicro(c.At)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (u *UI) boardHistory(v *view) error {
	e, err := u.openEditor(v)
	if err != nil {
		return err
	}
	changes, err := e.history()
	if err != nil {
		return err
	}
	if len(changes) == 0 {
		return v.noPage()
	}
	v.title = v.T("boards.history") + " – " + e.Name
	var lines []boardVersion
	for i, c := range changes {
		x := boardVersion{boardChange: c, Current: i == 0}
		if i+1 < len(changes) {
			x.Diff = differenceOf(changes[i+1].Text, c.Text)
		}
		lines = append(lines, x)
	}
	return v.show(http.StatusOK, boardHistoryPage(e, lines))
}

type boardVersion struct {
	boardChange
	Current bool
	Diff    []diffLine
}

// diffLine is one line of a difference: "+" new, "-" gone, "…" lines alike.
type diffLine struct{ Mark, Text string }

// mostDiff bounds the work of comparing two texts.
const mostDiff = 3000

// differenceOf compares two texts line by line: what is alike beyond one line
// around a change is left out.
func differenceOf(before, after string) []diffLine {
	a, b := strings.Split(strings.TrimRight(before, "\n"), "\n"), strings.Split(strings.TrimRight(after, "\n"), "\n")
	if len(a) > mostDiff || len(b) > mostDiff {
		return nil
	}
	// Lengths of the longest common tails, by Hunt and McIlroy's table.
	table := make([][]int32, len(a)+1)
	for i := range table {
		table[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				table[i][j] = table[i+1][j+1] + 1
			} else {
				table[i][j] = max(table[i+1][j], table[i][j+1])
			}
		}
	}
	var all []diffLine
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			all = append(all, diffLine{" ", a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && table[i+1][j] >= table[i][j+1]:
			all = append(all, diffLine{"-", a[i]})
			i++
		default:
			all = append(all, diffLine{"+", b[j]})
			j++
		}
	}
	near := func(k int) bool {
		return slices.ContainsFunc(all[max(0, k-1):min(len(all), k+2)], func(l diffLine) bool { return l.Mark != " " })
	}
	var out []diffLine
	for k, l := range all {
		switch {
		case near(k):
			out = append(out, l)
		case len(out) > 0 && out[len(out)-1].Mark != "…":
			out = append(out, diffLine{"…", ""})
		}
	}
	if len(out) > 0 && out[len(out)-1].Mark == "…" {
		out = out[:len(out)-1]
	}
	return out
}

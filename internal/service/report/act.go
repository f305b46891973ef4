package report

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	core "huong.city/huong/internal/core/report"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// Steps of the workflow that do more than move the report.
const (
	Comment = "comment" // fields are the answers
	Approve = "approve"
	Issue   = "issue"
)

const (
	mostLetters = 4000 // letters of an answer
	attempts    = 20
)

// Act is a step that somebody takes with a report.
type Act struct {
	Do      string
	Version int64 // of the record that was looked at
	Note    string
	Answers map[string]string // of Comment
}

// Act takes a step. Stale when another was taken since the version that was
// looked at; Conflict when it does not follow; Denied when it is not for p;
// Invalid with what is missing.
func (d *Desk) Act(ctx context.Context, p repo.Principal, id string, a Act) (*Report, error) {
	rules, err := d.rulesNow()
	if err != nil {
		return nil, err
	}
	for range attempts {
		r, err := d.Get(ctx, p, id)
		if err != nil {
			return nil, err
		}
		if r.Version != a.Version {
			return nil, problem.New(problem.Stale, "stale")
		}
		list, err := d.step(ctx, p, rules.workflow, r, a)
		if err != nil {
			return nil, err
		}
		_, err = d.commitAs(ctx, p, a.Do, "", list)
		if err == nil {
			return d.Get(ctx, p, id)
		}
		if k := problem.KindOf(err); a.Do != Issue || k != problem.Stale && k != problem.Conflict {
			return nil, err
		}
		// the report, or the number, was taken by somebody: look again
	}
	return nil, problem.New(problem.Unavailable, "busy")
}

// step changes a report by a step and gives the changes that write it.
func (d *Desk) step(ctx context.Context, p repo.Principal, w *workflow.Workflow, r *Report, a Act) ([]commit.Change, error) {
	c, err := w.Fold(r.events(d.repo.Zone()))
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	if t, ok := w.Transition(a.Do); ok && a.Note != "" && (slices.Contains(t.Require, "note") || slices.Contains(t.Optional, "note")) {
		fields["note"] = a.Note
	}
	e, err := w.Apply(c, actor(p, r.Agency, r.Area), workflow.Step{Transition: a.Do, At: d.now(), Fields: fields})
	if err != nil {
		return nil, err
	}
	var vs []problem.Violation
	if len([]rune(a.Note)) > mostLetters {
		vs = append(vs, problem.Violate("report-long", "note", "limit", mostLetters))
	}
	if a.Do == Comment {
		answers, faults := r.answers(a.Answers)
		r.Comments, vs = answers, append(vs, faults...)
	}
	if err := problem.InvalidWith("report-input", vs, "count", len(vs)); err != nil {
		return nil, err
	}
	now := d.now()
	r.UpdatedAt = now
	r.History = append(r.History, Step{Kind: e.Kind, Name: e.Name, At: e.At, By: p.Name, Agency: p.Agency, Level: e.Level, Note: fields["note"]})
	if err := d.settle(w, r); err != nil {
		return nil, err
	}
	list := []commit.Change{{}}
	switch a.Do {
	case Approve:
		name, err := d.signer(ctx, p)
		if err != nil {
			return nil, err
		}
		r.ApprovedBy, r.ApprovedAt, r.Signer = p.Name, now, name
	case Issue:
		n, err := d.issue(ctx, r)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	if a.Do != Issue && !r.Over {
		n, err := d.tell(r, whoseTurn(r), a.Do+"/"+strconv.FormatInt(r.Version, 10), word{"Báo cáo chờ bạn", "A report waits for you"})
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	list[0], err = d.put(r)
	return list, err
}

// answers checks what the officer wrote.
func (r *Report) answers(given map[string]string) (map[string]string, []problem.Violation) {
	out := map[string]string{}
	var vs []problem.Violation
	known := map[string]bool{}
	for _, s := range r.Content.Sections {
		for _, b := range s.Blocks {
			if b.Kind != core.Ask {
				continue
			}
			known[b.Name] = true
			text := strings.TrimSpace(strings.ReplaceAll(given[b.Name], "\r\n", "\n"))
			switch {
			case b.Need && text == "":
				vs = append(vs, problem.Violate("report-missing", b.Name))
			case len([]rune(text)) > mostLetters:
				vs = append(vs, problem.Violate("report-long", b.Name, "limit", mostLetters))
			case text != "":
				out[b.Name] = text
			}
		}
	}
	for name := range given {
		if !known[name] {
			vs = append(vs, problem.Violate("report-field", ""))
			break
		}
	}
	return out, vs
}

// Answer is what stands in a field: what was written, else what it begins with.
func (r *Report) Answer(b *Block) string {
	if s, ok := r.Comments[b.Name]; ok || len(r.Comments) > 0 {
		return s
	}
	return b.Prefill
}

// signer is the name by which an account signs.
func (d *Desk) signer(ctx context.Context, p repo.Principal) (string, error) {
	rec, err := d.repo.Get(ctx, repo.Internal(), repo.SystemAccount, []value.Value{value.OfText(p.Name)}, 0)
	if err != nil {
		if problem.KindOf(err) == problem.NotFound {
			return p.Name, nil
		}
		return "", err
	}
	return look{rec.Entry, rec.Values, d.repo.Zone()}.text("name"), nil
}

// issue gives a report its number and date and makes its papers. Whoever takes
// the number writes the one notification whose id is the number's: two reports
// cannot have the same, also when two processes issue at once.
func (d *Desk) issue(ctx context.Context, r *Report) (commit.Change, error) {
	now := d.now()
	r.IssuedAt, r.Year, r.Number = now, int64(now.Year()), 1
	q := repo.Query{Dataset: repo.SystemReport, Limit: 1, Sort: []repo.Sort{{Field: "number", Desc: true}}, Fields: []string{"number"},
		Filter: cql2.And(compare("=", "agency", value.OfText(r.Agency)), compare("=", "year", value.OfInt(r.Year)), compare(">", "number", value.OfInt(0)))}
	_, err := d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
		r.Number = look{rec.Entry, rec.Values, d.repo.Zone()}.count("number") + 1
		return nil
	})
	if err != nil {
		return commit.Change{}, err
	}
	// Decree 30/2020/ND-CP, Annex I, II.3: numbers below 10 begin with 0.
	n := strconv.FormatInt(r.Number, 10)
	if r.Number < 10 {
		n = "0" + n
	}
	r.Symbol = n + "/" + r.Content.Form.Symbol
	for lang, into := range map[string]*string{"vi": &r.DigestVi, "en": &r.DigestEn} {
		pdf, err := d.render(r, lang)
		if err != nil {
			return commit.Change{}, err
		}
		*into = digest(pdf)
		// Kept before the commit that names it: what no commit names is never read.
		if err := d.papers().Put(ctx, store.StatePut{Key: *into, Value: pdf}); err != nil {
			return commit.Change{}, err
		}
	}
	return d.notice("report-"+r.Agency+"-"+strconv.FormatInt(r.Year, 10)+"-"+strconv.FormatInt(r.Number, 10), r, "agency:"+r.Agency, word{"Đã ban hành báo cáo", "Report issued"})
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (d *Desk) papers() repo.Private { return d.repo.Private("report") }

func (d *Desk) render(r *Report, lang string) ([]byte, error) {
	if d.fonts == nil {
		return nil, problem.New(problem.Unavailable, "report-fonts")
	}
	return d.fonts.Official(r, lang, d.repo.Zone())
}

// PDF is a report on paper: of one that was issued the very file that was, else a
// draft that says so.
func (d *Desk) PDF(ctx context.Context, r *Report, lang string) ([]byte, error) {
	if !r.Issued() {
		return d.render(r, lang)
	}
	want := r.DigestVi
	if lang == "en" {
		want = r.DigestEn
	}
	b, err := d.papers().Get(ctx, want)
	if err != nil {
		return nil, err
	}
	if b == nil || digest(b) != want { // a copy of the records without the papers
		if b, err = d.render(r, lang); err != nil {
			return nil, err
		}
	}
	if digest(b) != want {
		return nil, problem.New(problem.Conflict, "report-altered")
	}
	return b, nil
}

package rights

import (
	"context"
	"strings"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// texts and moments pair the columns of a record with the members of a Request.
func (r *Request) texts() map[string]*string {
	return map[string]*string{
		"id": &r.ID, "kind": &r.Kind, "subject": &r.Subject, "account": &r.Account, "dataset": &r.Dataset, "owner": &r.Owner, "record": &r.Record,
		"text": &r.Text, "state": &r.State, "handledBy": &r.HandledBy, "answer": &r.Answer, "citation": &r.Citation,
	}
}

func (r *Request) moments() map[string]*time.Time {
	return map[string]*time.Time{"askedAt": &r.AskedAt, "answerBy": &r.AnswerBy, "completeBy": &r.CompleteBy, "answeredAt": &r.AnsweredAt, "doneAt": &r.DoneAt}
}

// of reads a record; it shares nothing with the row.
func of(rec repo.Record) Request {
	r := Request{Version: rec.Version}
	at := func(name string) value.Value {
		if i, _, _, ok := rec.Entry.Table.Property(name); ok {
			return rec.Values[i]
		}
		return value.Value{}
	}
	for name, s := range r.texts() {
		if v := at(name); v.Kind() == value.Text {
			*s = strings.Clone(v.Text())
		}
	}
	for name, t := range r.moments() {
		if v := at(name); v.Kind() == value.Time {
			*t = v.Instant()
		}
	}
	v := at("extended")
	r.Extended = v.Kind() == value.Bool && v.Bool()
	return r
}

// write commits a request's record where it still stands at the version that was
// decided upon. The log's reason names the step alone: texts are personal.
func (d *Desk) write(ctx context.Context, actor, reason string, r *Request, expect int64) error {
	e, err := d.repo.Entry(repo.Internal(), repo.SystemRight)
	if err != nil {
		return err
	}
	row := make([]value.Value, e.Table.Width())
	set := func(name string, v value.Value) {
		if i, _, _, ok := e.Table.Property(name); ok {
			row[i] = v
		}
	}
	for name, s := range r.texts() {
		if *s != "" {
			set(name, value.OfText(*s))
		}
	}
	for name, t := range r.moments() {
		if !t.IsZero() {
			set(name, value.OfInstant(*t))
		}
	}
	if r.Extended {
		set("extended", value.OfBool(true))
	}
	receipt, err := d.repo.Commit(ctx, repo.Internal(), &commit.Request{
		Header:  commit.Header{Actor: actor, Source: "rights", Reason: reason},
		Changes: []commit.Change{{Dataset: repo.SystemRight, Op: commit.Put, Row: row, Expect: expect}},
	})
	if err == nil {
		r.Version = receipt.Seq
	}
	return err
}

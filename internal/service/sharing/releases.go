package sharing

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"
	"strings"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// Release is a request to read more personal records at once than the limit, and
// what became of it. The repository looks at it when the reading comes.
type Release struct {
	ID, Dataset, Reader, Agency, Purpose, Need string
	Fields                                     []string // personal fields; none = all that the reader sees
	Most                                       int64
	State                                      string // of repo's states
	AskedBy, DecidedBy, Reason                 string
	AskedAt, DecidedAt, Until, UsedAt          int64 // µs since 1970; 0 = not yet
	Owner                                      string
	Version                                    int64
}

// Expired tells that an approval was not used in its time.
func (x *Release) Expired(now int64) bool {
	return x.State == repo.ReleaseApproved && x.Until <= now
}

// ReleaseRequest is what is asked for.
type ReleaseRequest struct {
	Dataset, Purpose, Need string
	Reader                 string // account or token that will read; "" = who asks
	Fields                 []string
	Most                   int64
}

// AskRelease records a request; everything that is wrong with it is told at once.
// Denied for who acts for no agency, NotFound for a dataset that p may not read.
func (d *Desk) AskRelease(ctx context.Context, p repo.Principal, q ReleaseRequest) (Release, error) {
	if p.Name == "" {
		return Release{}, problem.New(problem.Unauthenticated, "unauthenticated")
	}
	if !Staff(p) {
		return Release{}, problem.New(problem.Denied, "share-staff")
	}
	fields, err := d.Releasable(ctx, p, q.Dataset, q.Purpose)
	if err != nil {
		return Release{}, err
	}
	x := Release{Dataset: q.Dataset, Reader: strings.TrimSpace(q.Reader), Agency: p.Agency, Purpose: q.Purpose, Need: strings.TrimSpace(q.Need), Fields: q.Fields,
		Most: q.Most, State: repo.ReleaseRequested, AskedBy: p.Name, AskedAt: d.repo.Now().UnixMicro()}
	if x.Reader == "" {
		x.Reader = p.Name
	}
	var vs []problem.Violation
	if u, ok := d.repo.Purposes()[q.Purpose]; !ok || u.Ended {
		vs = append(vs, problem.Violate("purpose-unknown", "purpose"))
	} else if len(fields) == 0 {
		vs = append(vs, problem.Violate("release-impersonal", "dataset"))
	}
	if x.Need == "" {
		vs = append(vs, problem.Violate("grant-missing", "need"))
	}
	if x.Most <= 0 {
		vs = append(vs, problem.Violate("grant-missing", "most"))
	}
	for _, name := range x.Fields {
		if !slices.Contains(fields, name) {
			vs = append(vs, problem.Violate("release-field", "fields", "name", short(name)))
		}
	}
	if err := problem.InvalidWith("release-invalid", vs); err != nil {
		return Release{}, err
	}
	if x.ID, err = d.releaseNumber(); err != nil {
		return Release{}, err
	}
	x.Owner = d.ownerOf(x.Dataset)
	return x, d.writeRelease(ctx, p.Name, "request", &x, commit.Absent)
}

// Releasable lists the personal fields of a dataset that p sees for a purpose.
func (d *Desk) Releasable(ctx context.Context, p repo.Principal, name, purpose string) ([]string, error) {
	if _, err := d.repo.Entry(p, name); err != nil {
		return nil, err
	}
	if u, ok := d.repo.Purposes()[purpose]; !ok || u.Ended {
		return nil, nil
	}
	p.Purpose, p.Case = purpose, "0"
	e, decision, err := d.repo.Decide(ctx, p, name, grant.Read)
	if err != nil {
		return nil, err
	}
	var fields []string
	for _, c := range decision.PersonalOf(nil) {
		fields = append(fields, e.Table.Columns[c].Name)
	}
	return fields, nil
}

func (d *Desk) releaseNumber() (string, error) {
	var b [8]byte
	d.turn.Lock()
	defer d.turn.Unlock()
	if _, err := io.ReadFull(d.random, b[:]); err != nil {
		return "", err
	}
	return "x" + hex.EncodeToString(b[:])[:15], nil
}

// DecidesRelease tells whether p may decide: a steward or leader of the owner who
// neither asked nor will read.
func DecidesRelease(p repo.Principal, x *Release) error {
	switch {
	case p.Name == "" || x.Owner == "" || p.Agency != x.Owner || !p.Is(grant.Steward) && !p.Is(grant.Leader):
		return problem.New(problem.Denied, "release-owner", "owner", x.Owner)
	case p.Name == x.AskedBy || p.Name == x.Reader:
		return problem.New(problem.Denied, "release-two-persons")
	}
	return nil
}

// DecideRelease approves or refuses, with a reason. An approval may be used once,
// within repo.ReleaseFor. Stale when the request is no longer at the version that
// was looked at, Conflict when it has been decided.
func (d *Desk) DecideRelease(ctx context.Context, p repo.Principal, id string, version int64, approve bool, reason string) (Release, error) {
	x, err := d.Release(ctx, p, id)
	if err != nil {
		return Release{}, err
	}
	if err := DecidesRelease(p, &x); err != nil {
		return Release{}, err
	}
	switch {
	case x.State != repo.ReleaseRequested:
		return Release{}, problem.New(problem.Conflict, "release-decided")
	case version != x.Version:
		return Release{}, problem.New(problem.Stale, "share-stale", "id", x.ID)
	}
	if x.Reason = strings.TrimSpace(reason); x.Reason == "" {
		return Release{}, problem.InvalidWith("release-invalid", []problem.Violation{problem.Violate("grant-missing", "reason")})
	}
	now := d.repo.Now()
	x.DecidedBy, x.DecidedAt, x.State = p.Name, now.UnixMicro(), repo.ReleaseRefused
	step := "refuse"
	if approve {
		step, x.State, x.Until = "approve", repo.ReleaseApproved, now.Add(repo.ReleaseFor).UnixMicro()
	}
	return x, d.writeRelease(ctx, p.Name, step, &x, version)
}

// Release returns one that p may see: staff of the owner and of the agency that
// asked, and auditors. NotFound otherwise.
func (d *Desk) Release(ctx context.Context, p repo.Principal, id string) (Release, error) {
	if p.Name == "" {
		return Release{}, problem.New(problem.Unauthenticated, "unauthenticated")
	}
	unknown := problem.New(problem.NotFound, "release-unknown", "id", short(id))
	rec, err := d.repo.Get(ctx, repo.Internal(), repo.SystemRelease, []value.Value{value.OfText(id)}, 0)
	if problem.KindOf(err) == problem.NotFound {
		return Release{}, unknown
	}
	if err != nil {
		return Release{}, err
	}
	x := d.releaseOf(rec)
	if !p.Admin && !p.Is(grant.Auditor) && !(Staff(p) && (p.Agency == x.Agency || p.Agency == x.Owner)) {
		return Release{}, unknown
	}
	return x, nil
}

// mostReleases is how many of the newest a list holds.
const mostReleases = 200

// Releases lists the newest that p may see, newest first.
func (d *Desk) Releases(ctx context.Context, p repo.Principal) (list []Release, err error) {
	if p.Name == "" {
		return nil, problem.New(problem.Unauthenticated, "unauthenticated")
	}
	q := repo.Query{Dataset: repo.SystemRelease, Sort: []repo.Sort{{Field: "askedAt", Desc: true}}, Limit: mostReleases}
	if !p.Admin && !p.Is(grant.Auditor) {
		if !Staff(p) {
			return nil, nil
		}
		either := []cql2.Expr{oneOf("agency", p.Agency)}
		if owned := d.owned(p.Agency); len(owned) > 0 {
			either = append(either, oneOf("dataset", owned...))
		}
		q.Filter = either[0]
		if len(either) > 1 {
			q.Filter = &cql2.Call{Op: "or", Args: either}
		}
	}
	_, err = d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
		list = append(list, d.releaseOf(rec))
		return nil
	})
	return list, err
}

// owned lists the datasets of an agency.
func (d *Desk) owned(agency string) (names []string) {
	for _, e := range d.repo.Entries(repo.Internal()) {
		if e.Dataset.Owner == agency {
			names = append(names, e.Dataset.Name)
		}
	}
	return names
}

// texts and moments pair the columns of a record with the members of a Release.
func (x *Release) texts() map[string]*string {
	return map[string]*string{"id": &x.ID, "dataset": &x.Dataset, "reader": &x.Reader, "agency": &x.Agency, "purpose": &x.Purpose, "need": &x.Need,
		"state": &x.State, "askedBy": &x.AskedBy, "decidedBy": &x.DecidedBy, "reason": &x.Reason}
}

func (x *Release) moments() map[string]*int64 {
	return map[string]*int64{"askedAt": &x.AskedAt, "decidedAt": &x.DecidedAt, "until": &x.Until, "usedAt": &x.UsedAt}
}

func (d *Desk) releaseOf(rec repo.Record) Release {
	x := Release{Version: rec.Version}
	at := func(name string) value.Value {
		if i, _, _, ok := rec.Entry.Table.Property(name); ok {
			return rec.Values[i]
		}
		return value.Value{}
	}
	for name, s := range x.texts() {
		if v := at(name); v.Kind() == value.Text {
			*s = strings.Clone(v.Text())
		}
	}
	for name, t := range x.moments() {
		if v := at(name); v.Kind() == value.Time {
			*t = v.Micros()
		}
	}
	if v := at("fields"); v.Kind() == value.Text {
		json.Unmarshal([]byte(v.Text()), &x.Fields)
	}
	x.Most = at("most").Int()
	x.Owner = d.ownerOf(x.Dataset)
	return x
}

// writeRelease commits a record where it still stands at the version decided
// upon. The log names the step alone.
func (d *Desk) writeRelease(ctx context.Context, actor, step string, x *Release, expect int64) error {
	e, err := d.repo.Entry(repo.Internal(), repo.SystemRelease)
	if err != nil {
		return err
	}
	row := make([]value.Value, e.Table.Width())
	set := func(name string, v value.Value) {
		if i, _, _, ok := e.Table.Property(name); ok {
			row[i] = v
		}
	}
	for name, s := range x.texts() {
		if *s != "" {
			set(name, value.OfText(*s))
		}
	}
	for name, t := range x.moments() {
		if *t != 0 {
			set(name, value.OfTime(*t))
		}
	}
	if len(x.Fields) > 0 {
		b, _ := json.Marshal(x.Fields)
		set("fields", value.OfText(string(b)))
	}
	set("most", value.OfInt(x.Most))
	receipt, err := d.repo.Commit(ctx, repo.Internal(), &commit.Request{
		Header:  commit.Header{Actor: actor, Source: "release", Reason: step},
		Changes: []commit.Change{{Dataset: repo.SystemRelease, Op: commit.Put, Row: row, Expect: expect}},
	})
	if err == nil {
		x.Version = receipt.Seq
	}
	return err
}

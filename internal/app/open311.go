package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	catalogue "huong.city/huong/internal/core/request"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/face/open311"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/attachment"
	"huong.city/huong/internal/service/ingest"
	"huong.city/huong/internal/service/request"
	"huong.city/huong/internal/store"
)

// geoReport makes the GeoReport interface to the desk of reports.
func geoReport(ctx context.Context, r *repo.Repository, desk *request.Desk, files *attachment.Keeper, authenticate func(context.Context, string) (repo.Principal, error)) (*open311.Face, error) {
	secret, err := geoSecret(ctx, r)
	if err != nil {
		return nil, err
	}
	return open311.New(open311.Config{
		Repo: r, Desk: geoDesk{r, desk, files}, Authenticate: authenticate, Random: rand.Reader, Now: r.Now, Secret: secret,
		Photo: func(id string) string { return "/api/v1/attachments/" + id },
	}), nil
}

// geoSecret is what tokens and keys of GeoReport are sealed with: drawn once, the
// same for all processes of the city.
func geoSecret(ctx context.Context, r *repo.Repository) ([]byte, error) {
	own := r.Private("open311")
	for {
		kept, err := own.Get(ctx, "secret")
		if err != nil || kept != nil {
			return kept, err
		}
		drawn := make([]byte, 32)
		if _, err := io.ReadFull(rand.Reader, drawn); err != nil {
			return nil, err
		}
		if err := own.Swap(ctx, "secret", nil, drawn); err == nil {
			return drawn, nil
		} else if !errors.Is(err, store.ErrStateMoved) { // else another process was faster
			return nil, err
		}
	}
}

// geoDesk is the desk of reports as GeoReport asks it.
type geoDesk struct {
	repo  *repo.Repository
	desk  *request.Desk
	files *attachment.Keeper
}

// Services are the categories by which reports may be sent here. Words that must
// be read before anything is asked, and those with which the form ends, come as
// attributes that ask for nothing.
func (g geoDesk) Services(_ context.Context, lang string) ([]open311.Service, error) {
	c, err := g.desk.Catalogue()
	if err != nil {
		return nil, err
	}
	groups := map[string]string{}
	for _, x := range c.Groups {
		groups[x.Code] = x.Title.In(lang)
	}
	list := make([]open311.Service, 0, len(c.Categories))
	for i := range c.Categories {
		x := &c.Categories[i]
		track, known := c.Track(x.Track)
		s := open311.Service{Code: x.Code, Name: x.Title.In(lang), Description: x.Description.In(lang), Group: groups[x.Group], Keywords: x.Keywords, Active: x.Active && (!known || track.Accepts)}
		if notice := x.Notice.In(lang); notice != "" {
			s.Questions = append(s.Questions, open311.Question{Code: "notice", Datatype: catalogue.String, Description: notice})
		}
		for _, q := range x.Questions {
			s.Questions = append(s.Questions, geoQuestion(q, lang)...)
		}
		list = append(list, s)
	}
	return list, nil
}

func geoQuestion(q catalogue.Question, lang string) []open311.Question {
	asked := open311.Question{Code: q.Code, Datatype: q.Datatype, Description: q.Title.In(lang), Hint: q.Hint.In(lang), Variable: true, Required: q.Required}
	list := []open311.Question{}
	for _, v := range q.Values {
		asked.Values = append(asked.Values, open311.Option{Key: v.Code, Name: v.Title.In(lang)})
		if stop := v.Stop.In(lang); stop != "" {
			list = append(list, open311.Question{Code: q.Code + "." + v.Code, Datatype: catalogue.String, Description: v.Title.In(lang) + ": " + stop})
		}
	}
	return append([]open311.Question{asked}, list...)
}

// Submit hands a report to the desk, its files first. A link to a picture
// elsewhere becomes the last line of the text: it is read by people and followed
// by nobody here.
func (g geoDesk) Submit(ctx context.Context, p repo.Principal, s open311.Submission) (open311.Receipt, error) {
	x := request.Submission{
		Key: s.Key, Category: s.Service, Title: s.Title, Text: s.Description, Longitude: s.Longitude, Latitude: s.Latitude, Address: s.Address, Channel: "open311",
		Answers: map[string]string{}, Contact: request.Contact{Name: s.Name, Phone: s.Phone, Email: s.Email, Lang: s.Lang}, Device: s.Device,
		Anonymous: s.Name == "" && s.Phone == "" && s.Email == "",
	}
	if s.MediaURL != "" {
		x.Text = strings.TrimSpace(x.Text + "\n\n" + s.MediaURL)
	}
	for code, values := range s.Answers {
		x.Answers[code] = strings.Join(values, ",")
	}
	var err error
	if x.Photos, err = g.keep(ctx, s); err != nil {
		return open311.Receipt{}, err
	}
	got, err := g.desk.Submit(ctx, p, x)
	if err != nil {
		return open311.Receipt{}, named(err, submittedAs)
	}
	notice := ""
	if !got.DueAt.IsZero() {
		due := got.DueAt.In(g.repo.Zone())
		notice = problem.Text(s.Lang, "georeport-due", map[string]string{"at": due.Format("15:04"), "day": due.Format("02/01/2006")})
	}
	return open311.Receipt{ID: got.Code, Repeated: got.Repeated, Notice: notice}, nil
}

// keep puts the files of a report where the desk looks for them. Those of a repeat
// are nobody's and swept like any that came ahead of nothing.
func (g geoDesk) keep(ctx context.Context, s open311.Submission) (ids []string, err error) {
	ahead := request.UploadKey(s.Key)
	for _, f := range s.Media {
		id, err := g.keepOne(ctx, ahead, f)
		if err != nil {
			return nil, named(err, map[string]string{"": "media", "size": "media", "file": "media", "content": "media"})
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (g geoDesk) keepOne(ctx context.Context, ahead string, f open311.File) (string, error) {
	in, err := f.Open()
	if err != nil {
		return "", err
	}
	defer in.Close()
	kept, err := g.files.BeginAhead(ctx, request.Dataset, ahead, f.Name, f.Size)
	if err != nil {
		return "", err
	}
	_, err = g.files.AppendAhead(ctx, ahead, kept.ID, 0, in)
	return kept.ID, err
}

// submittedAs are the parameters of GeoReport by the fields of the desk.
var submittedAs = map[string]string{"category": "service_code", "text": "description", "longitude": "long", "address": "address_string",
	"contact.name": "last_name", "contact.phone": "phone", "contact.email": "email", "photos": "media"}

// importedAs are the columns of the bulk form by the fields of the desk.
var importedAs = map[string]string{"category": "service_code", "text": "description", "longitude": "long", "channel": "source", "status": "status_description",
	"at": "requested_datetime", "closedAt": "closed_date", "answeredAt": "closed_date", "externalId": "service_request_id"}

// named tells the faults of the desk by the names that the sender knows.
func named(err error, names map[string]string) error {
	e, ok := errors.AsType[*problem.Error](err)
	if !ok || len(e.Violations) == 0 {
		return err
	}
	told := *e
	told.Violations = slices.Clone(e.Violations)
	for i := range told.Violations {
		v := &told.Violations[i]
		if code, ok := strings.CutPrefix(v.Field, "answers."); ok {
			v.Field = "attribute[" + code + "]"
			continue
		}
		field, _, _ := strings.Cut(v.Field, "/")
		if name, ok := names[field]; ok {
			v.Field = name
		}
	}
	return &told
}

// Updates are the public entries of timelines.
func (g geoDesk) Updates(ctx context.Context, q open311.UpdateQuery) (list []open311.Update, err error) {
	e, err := g.repo.Entry(repo.Internal(), request.Entries)
	if err != nil {
		return nil, err
	}
	w, err := g.desk.Workflow()
	if err != nil {
		return nil, err
	}
	compare := func(op, field string, v value.Value) cql2.Expr {
		return &cql2.Call{Op: op, Args: []cql2.Expr{&cql2.Prop{Name: field, Column: -1}, &cql2.Lit{Value: v}}}
	}
	conditions := []cql2.Expr{compare("=", "visibility", value.OfText(request.ToPublic))}
	if !q.From.IsZero() {
		conditions = append(conditions, compare(">=", "at", value.OfInstant(q.From)))
	}
	if !q.Until.IsZero() {
		conditions = append(conditions, compare("<=", "at", value.OfInstant(q.Until)))
	}
	if len(q.Requests) > 0 {
		ids := &cql2.List{}
		for _, id := range q.Requests {
			ids.Items = append(ids.Items, &cql2.Lit{Value: value.OfText(id)})
		}
		conditions = append(conditions, &cql2.Call{Op: "in", Args: []cql2.Expr{&cql2.Prop{Name: "request", Column: -1}, ids}})
	}
	kinds := labels(e.Dataset, "kind", q.Lang)
	rq := repo.Query{Dataset: request.Entries, Filter: cql2.And(conditions...), Limit: q.Limit,
		Sort: []repo.Sort{{Field: "at", Desc: true}, {Field: "request"}, {Field: "number", Desc: true}}}
	if len(q.Requests) > 0 { // found by the key and put in order here: no walk through the times of all
		rq.Sort, rq.Limit = nil, max(q.Limit, mostEntries)
	}
	_, err = g.repo.Read(ctx, repo.Internal(), rq, func(rec repo.Record) error {
		cell := func(name string) value.Value {
			i, _, _, ok := rec.Entry.Table.Property(name)
			if !ok {
				return value.Value{}
			}
			return rec.Values[i]
		}
		words := func(name string) string { return strings.Clone(cell(name).Text()) }
		u := open311.Update{Request: words("request"), At: cell("at").Instant(), Kind: words("kind"), Text: words("text")}
		u.ID = u.Request + "/" + strconv.FormatInt(cell("number").Int(), 10)
		if en := words("textEn"); q.Lang == "en" && en != "" {
			u.Text = en
		}
		name := words("name")
		title := kinds[u.Kind]
		switch u.Kind {
		case workflow.Open:
			u.State = name
		case workflow.Move:
			if t, ok := w.Transition(name); ok {
				u.State, u.Kind, title = t.To, name, t.Title.In(q.Lang)
			}
		}
		if u.Text == "" {
			u.Text = title
		}
		list = append(list, u)
		return nil
	})
	if err != nil {
		return nil, err
	}
	codes := make([]string, len(list))
	for i := range list {
		codes[i] = list[i].Request
	}
	published, err := g.desk.Published(ctx, codes)
	list = slices.DeleteFunc(list, func(u open311.Update) bool { return !published[u.Request] })
	if len(q.Requests) > 0 {
		slices.Reverse(list) // of one time, the last entry first
		slices.SortStableFunc(list, func(a, b open311.Update) int { return b.At.Compare(a.At) })
		list = list[:min(len(list), q.Limit)]
	}
	return list, err
}

// mostEntries bounds what is read of the timelines of named reports.
const mostEntries = 20_000

// labels are what the values of a field are called.
func labels(d *dataset.Dataset, field, lang string) map[string]string {
	names := map[string]string{}
	for _, f := range d.Schema.Fields {
		if f.Name != field {
			continue
		}
		for _, c := range f.Categories {
			names[fmt.Sprint(c.Value)] = c.Label.In(lang)
		}
	}
	return names
}

// Import hands reports of the past to the desk, those of this city's own under
// their ids. One whose id is a request here already stays as it is.
func (g geoDesk) Import(ctx context.Context, p repo.Principal, reports []open311.Past) ([]open311.Outcome, error) {
	here, err := g.here(ctx, reports)
	if err != nil {
		return nil, err
	}
	w, err := g.desk.Workflow()
	if err != nil {
		return nil, err
	}
	out := make([]open311.Outcome, len(reports))
	var list []request.Past
	var at []int
	for i, x := range reports {
		if here[x.ID] {
			out[i].Unchanged = true
			continue
		}
		past, err := pastOf(w, x)
		if err != nil {
			out[i].Err = err
			continue
		}
		list, at = append(list, past), append(at, i)
	}
	done, err := g.desk.Import(ctx, p, list)
	var taken []string
	for i, d := range done {
		out[at[i]] = open311.Outcome{Unchanged: d.Unchanged, Err: named(d.Err, importedAs)}
		if d.Err == nil && d.Code != "" {
			taken = append(taken, list[i].ExternalID)
		}
	}
	if err == nil && len(taken) > 0 {
		err = ingest.Settle(ctx, g.repo, p, request.Dataset, taken)
	}
	return out, err
}

// bulkFile is what rows of bulk files are said to come from.
const bulkFile = "requests.csv"

// Keep puts rows that were not taken into quarantine.
func (g geoDesk) Keep(ctx context.Context, p repo.Principal, rows []open311.Refused) error {
	list := make([]ingest.Refused, len(rows))
	for i, x := range rows {
		list[i] = ingest.Refused{Names: x.Names, Cells: x.Cells, Ref: x.ID, File: bulkFile, Line: x.Line, Faults: x.Faults}
	}
	return ingest.Isolate(ctx, g.repo, p, request.Dataset, list)
}

// here finds the ids that are requests of this city.
func (g geoDesk) here(ctx context.Context, reports []open311.Past) (map[string]bool, error) {
	ids := &cql2.List{}
	for _, x := range reports {
		ids.Items = append(ids.Items, &cql2.Lit{Value: value.OfText(x.ID)})
	}
	here := map[string]bool{}
	_, err := g.repo.Read(ctx, repo.Internal(), repo.Query{Dataset: request.Dataset, Fields: []string{"code"},
		Filter: &cql2.Call{Op: "in", Args: []cql2.Expr{&cql2.Prop{Name: "code", Column: -1}, ids}}}, func(rec repo.Record) error {
		i, _, _, _ := rec.Entry.Table.Property("code")
		here[strings.Clone(rec.Values[i].Text())] = true
		return nil
	})
	return here, err
}

// pastOf is a row of a bulk file as the desk takes it. GeoReport's own word open
// is the workflow's first state.
func pastOf(w *workflow.Workflow, x open311.Past) (request.Past, error) {
	past := request.Past{
		Submission: request.Submission{Category: x.Service, Text: x.Description, Longitude: x.Longitude, Latitude: x.Latitude, Address: x.Address, Channel: x.Channel, ExternalID: x.ID, At: x.Requested},
		Code:       x.ID, Agency: x.Agency, Status: x.State, Outcome: x.Outcome, Answer: x.Answer, Published: x.Published, DueAt: x.Expected,
	}
	if past.Channel == "" {
		past.Channel = "import"
	}
	if x.State == "open" {
		past.Status = w.Start[0]
	}
	s, ok := w.State(past.Status)
	if !ok {
		return past, problem.InvalidWith("georeport-refused", []problem.Violation{problem.Violate("georeport-csv-status", "status_description")})
	}
	past.UpdatedAt = x.Updated
	if past.AnsweredAt = x.Closed; s.Final {
		past.ClosedAt = x.Closed
	}
	return past, nil
}

package request

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"net/mail"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	catalogue "huong.city/huong/internal/core/request"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// Contact is who reported and how to reach them.
type Contact struct {
	Name, Phone, Email, Lang string
	Notify                   []string // page, email, push
}

// Submission is a report as it is sent.
type Submission struct {
	// Key is drawn by the device, 16 to 100 characters that nobody can guess (a
	// UUID): however often it comes, there is one request, with one receipt. Empty,
	// each call makes a request.
	Key                   string
	Category, Title, Text string
	Longitude, Latitude   *float64
	Address               string
	Area                  string // code of the ward, where there is no point
	Channel               string // one of Channels; web when empty
	Track                 string // the category's own when empty
	Answers               map[string]string
	Photos                []string // files that were put to UploadKey(Key)
	Anonymous             bool
	Contact               Contact
	Device                string // opaque; a digest of it is kept
	OnBehalfOf            bool   // staff of the desk send it for somebody else
	ExternalID            string
	At                    time.Time // of what was received elsewhere before; Huong's own work alone

	moderated bool // nothing of it is public before it is read, whatever its category
}

// Channels are the ways in which a report comes.
func Channels() []string {
	return []string{"app", "web", "phone", "counter", "camera", "sensor", "email", "zalo", "facebook", "press", "open311", "import"}
}

// Most a report holds.
const (
	mostText   = 8000 // characters
	mostTitle  = 200
	mostPhotos = 10
)

// Submit takes a report in and gives its receipt. All faults are told at once:
// Invalid request-invalid with a violation by field. Anybody may send; RateLimited
// request-too-many when an account or a device has sent as many as a day allows.
// Sending for others is for staff of the desk: Denied otherwise.
func (d *Desk) Submit(ctx context.Context, p repo.Principal, s Submission) (Receipt, error) {
	r, err := d.rulesNow()
	if err != nil {
		return Receipt{}, err
	}
	s.tidy()
	if s.Key == "" {
		b, err := d.draw(16)
		if err != nil {
			return Receipt{}, err
		}
		s.Key = hex.EncodeToString(b)
	}
	if n := len(s.Key); n < 16 || n > 100 {
		return Receipt{}, problem.InvalidWith("request-invalid", []problem.Violation{problem.Violate("request-key", "key")})
	}
	secret := secretOf(s.Key)
	if code, err := d.repeated(ctx, secret); err != nil || code != "" {
		if err != nil {
			return Receipt{}, err
		}
		return d.receipt(ctx, &s, code, secret)
	}
	if s.OnBehalfOf && !d.AtDesk(p) {
		return Receipt{}, problem.New(problem.Denied, "request-desk")
	}
	own := isOwn(p)
	if !s.At.IsZero() && !own {
		return Receipt{}, problem.New(problem.Denied, "request-desk")
	}
	category, err := d.check(ctx, r, &s, own)
	if err != nil {
		return Receipt{}, err
	}
	if err := d.within(ctx, r, p, &s); err != nil {
		return Receipt{}, err
	}
	if s.moderated, err = d.struck(ctx, r, p, &s); err != nil {
		return Receipt{}, err
	}
	by := repo.Public() // whoever reports is named nowhere but apart
	if s.OnBehalfOf || own {
		by = p
	}
	for range attempts {
		t, err := d.draftNew(ctx, r, by, category, &s)
		if err != nil {
			return Receipt{}, err
		}
		who, err := d.putSender(t, p, &s, hashOf(secret))
		if err != nil {
			return Receipt{}, err
		}
		t.also = append(t.also, who)
		list, err := t.changes(ctx)
		if err != nil {
			return Receipt{}, err
		}
		receipt, err := d.commitBy(ctx, nameOf(by), "submit", commitKey(s.Key), list)
		switch {
		case err == nil && receipt.Repeat: // the same was sent beside this
			code, err := d.repeated(ctx, secret)
			if err != nil {
				return Receipt{}, err
			}
			if code == "" {
				return Receipt{}, problem.New(problem.Gone, "request-erased")
			}
			return d.receipt(ctx, &s, code, secret)
		case err == nil:
			if err := d.adopt(ctx, s.Photos, UploadKey(s.Key), t.x.Code); err != nil {
				return Receipt{}, err
			}
			d.offerLetters(ctx, p, &s, t.x.Code)
			return Receipt{Code: t.x.Code, Secret: secret, DueAt: t.x.DueAt, Area: t.x.Area, Agency: t.x.Agency}, nil
		case !retry(err):
			return Receipt{}, err
		}
	}
	return Receipt{}, problem.New(problem.Unavailable, "busy")
}

// isOwn tells that it is Huong's own work.
func isOwn(p repo.Principal) bool { return p.Admin && p.Name == repo.Internal().Name }

// adopt gives photos that came ahead to their request. A device that got no answer
// sends again, and they are given then.
func (d *Desk) adopt(ctx context.Context, photos []string, ahead, code string) error {
	for _, id := range photos {
		if err := d.files.Adopt(ctx, id, ahead, code); err != nil {
			return err
		}
	}
	return nil
}

// receipt of a request that was taken in before.
func (d *Desk) receipt(ctx context.Context, s *Submission, code, secret string) (Receipt, error) {
	x, err := d.record(ctx, code)
	if err != nil {
		return Receipt{}, err
	}
	var mine []string
	for _, id := range s.Photos {
		if d.uploaded(ctx, id, UploadKey(s.Key)) {
			mine = append(mine, id)
		}
	}
	if err := d.adopt(ctx, mine, UploadKey(s.Key), code); err != nil {
		return Receipt{}, err
	}
	return Receipt{Code: x.Code, Secret: secret, DueAt: x.DueAt, Area: x.Area, Agency: x.Agency, Repeated: true}, nil
}

func (s *Submission) tidy() {
	for _, text := range []*string{&s.Title, &s.Text, &s.Address, &s.Contact.Name, &s.Contact.Phone, &s.Contact.Email} {
		*text = strings.TrimSpace(norm.NFC.String(*text))
	}
	if s.Channel == "" {
		s.Channel = "web"
	}
	if s.Contact.Lang != "en" {
		s.Contact.Lang = "vi"
	}
}

// check tells everything that is wrong with a submission.
func (d *Desk) check(ctx context.Context, r *rules, s *Submission, own bool) (*catalogue.Category, error) {
	var vs []problem.Violation
	fail := func(code, field string, kv ...any) { vs = append(vs, problem.Violate(code, field, kv...)) }
	category, known := r.category(s.Category)
	switch {
	case s.Category == "":
		fail("request-missing", "category")
	case !known || !category.Active && !own:
		fail("request-category", "category")
	}
	if s.Text == "" && s.Title == "" && !own {
		fail("request-missing", "text")
	}
	for _, f := range []struct {
		field, text string
		most        int
	}{{"title", s.Title, mostTitle}, {"text", s.Text, mostText}, {"address", s.Address, 300}, {"contact.name", s.Contact.Name, 120},
		{"contact.phone", s.Contact.Phone, 30}, {"contact.email", s.Contact.Email, 200}, {"externalId", s.ExternalID, 120}} {
		if len([]rune(f.text)) > f.most {
			fail("request-long", f.field, "limit", f.most)
		}
	}
	if (s.Longitude == nil) != (s.Latitude == nil) {
		fail("request-place", "longitude")
	} else if s.Longitude != nil && !(math.Abs(*s.Longitude) <= 180 && math.Abs(*s.Latitude) <= 90) {
		fail("request-place", "longitude")
	}
	if s.Area != "" {
		current, ok, err := d.repo.CurrentArea(ctx, s.Area)
		if err != nil {
			return nil, err
		}
		if !ok {
			fail("request-area", "area")
		}
		s.Area = current
	}
	if !slices.Contains(Channels(), s.Channel) {
		fail("request-word", "channel", "allowed", strings.Join(Channels(), ", "))
	}
	if s.Contact.Email != "" {
		if a, err := mail.ParseAddress(s.Contact.Email); err != nil || a.Address != s.Contact.Email {
			fail("request-email", "contact.email")
		}
	}
	if s.Contact.Phone != "" && !isPhone(s.Contact.Phone) {
		fail("request-phone", "contact.phone")
	}
	for _, n := range s.Contact.Notify {
		if !slices.Contains([]string{"page", "email", "push"}, n) {
			fail("request-word", "contact.notify", "allowed", "page, email, push")
		}
	}
	if s.Track != "" && !slices.Contains(r.tracks(), s.Track) {
		fail("request-word", "track", "allowed", strings.Join(r.tracks(), ", "))
	}
	if len(s.Photos) > mostPhotos {
		fail("request-photos", "photos", "limit", mostPhotos)
	}
	for i, id := range s.Photos {
		if !own && !d.uploaded(ctx, id, UploadKey(s.Key)) {
			fail("request-photo", fmt.Sprintf("photos/%d", i))
		}
	}
	if known && !own {
		vs = append(vs, category.Faults(s.Answers)...)
	}
	return category, problem.InvalidWith("request-invalid", vs)
}

// isPhone takes what can be dialled: 8 to 15 digits (ITU-T E.164) with what people
// write between them.
func isPhone(s string) bool {
	digits := 0
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r == '+' && i == 0, r == ' ', r == '.', r == '-', r == '(', r == ')':
		default:
			return false
		}
	}
	return digits >= 8 && digits <= 15
}

// uploaded tells that a file has arrived for a record.
func (d *Desk) uploaded(ctx context.Context, id, key string) bool {
	if d.files == nil {
		return false
	}
	f, err := d.files.Describe(ctx, id)
	return err == nil && f.Dataset == Dataset && f.Key == key
}

// within refuses what is beyond a day's measure. Staff who write for others have
// none.
func (d *Desk) within(ctx context.Context, r *rules, p repo.Principal, s *Submission) error {
	if s.OnBehalfOf || p.Admin {
		return nil
	}
	most := r.catalogue.Upkeep.Limits
	perAccount, perDevice := cmp.Or(d.limits.PerAccount, most.Account), cmp.Or(d.limits.PerDevice, most.Device)
	if most.Area > 0 && p.Name == "" {
		area := s.Area
		if s.Longitude != nil {
			at, located, err := d.repo.AreaAt(ctx, *s.Longitude, *s.Latitude)
			if err != nil {
				return err
			}
			if located {
				area = at
			}
		}
		if now := d.now(); area != "" && d.areas.take(area, now, most.Area) {
			e := problem.New(problem.RateLimited, "request-area-full", "limit", most.Area)
			e.RetryAfter = now.Truncate(time.Hour).Add(time.Hour).Sub(now)
			return e
		}
	}
	for _, l := range []struct {
		field, who string
		most       int
	}{{"account", p.Name, perAccount}, {"device", deviceOf(s.Device), perDevice}} {
		if l.who == "" || l.most == 0 {
			continue
		}
		n, err := d.sentToday(ctx, l.field, l.who, d.now())
		if err != nil {
			return err
		}
		if n >= int64(l.most) {
			now := d.now()
			e := problem.New(problem.RateLimited, "request-too-many", "limit", l.most)
			e.RetryAfter = time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, now.Location()).Sub(now)
			return e
		}
	}
	return nil
}

// draftNew drafts a request with its first entry: routed, dated and told.
func (d *Desk) draftNew(ctx context.Context, r *rules, p repo.Principal, category *catalogue.Category, s *Submission) (*draft, error) {
	b, err := d.draw(10)
	if err != nil {
		return nil, err
	}
	t := &draft{d: d, rules: r, now: d.now(), clock: remembering(d.clock)}
	if !s.At.IsZero() {
		t.now = s.At.In(d.repo.Zone())
	}
	x := &t.x
	x.Category = s.Category
	x.Code, x.Description, x.Channel, x.ExternalID = codeOf(t.now, b), written(s.Title, s.Text), s.Channel, s.ExternalID
	x.Anonymous = s.Anonymous || p.Name == "" && s.Contact.Name == "" && s.Contact.Phone == "" && s.Contact.Email == ""
	x.Title = category.Title.In("vi")
	if c, ok := d.Suggest(x.Description); ok && !isOwn(p) {
		x.Suggested = c.Code
	}
	facts := map[string]string{"category": s.Category, "urgency": category.Urgency, "track": s.Track, "channel": s.Channel}
	if facts["track"] == "" {
		facts["track"] = category.Track
	}
	area, located := s.Area, false
	if s.Longitude != nil {
		if area, located, err = d.repo.AreaAt(ctx, *s.Longitude, *s.Latitude); err != nil {
			return nil, err
		}
		facts["place"] = placeText(s.Longitude, s.Latitude)
		if !located {
			area = s.Area
		}
	}
	facts["area"], facts["needsPlace"] = area, fmt.Sprint(!located && !category.Placeless)
	if s.Address != "" {
		facts["address"] = s.Address
	}
	to := r.catalogue.Route(s.Category, area, t.now)
	facts["agency"], facts["rule"], facts["routed"] = to.Agency, to.Rule, "no"
	if to.Known {
		facts["routed"] = "yes"
	}
	t.event(p, workflow.Event{Kind: workflow.Open, Name: r.workflow.Start[0]}, Entry{Facts: facts, Text: to.Why["vi"], TextEn: to.Why["en"], Visibility: ToPublic})
	x.Category, x.Urgency, x.Agency = s.Category, category.Urgency, to.Agency
	switch {
	case !to.Known:
		t.tellOf("unrouted", t.desk())
	default:
		t.tellOf("opened", t.desk())
	}
	if category.Urgency == "urgent" {
		t.tellOf("opened", "agency:"+to.Agency, t.officersOf(area))
	}
	if len(s.Answers) > 0 {
		t.add(p, Entry{Kind: Note, Name: "answers", Facts: s.Answers, Visibility: ToReporter})
	}
	for _, id := range s.Photos {
		t.add(p, Entry{Kind: Photo, Name: "before", Ref: id, Visibility: ToReporter})
	}
	if category.AtOnce() && !s.moderated && (d.personal == nil || len(d.personal(x.Description)) == 0) {
		x.PublicText = x.Description
		if s.Title != "" {
			x.Title, x.PublicText = s.Title, s.Text
		}
		t.add(p, Entry{Kind: Publish, Facts: map[string]string{"published": "true"}, Visibility: ToPublic})
	}
	return t, nil
}

// written is what a citizen wrote, the title above the text.
func written(title, text string) string {
	if title == "" || text == "" {
		return title + text
	}
	return title + "\n\n" + text
}

// putSender is the change that keeps who reported, apart.
func (d *Desk) putSender(t *draft, p repo.Principal, s *Submission, hash string) (commit.Change, error) {
	e, err := d.repo.Entry(repo.Internal(), Reporters)
	if err != nil {
		return commit.Change{}, err
	}
	c := cellsOf(e)
	account, device := p.Name, deviceOf(s.Device)
	if s.OnBehalfOf || p.Admin || len(p.Read)+len(p.Write) > 0 {
		account = ""
	}
	if s.OnBehalfOf {
		device = ""
	}
	for name, text := range map[string]string{"code": t.x.Code, "agency": d.deskAgency(), "name": s.Contact.Name, "phone": s.Contact.Phone, "email": s.Contact.Email,
		"account": account, "device": device, "secret": hash, "lang": s.Contact.Lang} {
		c.text(name, text)
	}
	c.list("notify", s.Contact.Notify)
	c.set("onBehalfOf", value.OfBool(s.OnBehalfOf))
	c.at("openedAt", t.now)
	if account != "" {
		t.notices = append(t.notices, notice{"taken", "account:" + account, 1, false})
	}
	return commit.Change{Dataset: Reporters, Op: commit.Put, Row: c.row, Expect: commit.Absent}, nil
}

package request

import (
	"regexp"
	"strconv"
	"time"

	"huong.city/huong/internal/core/declare"
)

// Upkeep is how the city guards the channel and how long it keeps what came: what
// one sender may send, what follows false reports, when reports are asked about
// again and when they are erased. What is not declared takes DefaultUpkeep.
type Upkeep struct {
	Limits    Limits
	Strikes   Strikes
	Retention []Retention
	Identity  Term // after closing, who reported is erased; zero: together with the report
	Recheck   Term // after closing, the reporter is asked whether it is still fixed; zero: never
}

// Limits bound what comes in; 0 is no bound.
type Limits struct {
	Account int // reports of an account in a day
	Device  int // reports of a device in a day
	Area    int // reports about a ward in an hour, of those who are not signed in
	Letters int // letters that ask for a confirmation, to one address or from one device in a day
}

// What follows too many false reports.
const (
	Moderate = "moderate" // nothing of the sender is public before it is read
	Pause    = "pause"    // the sender sends nothing for some days
)

// Strikes are what the desk notes of false reports.
type Strikes struct {
	Count int    // from so many in force on
	Keep  Term   // how long one is in force
	Then  string // Moderate or Pause
	Pause Term
}

// Retention is a rule on when reports are erased: those in one of the states that
// were over for so long.
type Retention struct {
	Code   string
	Title  Words
	States []string
	After  Term
	Basis  string // the law or rule that it rests on, as erasures cite it
	place  place
}

// Term is a stretch of the calendar; the zero Term is none.
type Term struct{ Years, Days int }

// Zero tells that there is none.
func (t Term) Zero() bool { return t == Term{} }

// Before is the moment so long before another.
func (t Term) Before(at time.Time) time.Time { return at.AddDate(-t.Years, 0, -t.Days) }

// After is the moment so long after another.
func (t Term) After(at time.Time) time.Time { return at.AddDate(t.Years, 0, t.Days) }

// DefaultUpkeep is what holds where a city says nothing: reports that were not
// taken up are kept for one year, those that were for five, who reported for one
// year after it was over.
func DefaultUpkeep() Upkeep {
	return Upkeep{
		Limits:  Limits{Account: 20, Device: 10, Area: 1000, Letters: 3},
		Strikes: Strikes{Count: 3, Keep: Term{Days: 180}, Then: Moderate, Pause: Term{Days: 7}},
		Retention: []Retention{
			{Code: "refused", Title: Words{"vi": "Không thụ lý, đã rút", "en": "Refused or withdrawn"}, States: []string{"refused", "withdrawn"}, After: Term{Years: 1}, Basis: defaultBasis},
			{Code: "handled", Title: Words{"vi": "Đã xử lý xong", "en": "Handled"}, States: []string{"closed", "merged"}, After: Term{Years: 5}, Basis: defaultBasis},
		},
		Identity: Term{Years: 1},
		Recheck:  Term{Days: 28},
	}
}

// defaultBasis is the duty to keep personal data no longer than its purpose needs.
const defaultBasis = "Luật Bảo vệ dữ liệu cá nhân 91/2025/QH15, Điều 3"

var termForm = regexp.MustCompile(`^([1-9][0-9]{0,3})([dy])$`)

// upkeep reads what is declared of it.
func (r *reader) upkeep(m *declare.Map) {
	u := DefaultUpkeep()
	part := func(m *declare.Map, key string, read func(*declare.Map)) {
		if n := m.Take(key); n != nil {
			p := r.doc.Map(n, m.Join(key))
			read(p)
			p.Done()
		}
	}
	part(m, "limits", func(p *declare.Map) {
		for key, into := range map[string]*int{"account": &u.Limits.Account, "device": &u.Limits.Device, "area": &u.Limits.Area, "letters": &u.Limits.Letters} {
			if n := p.Count(key, 0, 1_000_000); n != nil {
				*into = *n
			}
		}
	})
	part(m, "strikes", func(p *declare.Map) {
		if n := p.Count("count", 1, 1000); n != nil {
			u.Strikes.Count = *n
		}
		u.Strikes.Keep, u.Strikes.Pause = r.term(p, "keep", u.Strikes.Keep), r.term(p, "pause", u.Strikes.Pause)
		if w := p.Word("then", Moderate, Pause); w != "" {
			u.Strikes.Then = w
		}
	})
	if m.N.Get("retention") != nil {
		u.Retention = nil
	}
	var codes []string
	m.List("retention", func(n *declare.Node, path string) {
		p := r.doc.Map(n, path)
		p.Need("code", "title", "states", "after", "basis")
		u.Retention = append(u.Retention, Retention{Code: r.code(p, &codes), Title: p.Titles("title"), States: p.Texts("states"), After: r.term(p, "after", Term{}), Basis: p.Text("basis"), place: at(n)})
		p.Done()
	})
	u.Identity, u.Recheck = r.term(m, "identity", u.Identity), r.term(m, "recheck", u.Recheck)
	r.c.Upkeep = u
}

// term reads 30d or 5y.
func (r *reader) term(m *declare.Map, key string, usual Term) Term {
	p := termForm.FindStringSubmatch(m.Matching(key, termForm, "requests-term"))
	if p == nil {
		return usual
	}
	n, _ := strconv.Atoi(p[1])
	if p[2] == "y" {
		return Term{Years: n}
	}
	return Term{Days: n}
}

package request

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Rule sends reports to an agency. Every condition that is given must hold.
type Rule struct {
	Code        string
	Title       Words // why, in a sentence that people read
	Categories  []string
	Groups      []string
	Areas       []string // codes of areas
	Zones       []string
	From, Until int // minutes of the city's day; From above Until wraps over midnight; both 0 = at any hour
	Agency      string
	Ward        bool // the ward's own agency
	place       place
}

// Route is where a report goes.
type Route struct {
	Agency string
	Rule   string // code; "" when no rule matched
	Known  bool   // a rule names the agency; otherwise the desk has it
	Why    Words
}

// Route sends a report of a category in an area ("" when it is not known) at a
// moment of the city's zone: by the first rule that matches, to the desk when
// none does. Rules for areas, zones and wards never match without an area.
func (c *Catalogue) Route(category, area string, at time.Time) Route {
	minute := at.Hour()*60 + at.Minute()
	if r := c.match(category, area, minute); r != nil {
		return Route{Agency: c.agency(r, area), Rule: r.Code, Known: true, Why: c.why(r, category, area)}
	}
	return Route{Agency: c.Desk, Why: Words{
		"vi": "Chưa có quy tắc nào chỉ ra đơn vị xử lý; đơn vị đầu mối sẽ phân loại.",
		"en": "No rule names an agency; the duty desk will classify the report.",
	}}
}

func (c *Catalogue) match(category, area string, minute int) *Rule {
	for i := range c.Rules {
		if c.holds(&c.Rules[i], category, area, minute) {
			return &c.Rules[i]
		}
	}
	return nil
}

func (c *Catalogue) holds(r *Rule, category, area string, minute int) bool {
	if len(r.Categories)+len(r.Groups) > 0 {
		x, ok := c.Category(category)
		if !ok || !slices.Contains(r.Categories, category) && !slices.Contains(r.Groups, x.Group) {
			return false
		}
	}
	if r.Ward && area == "" {
		return false
	}
	if len(r.Areas)+len(r.Zones) > 0 && !slices.Contains(r.Areas, area) && !slices.ContainsFunc(c.Zones, func(z Zone) bool {
		return slices.Contains(r.Zones, z.Code) && slices.Contains(z.Areas, area)
	}) {
		return false
	}
	switch {
	case r.From == r.Until:
		return true
	case r.From < r.Until:
		return r.From <= minute && minute < r.Until
	}
	return minute >= r.From || minute < r.Until
}

func (c *Catalogue) agency(r *Rule, area string) string {
	if r.Ward {
		return strings.ReplaceAll(c.WardAgency, "{area}", area)
	}
	return r.Agency
}

// why tells in words which conditions of the rule held.
func (c *Catalogue) why(r *Rule, category, area string) Words {
	x, _ := c.Category(category)
	w := Words{}
	for _, lang := range []string{"vi", "en"} {
		say := map[string][3]string{
			"vi": {"Lĩnh vực “%s”", "địa bàn", "giờ %s"},
			"en": {"Category “%s”", "area", "hours %s"},
		}[lang]
		var parts []string
		if len(r.Categories)+len(r.Groups) > 0 && x != nil {
			parts = append(parts, fmt.Sprintf(say[0], x.Title.In(lang)))
		}
		for _, z := range c.Zones {
			if slices.Contains(r.Zones, z.Code) && slices.Contains(z.Areas, area) {
				parts = append(parts, z.Title.In(lang))
				break
			}
		}
		if slices.Contains(r.Areas, area) {
			parts = append(parts, say[1]+" "+area)
		}
		if r.From != r.Until {
			parts = append(parts, fmt.Sprintf(say[2], clock(r.From)+"–"+clock(r.Until)))
		}
		w[lang] = r.Title.In(lang)
		if len(parts) > 0 {
			w[lang] += " (" + strings.Join(parts, ", ") + ")"
		}
	}
	return w
}

func clock(minute int) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }

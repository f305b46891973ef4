package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
	"unicode"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/repo"
)

const wholeCode = grant.WholeCity

// to is an addressee: an account, an agency, or a role in an area.
type to struct{ account, agency, role, area string }

// address writes an addressee as the dataset notification does.
func (a to) address() string {
	switch {
	case a.account != "":
		return "account:" + a.account
	case a.agency != "":
		return "agency:" + a.agency
	}
	return "role:" + a.role + "@" + a.area
}

// notice is something that somebody is to be told.
type notice struct {
	what, detail string // detail: the level, or the deadline
	to           to
	number       int64 // entry that it is about
}

// tellOf notes whom the draft's last entry concerns.
func (t *draft) tellOf(what, detail string, whom ...to) {
	for _, w := range whom {
		if w.address() != "agency:" {
			t.notices = append(t.notices, notice{what, detail, w, t.x.Entries})
		}
	}
}

// words of a notice, Vietnamese and English; {d} is its detail.
func (n notice) words(t *Desk) (vi, en string) {
	level := func(lang string) string {
		if w, err := t.Workflow(); err == nil {
			return w.LevelTitles[n.detail].In(lang)
		}
		return n.detail
	}
	deadline := func(lang string) string {
		if w, err := t.Workflow(); err == nil {
			if d, ok := w.Deadline(n.detail); ok {
				return d.Title.In(lang)
			}
		}
		return n.detail
	}
	switch n.what {
	case "opened":
		return "Sự cố mới", "New incident"
	case "assigned":
		return "Giao xử lý sự cố", "Incident assigned to you"
	case "joined":
		return "Đề nghị phối hợp xử lý sự cố", "You are asked to take part in an incident"
	case "raised":
		return "Sự cố chuyển lên " + lowerFirst(level("vi")), "Incident raised: " + level("en")
	case "remind":
		return "Sắp đến hạn: " + lowerFirst(deadline("vi")), "Due soon: " + deadline("en")
	case "missed":
		return "Quá hạn: " + lowerFirst(deadline("vi")), "Deadline missed: " + deadline("en")
	case "line":
		return "Quá giờ một việc trong kịch bản", "A line of the checklist is late"
	}
	return "Sự cố", "Incident"
}

func lowerFirst(s string) string {
	r := []rune(s)
	if len(r) == 0 {
		return s
	}
	return string(unicode.ToLower(r[0])) + string(r[1:])
}

// tell makes the records of notices. Their ids follow from the incident, the
// entry and the addressee: the same notice is the same record.
func (d *Desk) tell(x *Incident, now time.Time, notices []notice) ([]commit.Change, error) {
	e, err := d.repo.Entry(repo.Internal(), repo.SystemNotification)
	if err != nil {
		return nil, err
	}
	var list []commit.Change
	seen := map[string]bool{}
	for _, n := range notices {
		address := n.to.address()
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%s\x00%s\x00%s", x.ID, n.number, n.what, n.detail, address))
		id := "n" + hex.EncodeToString(sum[:12])
		if seen[id] {
			continue
		}
		seen[id] = true
		vi, en := n.words(d)
		c := cellsOf(e)
		for name, s := range map[string]string{"id": id, "to": address, "severity": x.Severity,
			"titleVi": clip(vi+": "+x.Title, 300), "titleEn": clip(en+": "+x.TitleIn("en"), 300), "bodyVi": clip(x.Summary, 2000), "bodyEn": clip(x.Summary, 2000),
			"link": "/incidents/" + x.ID, "aboutDataset": repo.SystemIncident, "aboutKey": x.ID, "dedupe": "incident/" + x.ID} {
			c.text(name, s)
		}
		c.at("createdAt", now)
		list = append(list, commit.Change{Dataset: repo.SystemNotification, Op: commit.Put, Row: c.row, Expect: commit.Absent})
	}
	return list, nil
}

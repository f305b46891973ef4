package request

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/repo"
)

// notice is something that somebody is to be told.
type notice struct {
	what    string
	address string // as the dataset notification writes them; reporters is all who wait for an answer
	number  int64  // entry that it is about
	urgent  bool
}

// author stands for who reported alone.
const author = "author"

// reporters stands for who reported and who follows, here and in what was merged.
const reporters = "reporters"

// tellOf notes whom the draft's last entry concerns.
func (t *draft) tellOf(what string, whom ...string) {
	for _, w := range whom {
		if w != "" && w != "agency:" && w != "account:" {
			t.notices = append(t.notices, notice{what, w, t.x.Entries, t.x.Urgency == "urgent"})
		}
	}
}

// handler is who has the request in hand.
func (t *draft) handler() string {
	if t.x.Assignee != "" {
		return "account:" + t.x.Assignee
	}
	return "agency:" + t.x.Agency
}

func (t *draft) desk() string { return "agency:" + t.d.deskAgency() }

func (t *draft) chair() string { return "role:" + grant.Leader + "@" + grant.WholeCity }

// titlesOf gives the title of a notice, Vietnamese and English. They name the request by its code:
// what was written in it is not for a screen that lies on a table.
func titlesOf(what string) [2]string {
	return map[string][2]string{
		"opened":    {"Phản ánh mới", "New report"},
		"unrouted":  {"Phản ánh chưa rõ đơn vị xử lý", "A report that no rule sends anywhere"},
		"assigned":  {"Giao xử lý phản ánh", "A report is yours to handle"},
		"returned":  {"Đơn vị trả lại phản ánh", "A report was sent back"},
		"remind":    {"Phản ánh sắp đến hạn", "A report is due soon"},
		"missed":    {"Phản ánh quá hạn", "A report is overdue"},
		"raised":    {"Phản ánh chuyển lên cấp trên", "A report was raised"},
		"replied":   {"Người phản ánh đã bổ sung", "The reporter has replied"},
		"disputed":  {"Người phản ánh chưa đồng ý", "An answer is disputed"},
		"reopened":  {"Phản ánh được mở lại", "A report was reopened"},
		"withdrawn": {"Phản ánh đã được rút", "A report was withdrawn"},
		"low":       {"Kết quả bị đánh giá thấp, cần người khác xem lại", "An answer was rated low and needs a second look"},
		"taken":     {"Đã tiếp nhận phản ánh của bạn", "Your report was received"},
		"moved":     {"Phản ánh có cập nhật", "Your report has moved on"},
		"ask":       {"Cơ quan xử lý cần bạn bổ sung thông tin", "You are asked about your report"},
		"answered":  {"Phản ánh đã được trả lời", "Your report was answered"},
		"refused":   {"Phản ánh không được thụ lý", "Your report was not accepted"},
		"closed":    {"Phản ánh đã kết thúc", "Your report was closed"},
		"merged":    {"Phản ánh được gộp với phản ánh khác cùng việc", "Your report was joined with another on the same matter"},
		"moderated": {"Nội dung công khai của phản ánh đã được chỉnh", "The public text of your report was edited"},
		"still":     {"Việc bạn phản ánh đã được xử lý, nay có còn ổn không", "Is what you reported still fixed"},
		"strike":    {"Phản ánh của bạn bị ghi nhận là báo sai, hoặc việc ghi nhận đã được xem lại", "Your report was noted as false, or that was looked at again"},
		"appealed":  {"Người gửi không đồng ý với việc ghi nhận báo sai", "A strike is appealed and needs a second person"},
		"message":   {"Có tin nhắn về phản ánh", "There is a message about your report"},
	}[what]
}

// tell makes the records of a draft's notices. Their ids follow from the request,
// the entry and the addressee: the same notice is the same record.
func (d *Desk) tell(ctx context.Context, t *draft) ([]commit.Change, error) {
	if len(t.notices) == 0 {
		return nil, nil
	}
	e, err := d.repo.Entry(repo.Internal(), repo.SystemNotification)
	if err != nil {
		return nil, err
	}
	var list []commit.Change
	seen := map[string]bool{}
	var waiting []string
	for _, n := range t.notices {
		addresses, link := []string{n.address}, "/desk/"+t.x.Code
		if n.address == reporters {
			if waiting == nil {
				if waiting, err = d.waiting(ctx, t); err != nil {
					return nil, err
				}
			}
			addresses, link = waiting, "/street/"+t.x.Code
		}
		if n.what == "taken" {
			link = "/street/" + t.x.Code
		}
		if n.address == author {
			if addresses, err = d.authorOf(ctx, t.x.Code); err != nil {
				return nil, err
			}
			link = "/street/" + t.x.Code
		}
		for _, address := range addresses {
			id := noticeID(t.x.Code, n.number, n.what, address)
			if seen[id] {
				continue
			}
			seen[id] = true
			list = append(list, noticeOf(e, id, address, n, t.x.Code, link, t.now))
		}
	}
	return list, nil
}

func noticeID(about string, number int64, what, address string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%s\x00%s", about, number, what, address))
	return "n" + hex.EncodeToString(sum[:12])
}

// severity tells how loud a notice is.
func (n *notice) severity() string {
	switch {
	case n.urgent || n.what == "raised":
		return "high"
	case n.what == "missed" || n.what == "low" || n.what == "disputed" || n.what == "unrouted":
		return "medium"
	}
	return "low"
}

// noticeOf is the change that tells somebody of one request.
func noticeOf(e *repo.Entry, id, address string, n notice, code, link string, at time.Time) commit.Change {
	c, title := cellsOf(e), titlesOf(n.what)
	for name, s := range map[string]string{"id": id, "to": address, "severity": n.severity(),
		"titleVi": title[0] + ": " + code, "titleEn": title[1] + ": " + code,
		"link": link, "aboutDataset": Dataset, "aboutKey": code, "dedupe": "request/" + code} {
		c.text(name, s)
	}
	c.at("createdAt", at)
	return commit.Change{Dataset: repo.SystemNotification, Op: commit.Put, Row: c.row, Expect: commit.Absent}
}

// mostTold bounds how many followers one commit tells.
const mostTold = 5000

// waiting lists the addresses of who reported and who follows a request, or one
// that was merged into it.
func (d *Desk) waiting(ctx context.Context, t *draft) (list []string, err error) {
	codes, err := d.family(ctx, t.x.Code)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, from := range []struct{ dataset, key string }{{Reporters, "code"}, {Followers, "request"}} {
		var filter cql2.Expr = oneOf(from.key, codes)
		q := repo.Query{Dataset: from.dataset, Filter: filter, Limit: mostTold}
		_, err = d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
			l := look{rec.Entry, rec.Values, d.repo.Zone()}
			account := l.text("account")
			if from.dataset == Followers && account == "" && l.text("email") != "" {
				account = guestAccount(l.text("id"))
			}
			if account != "" && !seen[account] {
				seen[account] = true
				list = append(list, "account:"+account)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// family lists a request and what was merged into it, directly or through another.
func (d *Desk) family(ctx context.Context, code string) ([]string, error) {
	codes := []string{code}
	for from := 0; from < len(codes) && len(codes) < mostTold; {
		level := codes[from:]
		from = len(codes)
		q := repo.Query{Dataset: Dataset, Filter: oneOf("parent", level), Fields: []string{"code"}, Sort: []repo.Sort{{Field: "code"}}, Limit: mostTold}
		_, err := d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
			codes = append(codes, d.of(rec).Code)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return codes, nil
}

package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
)

func (a *API) changeOperations() []operation {
	follow := []param{
		{name: "cursor", in: "query", typ: "string", text: words{
			"Vị trí đọc tiếp: lấy nguyên từ lần trước, hoặc \"start\" (từ đầu), \"now\" (từ bây giờ). Thiếu: start với NDJSON, now với SSE.",
			"Where to go on: as given before, or \"start\" or \"now\". Left out: start for NDJSON, now for an event stream."}},
		{name: "wait", in: "query", typ: "integer", min: 0, max: maxWait, def: "0", text: words{"Số giây chờ khi chưa có thay đổi mới.", "Seconds to wait when there is nothing new."}},
		paramLimit(1000, maxLimit), paramLang(),
		{name: "Last-Event-ID", in: "header", typ: "string", text: words{"Trình duyệt gửi khi nối lại; thay cho cursor.", "Sent by browsers on reconnecting; takes the place of cursor."}},
	}
	answers := []answer{{200, []string{mediaNDJSON, "text/event-stream"}, "Change", words{"Các thay đổi theo thứ tự ghi; dòng cuối của NDJSON là cursor", "Changes in commit order; the last line of NDJSON holds the cursor"}}}
	return []operation{
		{
			method: "GET", path: "/api/v1/changes", id: "followChanges", tag: "changes", stream: true,
			summary: words{"Theo dõi thay đổi", "Follow changes"},
			params:  append([]param{{name: "datasets", in: "query", typ: "string", text: words{"Các bộ dữ liệu, cách nhau bằng dấu phẩy; thiếu thì tất cả.", "Datasets, parted by commas; all when left out."}}}, follow...),
			answers: answers, problems: []int{406, 410},
			handle: func(c *call) error { return a.changes(c, c.list("datasets")) },
		},
		{
			method: "GET", path: "/api/v1/datasets/{name}/changes", id: "followDataset", tag: "changes", stream: true,
			summary: words{"Theo dõi một bộ dữ liệu", "Follow one dataset"},
			params:  follow, answers: answers, problems: []int{406, 410},
			handle: func(c *call) error { return a.changes(c, []string{c.path("name")}) },
		},
		{
			method: "GET", path: "/api/v1/commits", id: "listCommits", tag: "changes",
			summary: words{"Các lần ghi", "Commits"},
			params: []param{
				{name: "after", in: "query", typ: "integer", min: 0, max: 1 << 62, def: "0", text: words{"Bắt đầu sau số thứ tự này (trước nó khi desc=true).", "Begin after this number (before it with desc=true)."}},
				{name: "desc", in: "query", typ: "boolean", def: "false", text: words{"Mới nhất trước.", "Newest first."}},
				{name: "datasets", in: "query", typ: "string", text: words{"Chỉ các bộ dữ liệu này.", "These datasets only."}},
				paramLimit(100, 1000), paramLang(),
			},
			answers: []answer{{200, []string{mediaJSON}, "Commits", words{"Các lần ghi", "The commits"}}},
			handle:  a.listCommits,
		},
		{
			method: "GET", path: "/api/v1/commits/{seq}", id: "getCommit", tag: "changes",
			summary: words{"Một lần ghi và các thay đổi của nó", "One commit and its changes"},
			params:  []param{paramLimit(1000, maxLimit), paramLang()},
			answers: []answer{{200, []string{mediaJSON}, "Commit", words{"Lần ghi", "The commit"}}},
			handle:  a.getCommit,
		},
	}
}

// feed is a reader's place in the log: after commit pos.Seq, of whose successor
// the first skip changes were delivered already.
type feed struct {
	datasets []string
	pos      commit.Position
	skip     int
	live     bool // what this process knows of is enough: it is told at once of what comes
}

// cursor writes a place. The part after the dot exists only inside a commit of
// several changes, so that a reader cut off there loses none and gets none twice.
func (a *API) cursor(pos commit.Position, skip int) string {
	s := a.repo.FormatCursor(pos)
	if skip > 0 {
		s += "." + strconv.Itoa(skip)
	}
	return s
}

func (a *API) parseCursor(s string) (commit.Position, int, error) {
	head, part, cut := strings.Cut(s, ".")
	skip := 0
	if cut {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 || n > 1<<30 || strconv.Itoa(n) != part {
			return commit.Position{}, 0, problem.InvalidWith("parameters-invalid", []problem.Violation{problem.Violate("cursor-invalid", "cursor")})
		}
		skip = n
	}
	pos, err := a.repo.ParseCursor(head)
	return pos, skip, err
}

// deliver takes one change: the cursor after it, its dataset, its JSON.
type deliver func(cursor, dataset string, data []byte) error

// advance reads the log from f on and moves f, at most limit changes. It tells
// how many were delivered and whether there is more. The log itself is the
// queue: whoever is slow simply reads later.
func (a *API) advance(ctx context.Context, p repo.Principal, f *feed, limit int, fn deliver) (n int, more bool, err error) {
	head := a.repo.Position()
	if !f.live {
		h, err := a.repo.Head(ctx)
		if err != nil {
			return 0, false, err
		}
		head = h.Position
	}
	if head.Epoch != f.pos.Epoch {
		return 0, false, problem.New(problem.Gone, "cursor-other-epoch")
	}
	const commits = 256
	entries := 0
	last := f.pos.Seq
	err = a.repo.Log(ctx, p, repo.LogQuery{After: f.pos.Seq, Datasets: f.datasets, Limit: commits, Changes: true, Live: f.live}, func(entry *commit.Entry) error {
		entries++
		skip := 0
		if entry.Seq == f.pos.Seq+1 {
			skip = f.skip
		}
		for i := range entry.Changes {
			if i < skip {
				continue
			}
			if n == limit {
				return errEnough
			}
			ch := &entry.Changes[i]
			f.pos.Seq, f.skip = entry.Seq-1, i+1
			if i == len(entry.Changes)-1 {
				f.pos.Seq, f.skip = entry.Seq, 0
			}
			e, err := a.repo.Entry(p, ch.Dataset)
			if err != nil {
				continue // declared or withdrawn at this very moment
			}
			n++
			if err := fn(a.cursor(f.pos, f.skip), ch.Dataset, a.appendChange(nil, p, e, entry, ch)); err != nil {
				return err
			}
		}
		f.pos.Seq, f.skip = entry.Seq, 0
		last = entry.Seq
		return nil
	})
	if errors.Is(err, errEnough) {
		return n, true, nil
	}
	if err != nil {
		return n, false, err
	}
	if entries == commits {
		return n, true, nil
	}
	if head.Seq > last {
		f.pos.Seq, f.skip = head.Seq, 0
	}
	return n, false, nil
}

// appendChange writes one change as JSON.
func (a *API) appendChange(dst []byte, p repo.Principal, e *repo.Entry, entry *commit.Entry, ch *commit.Applied) []byte {
	columns := a.repo.Visible(p, e)
	row := ch.After
	if row == nil {
		row = ch.Before
	}
	row = widened(row, e.Table.Width())
	dst = append(dst, `{"seq":`...)
	dst = strconv.AppendInt(dst, entry.Seq, 10)
	dst = append(dst, `,"at":"`+instant(entry.At)+`","dataset":`...)
	dst = appendText(dst, ch.Dataset)
	dst = append(dst, `,"op":"`+ch.Result().String()+`","key":`...)
	dst = appendText(dst, keyOf(e, row))
	if ch.Prior > 0 {
		dst = append(dst, `,"prior":`...)
		dst = strconv.AppendInt(dst, ch.Prior, 10)
	}
	if ch.Before != nil && ch.After != nil {
		dst = append(dst, `,"changed":[`...)
		before := widened(ch.Before, e.Table.Width())
		first := true
		for _, i := range columns {
			if before[i] == row[i] {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = appendText(dst, e.Table.Columns[i].Name)
		}
		dst = append(dst, ']')
	}
	if ch.After != nil {
		dst = append(dst, `,"record":`...)
		dst = appendRecord(dst, e, columns, row, entry.Seq)
	}
	return append(dst, '}')
}

func (a *API) changes(c *call, datasets []string) error {
	if len(datasets) > 200 {
		return problem.InvalidWith("parameters-invalid", []problem.Violation{problem.Violate("parameter-many", "datasets", "limit", 200)})
	}
	for _, name := range datasets {
		if _, err := a.dataset(c.who(), name); err != nil {
			return err
		}
	}
	media, ok := web.Prefer(strings.Join(c.r.Header.Values("Accept"), ","), mediaNDJSON, "text/event-stream")
	if !ok {
		return notAcceptable(mediaNDJSON, "text/event-stream")
	}
	cursor := c.text("cursor")
	if last := c.r.Header.Get("Last-Event-ID"); last != "" {
		cursor = last
	}
	f := &feed{datasets: slices.Compact(slices.Sorted(slices.Values(datasets)))}
	head, err := a.repo.Head(c.ctx())
	if err != nil {
		return err
	}
	f.pos = head.Position
	switch {
	case cursor == "" && media == mediaNDJSON, cursor == "start":
		f.pos.Seq = 0
	case cursor == "", cursor == "now":
	default:
		if f.pos, f.skip, err = a.parseCursor(cursor); err != nil {
			return web.Malformed(err)
		}
	}
	c.set("Cache-Control", "no-store")
	if media == mediaNDJSON {
		return a.changeLines(c, f)
	}
	if c.r.Method == http.MethodHead {
		c.set("Content-Type", "text/event-stream; charset=utf-8")
		return nil
	}
	return a.changeEvents(c, f)
}

// changeLines answers with what there is, after waiting for something when
// asked to, and the cursor in the last line.
func (a *API) changeLines(c *call, f *feed) error {
	ctx, cancel := c.r.Stopping()
	defer cancel()
	s := &spool{c: c}
	c.set("Content-Type", mediaNDJSON+"; charset=utf-8")
	left := int(c.integer("limit"))
	line := func(_, _ string, data []byte) error {
		s.buf = append(append(s.buf, data...), '\n')
		return s.check()
	}
	wait := time.Duration(c.integer("wait")) * time.Second
	waiting, stop := context.WithTimeout(ctx, wait)
	defer stop()
	more := true
	for n := 0; ; {
		var got int
		var err error
		got, more, err = a.advance(c.ctx(), c.who(), f, left-n, line)
		if err != nil {
			return err
		}
		if n += got; n >= left || n > 0 && !more || wait == 0 && !more {
			break
		}
		if !more {
			if _, err := a.repo.Wait(waiting, f.pos.Seq); err != nil {
				if waiting.Err() == nil {
					return err
				}
				break
			}
		}
	}
	s.buf = append(s.buf, `{"cursor":`...)
	s.buf = appendText(s.buf, a.cursor(f.pos, f.skip))
	s.buf = append(s.buf, `,"more":`...)
	s.buf = append(strconv.AppendBool(s.buf, more), "}\n"...)
	return s.flush()
}

// changeEvents streams until the reader leaves, the server stops or the
// connection has lived long enough.
func (a *API) changeEvents(c *call, f *feed) error {
	s, err := c.r.Events(c.w)
	if err != nil {
		return err
	}
	defer s.Close()
	f.live = true
	known := ""
	send := func(cursor, dataset string, data []byte) error {
		known = cursor
		return s.Send(cursor, dataset, data)
	}
	for {
		_, more, err := a.advance(s.Context(), c.who(), f, maxLimit, send)
		if err == nil && !more {
			// Tell where the reader stands though nothing concerned it, so that
			// coming back is cheap; an event without data is not dispatched.
			if here := a.cursor(f.pos, f.skip); here != known {
				err = send(here, "", nil)
			}
			if err == nil {
				_, err = a.repo.Wait(s.Context(), f.pos.Seq)
			}
		}
		if s.Context().Err() != nil {
			return nil
		}
		if err != nil {
			switch problem.KindOf(err) {
			case problem.Unavailable, problem.RateLimited:
				return nil // the reader comes back by itself
			case problem.Internal:
				return err
			default:
				b, err := json.Marshal(web.Describe(c.r.Lang, c.r.Method, err))
				if err == nil {
					err = s.Send("", "problem", b)
				}
				return err
			}
		}
	}
}

// appendHeader writes the head of a commit. Who did it from where and why is
// for those who are known themselves.
func appendHeader(dst []byte, p repo.Principal, entry *commit.Entry) []byte {
	dst = append(dst, `{"seq":`...)
	dst = strconv.AppendInt(dst, entry.Seq, 10)
	dst = append(dst, `,"at":"`+instant(entry.At)+`","count":`...)
	dst = strconv.AppendInt(dst, int64(entry.Count), 10)
	dst = append(dst, `,"datasets":{`...)
	names := make([]string, 0, len(entry.Counts))
	for name := range entry.Counts {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendText(dst, name), ':')
		dst = strconv.AppendInt(dst, int64(entry.Counts[name]), 10)
	}
	dst = append(dst, '}')
	if p.Name != "" {
		for _, m := range [][2]string{{"actor", entry.Actor}, {"source", entry.Source}, {"reason", entry.Reason}} {
			if m[1] != "" {
				dst = append(append(dst, `,"`+m[0]+`":`...), appendText(nil, m[1])...)
			}
		}
	}
	return dst
}

func (a *API) listCommits(c *call) error {
	datasets := c.list("datasets")
	for _, name := range datasets {
		if _, err := a.dataset(c.who(), name); err != nil {
			return err
		}
	}
	s := &spool{c: c}
	c.set("Content-Type", mediaJSON+"; charset=utf-8")
	s.buf = append(s.buf, `{"commits":[`...)
	n, limit, last := 0, int(c.integer("limit")), int64(0)
	err := a.repo.Log(c.ctx(), c.who(), repo.LogQuery{After: c.integer("after"), Datasets: datasets, Limit: limit, Desc: c.truth("desc", false)}, func(entry *commit.Entry) error {
		if n++; n > 1 {
			s.buf = append(s.buf, ',')
		}
		last = entry.Seq
		s.buf = append(appendHeader(s.buf, c.who(), entry), '}')
		return s.check()
	})
	if err != nil {
		return err
	}
	s.buf = append(s.buf, ']')
	if n == limit {
		s.buf = append(s.buf, `,"next":`...)
		s.buf = strconv.AppendInt(s.buf, last, 10)
	}
	s.buf = append(s.buf, "}\n"...)
	return s.flush()
}

func (a *API) getCommit(c *call) error {
	unknown := problem.New(problem.NotFound, "commit-unknown")
	seq, err := strconv.ParseInt(c.path("seq"), 10, 64)
	if err != nil || seq < 1 {
		return unknown
	}
	s := &spool{c: c}
	limit, found := int(c.integer("limit")), false
	c.set("Content-Type", mediaJSON+"; charset=utf-8")
	err = a.repo.Log(c.ctx(), c.who(), repo.LogQuery{After: seq - 1, Limit: 1, Changes: true}, func(entry *commit.Entry) error {
		if entry.Seq != seq {
			return nil
		}
		found = true
		s.buf = append(appendHeader(s.buf, c.who(), entry), `,"changes":[`...)
		n := 0
		for i := range entry.Changes {
			e, err := a.repo.Entry(c.who(), entry.Changes[i].Dataset)
			if err != nil {
				continue
			}
			if n == limit {
				break
			}
			if n++; n > 1 {
				s.buf = append(s.buf, ',')
			}
			s.buf = a.appendChange(s.buf, c.who(), e, entry, &entry.Changes[i])
			if err := s.check(); err != nil {
				return err
			}
		}
		s.buf = append(s.buf, `],"more":`...)
		s.buf = append(strconv.AppendBool(s.buf, n < len(entry.Changes)), "}\n"...)
		return nil
	})
	if err != nil {
		return err
	}
	if !found {
		return unknown
	}
	return s.flush()
}

// lastCommit is the newest commit of a dataset, nil when there is none.
func (a *API) lastCommit(c *call, name string) (*commit.Entry, error) {
	var last *commit.Entry
	err := a.repo.Log(c.ctx(), c.who(), repo.LogQuery{Datasets: []string{name}, Limit: 1, Desc: true}, func(entry *commit.Entry) error {
		last = &commit.Entry{Seq: entry.Seq, At: entry.At}
		return nil
	})
	return last, err
}

package ui_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/request"
)

// brokenLine carries connections to a server and cuts most of them somewhere: before
// anything was sent, within what was sent, when the server has it all and has not
// answered, or within the answer.
type brokenLine struct {
	net.Listener
	to     string
	whole  atomic.Bool // cuts nothing any more
	mu     sync.Mutex
	rng    *rand.Rand
	before atomic.Int64 // cut before the whole of what was sent was through
	after  atomic.Int64 // cut when the answer had begun, or was about to
}

func breakLine(t *testing.T, to string, seed uint64) *brokenLine {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &brokenLine{Listener: l, to: to, rng: rand.New(rand.NewPCG(seed, 2))}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go b.carry(c)
		}
	}()
	return b
}

// fate draws how many bytes pass in each direction; -1 for all.
func (b *brokenLine) fate() (up, down int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.whole.Load() {
		return -1, -1
	}
	switch b.rng.IntN(10) {
	case 0:
		return 0, 0
	case 1, 2:
		return b.rng.IntN(6000), -1
	case 3, 4, 5:
		return -1, 0
	case 6:
		return -1, b.rng.IntN(300)
	}
	return -1, -1
}

func (b *brokenLine) carry(c net.Conn) {
	defer c.Close()
	s, err := net.Dial("tcp", b.to)
	if err != nil {
		return
	}
	defer s.Close()
	up, down := b.fate()
	cut := make(chan *atomic.Int64, 2)
	pass := func(to, from net.Conn, most int, count *atomic.Int64) {
		if most < 0 {
			io.Copy(to, from)
			cut <- nil
			return
		}
		io.CopyN(to, from, int64(most))
		if most == 0 && from == s { // the server has it all, and its answer goes nowhere
			from.Read(make([]byte, 1))
		}
		cut <- count
	}
	go pass(s, c, up, &b.before)
	go pass(c, s, down, &b.after)
	if count := <-cut; count != nil {
		count.Add(1)
	}
}

// sender is a device that sends one report as the page's script does: it keeps the
// key until it has a receipt.
type sender struct {
	http           *http.Client
	url            string
	key, text      string
	area           string
	photo          []byte
	upload, device string
	tries          int
}

var errLine = errors.New("tried again later")

func (s *sender) call(ctx context.Context, path string, body []byte, header ...string) (int, map[string]any, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	q.Header.Set("Accept", "application/json")
	q.AddCookie(&http.Cookie{Name: "device", Value: s.device})
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	res, err := s.http.Do(q)
	if err != nil {
		return 0, nil, errLine
	}
	defer res.Body.Close()
	out := map[string]any{}
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil || res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests {
		return 0, nil, errLine
	}
	return res.StatusCode, out, nil
}

// bring uploads the photo, on from where the line broke.
func (s *sender) bring(ctx context.Context) error {
	at := map[string]any{}
	var err error
	state := func() error {
		_, at, err = s.call(ctx, "/report/files/"+s.upload, nil, "Huong-Report-Key", s.key)
		return err
	}
	if s.upload != "" {
		if err := state(); err != nil {
			return err
		}
	}
	if at["id"] == nil {
		_, begun, err := s.call(ctx, "/report/files", []byte(url.Values{"key": {s.key}, "name": {"a.jpg"}, "size": {strconv.Itoa(len(s.photo))}}.Encode()), "Content-Type", urlEncoded)
		if err != nil {
			return err
		}
		id, _ := begun["id"].(string)
		if id == "" {
			return fmt.Errorf("no upload: %v", begun)
		}
		s.upload, at = id, begun
	}
	for at["done"] != true {
		offset := int(at["offset"].(float64))
		status, next, err := s.call(ctx, "/report/files/"+s.upload, s.photo[offset:min(len(s.photo), offset+1500)],
			"Huong-Report-Key", s.key, "Huong-Upload-Offset", strconv.Itoa(offset), "Content-Type", "application/octet-stream")
		if err != nil {
			return err
		}
		if at = next; status == http.StatusConflict {
			if err := state(); err != nil {
				return err
			}
		}
		if at["offset"] == nil {
			s.upload = ""
			return errLine
		}
	}
	return nil
}

// send tries once more; the code of the receipt when it came.
func (s *sender) send(ctx context.Context) (string, error) {
	s.tries++
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, kv := range [][2]string{{"key", s.key}, {"category", "road"}, {"text", s.text}, {"area", s.area}} {
		form.WriteField(kv[0], kv[1])
	}
	if len(s.photo) > 0 {
		if err := s.bring(ctx); err != nil {
			return "", err
		}
		form.WriteField("photo", s.upload)
	}
	form.Close()
	status, got, err := s.call(ctx, "/report", body.Bytes(), "Content-Type", form.FormDataContentType())
	if err != nil {
		return "", err
	}
	code, _ := got["code"].(string)
	if status != http.StatusOK || code == "" {
		return "", fmt.Errorf("%d %v", status, got)
	}
	return code, nil
}

// Wherever the line is cut, and however often: a device that tries until it has a
// receipt has sent one report, with one photo. HUONG_CUTS says how many are sent.
func TestReportsThroughABrokenLine(t *testing.T) {
	t.Parallel()
	c := takesReports(t)
	many := 200
	if n, err := strconv.Atoi(os.Getenv("HUONG_CUTS")); err == nil && n > 0 {
		many = n
	}
	home, err := url.Parse(c.url)
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	line := breakLine(t, home.Host, seed)
	client := &http.Client{Timeout: waitLong, Transport: &http.Transport{DisableKeepAlives: true}}
	photo := street(t)
	codes, tries := make([]string, many), make([]int, many)
	var next atomic.Int64
	var wait sync.WaitGroup
	text := func(i int) string { return fmt.Sprintf("Ổ gà thứ %d trên đường dây đứt", i) }
	for range 8 {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < many; i = int(next.Add(1)) - 1 {
				s := &sender{http: client, url: "http://" + line.Addr().String(), key: fmt.Sprintf("line-%016x-%06d", seed, i), text: text(i), area: []string{"19753", "19789"}[i%2], device: fmt.Sprintf("%032x", i)}
				if i%8 == 0 {
					s.photo = photo
				}
				for codes[i] == "" {
					if s.tries == 200 {
						t.Errorf("%s: no receipt after %d tries", s.text, s.tries)
						break
					}
					var err error
					if codes[i], err = s.send(t.Context()); err != nil && !errors.Is(err, errLine) {
						t.Errorf("%s: %v", s.text, err)
						break
					}
				}
				tries[i] = s.tries
			}
		})
	}
	wait.Wait()
	stored := map[string][]string{}
	_, err = c.repo.Read(t.Context(), repo.Internal(), repo.Query{Dataset: request.Dataset, Fields: []string{"code", "description"}}, func(r repo.Record) error {
		words, _, _, _ := r.Entry.Table.Property("description")
		code, _, _, _ := r.Entry.Table.Property("code")
		if s := strings.Clone(r.Values[words].Text()); strings.HasSuffix(s, "trên đường dây đứt") {
			stored[s] = append(stored[s], strings.Clone(r.Values[code].Text()))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	again := 0
	for i, code := range codes {
		if got := stored[text(i)]; len(got) != 1 || got[0] != code {
			t.Errorf("%s has the receipt of %s and is stored as %v", text(i), code, got)
			continue
		}
		again += tries[i] - 1
		if i%8 != 0 {
			continue
		}
		w, err := c.deskOfReports.Read(t.Context(), atDesk, code)
		if err != nil {
			t.Fatal(err)
		}
		var photos []string
		for _, e := range w.Timeline {
			if e.Kind == request.Photo {
				photos = append(photos, e.Ref)
			}
		}
		if len(photos) != 1 {
			t.Errorf("%s has %d photos", code, len(photos))
			continue
		}
		if f, err := c.attachments().Describe(t.Context(), photos[0]); err != nil || f.Key != code || !f.Done() {
			t.Errorf("the photo of %s: %+v %v", code, f, err)
		}
	}
	if len(stored) != many {
		t.Errorf("%d reports of %d", len(stored), many)
	}
	if line.before.Load() == 0 || line.after.Load() == 0 {
		t.Error("nothing was cut: the test shows nothing")
	}
	t.Logf("%d reports, %d tries more, %d connections cut before the server had it all, %d after", many, again, line.before.Load(), line.after.Load())
}

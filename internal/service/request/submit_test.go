package request_test

import (
	"sync"
	"testing"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/request"
	"huong.city/huong/internal/store/sqlite"
)

// all counts the requests.
func (h *hall) all() int {
	h.Helper()
	n := 0
	_, err := h.repo.Read(h.Context(), repo.Internal(), repo.Query{Dataset: request.Dataset}, func(repo.Record) error { n++; return nil })
	if err != nil {
		h.Fatal(err)
	}
	return n
}

// However often a submission comes, one after the other, at once, and through
// several desks: there is one request, and one receipt.
func TestOneSubmissionIsOneRequest(t *testing.T) {
	both(t, func(t *testing.T, h *hall) {
		s := pavement(1)
		var got [100]request.Receipt
		var all sync.WaitGroup
		desks := []*request.Desk{h.Desk, h.another(), h.another()}
		for i := range got {
			all.Go(func() {
				var err error
				if got[i], err = desks[i%3].Submit(t.Context(), citizen, s); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		first := 0
		for _, r := range got {
			if !r.Repeated {
				first++
			}
			r.Repeated, got[0].Repeated = false, false
			if r.Code != got[0].Code || r.Secret != got[0].Secret || !r.DueAt.Equal(got[0].DueAt) || r.Agency != got[0].Agency || r.Area != got[0].Area {
				t.Fatalf("receipts %+v and %+v", r, got[0])
			}
		}
		if n := h.all(); n != 1 || first != 1 {
			t.Errorf("%d requests, %d first receipts", n, first)
		}
		h.clock.forward(3 * 24 * time.Hour) // another day, another code
		if r := h.send(citizen, s); r.Code != got[0].Code || !r.Repeated {
			t.Errorf("%+v after three days", r)
		}
		if r := h.send(citizen, pavement(2)); r.Code == got[0].Code || r.Secret == got[0].Secret {
			t.Errorf("another submission has the receipt of the first")
		}
	})
}

// Neither does a restart between two tries make a second one, wherever it falls.
func TestASubmissionAcrossRestarts(t *testing.T) {
	folder := t.TempDir()
	h := onSQLite(t, folder)
	s := pavement(1)
	s.Photos = []string{h.files.put("f1", request.UploadKey(s.Key))}
	r := h.send(repo.Public(), s)
	h.repo.Close(t.Context())
	d, err := sqlite.Open(folder, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	again := openHall(t, d, h.clock)
	again.files.put("f1", request.UploadKey(s.Key)) // as where the server died before the photo was given to it
	if got := again.send(repo.Public(), s); got.Code != r.Code || got.Secret != r.Secret || !got.Repeated || again.all() != 1 {
		t.Errorf("%+v, then %+v", r, got)
	}
	if f, _ := again.files.Describe(t.Context(), "f1"); f.Key != r.Code {
		t.Errorf("the photo belongs to %s", f.Key)
	}
	for _, who := range []struct {
		p      repo.Principal
		secret string
		may    bool
	}{{repo.Public(), "", false}, {repo.Public(), r.Secret, true}, {duty, "", true}, {ward, "", true}, {other, "", false}} {
		if err := again.MayOpen(t.Context(), who.p, r.Code, who.secret, "f1"); (err == nil) != who.may {
			t.Errorf("%s opens the photo: %v", who.p.Name, err)
		}
	}
}

func TestADayHasItsMeasure(t *testing.T) {
	h := onSQLite(t, t.TempDir())
	for n := range 5 {
		h.send(citizen, pavement(n))
	}
	_, err := h.Submit(t.Context(), citizen, pavement(5))
	wantCode(t, err, problem.RateLimited, "request-too-many")
	if p := problem.As(err); p.RetryAfter < 15*time.Hour || p.RetryAfter > 16*time.Hour {
		t.Errorf("come back in %s", p.RetryAfter)
	}
	if r := h.send(citizen, pavement(4)); !r.Repeated { // what was taken stays taken
		t.Errorf("%+v", r)
	}
	h.send(friend, pavement(6))
	for n := range 4 {
		s := pavement(10 + n)
		s.Device = "một máy"
		_, err := h.Submit(t.Context(), repo.Public(), s)
		if (err != nil) != (n == 3) {
			t.Errorf("%d from one device: %v", n+1, err)
		}
		s = pavement(20 + n)
		s.OnBehalfOf, s.Channel, s.Device = true, "phone", "một máy"
		h.send(duty, s)
	}
	h.clock.forward(16 * time.Hour)
	h.send(citizen, pavement(30))
}

package ui_test

import (
	"context"
	crand "crypto/rand"
	"net/http"
	"net/url"
	"os"
	"testing"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/attachment"
	"huong.city/huong/internal/service/request"
)

// streetBook tells the desk of reports about files.
type streetBook struct{ *attachment.Keeper }

func (f streetBook) Describe(ctx context.Context, id string) (request.File, error) {
	x, err := f.Keeper.Describe(ctx, id)
	return request.File{ID: x.ID, Dataset: x.Dataset, Key: x.Key, Name: x.Name, Media: x.Media, Size: x.Size, Width: x.Width, Height: x.Height}, err
}

// takesReports gives a city what Huế declares of reports, and serves it.
func takesReports(t testing.TB) *city { return takesReportsBy(t, request.Config{}) }

// takesReportsBy has a desk that is set otherwise.
func takesReportsBy(t testing.TB, by request.Config) *city {
	t.Helper()
	c := copyOf(t, &shared.plain, func(c *city) { c.plain(t) })
	c.repairs = &repairs{repo: c.repo}
	for kind, file := range map[string]string{"workflow": "workflows/service-request.yaml", "requests": "requests.yaml"} {
		b, err := os.ReadFile(cityFolder + "/" + file)
		if err != nil {
			t.Fatal(err)
		}
		name := map[string]string{"workflow": "service-request", "requests": "requests"}[kind]
		c.put(t, "definition", "phản ánh", []map[string]string{{"kind": kind, "name": name, "title": name, "text": string(b)}})
	}
	by.Repo, by.Random, by.Files = c.repo, crand.Reader, streetBook{c.attachments()}
	c.deskOfReports = request.New(by)
	c.answered = request.NewFigures(c.repo.Zone())
	c.repo.Follow(c.answered)
	c.serveWith(t, nil)
	return c
}

// The duty desk, and who handles what is sent to the ward.
var (
	atDesk = repo.Principal{Name: "van.desk", Agency: "hueioc", Roles: []string{grant.Officer}, Areas: []string{"*"}}
	inWard = repo.Principal{Name: "ha.unit", Agency: "ubnd-19789", Roles: []string{grant.Officer}, Areas: []string{"19789"}}
)

// steps takes steps as staff upon a report as it stands.
func (c *city) steps(t testing.TB, p repo.Principal, code string, acts ...request.Act) {
	t.Helper()
	for _, a := range acts {
		w, err := c.deskOfReports.Read(t.Context(), p, code)
		if err == nil {
			a.Version = w.Version
			_, err = c.deskOfReports.Act(t.Context(), p, code, a)
		}
		if err != nil {
			t.Fatalf("%s: %v", a.Do, err)
		}
	}
}

// answers brings a report to its answer.
func (c *city) answers(t testing.TB, code, answer string) {
	t.Helper()
	c.steps(t, atDesk, code, request.Act{Do: "verify"}, request.Act{Do: "assign", Fields: map[string]string{"agency": "ubnd-19789"}})
	c.steps(t, inWard, code, request.Act{Do: "begin"}, request.Act{Do: "answer", Outcome: "cannot-verify", Fields: map[string]string{"answer": answer}})
}

// held are the receipts that a reader's browser keeps.
func (r *reader) held() (list []*http.Cookie) {
	home, err := url.Parse(r.c.url)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, k := range r.http.Jar.Cookies(home) {
		if k.Name == "receipts" {
			list = append(list, k)
		}
	}
	return list
}

package ui_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store/sqlite"
)

// seed is a city that is filled once; every test that asks for it lives in a copy
// of its own, at the moment when it was filled.
type seed struct {
	once  sync.Once
	dir   string
	city  *city
	ended time.Time
}

// shared is what all tests of the package have in common: seeds and one browser.
// Each test has its own city and its own profile of the browser.
var shared struct {
	plain, boards, center seed

	browser sync.Once
	chrome  context.Context
	failed  error
	mu      sync.Mutex
	stop    []func() // first what was begun last
}

// keepUntilEnd is a folder that is gone when all tests are over.
func keepUntilEnd(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "huong-ui-")
	if err != nil {
		t.Fatal(err)
	}
	atEnd(func() { os.RemoveAll(dir) })
	return dir
}

func atEnd(stop func()) {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	shared.stop = append([]func(){stop}, shared.stop...)
}

// copyOf gives the test a city that was filled as fill says.
func copyOf(t testing.TB, s *seed, fill func(c *city)) *city {
	t.Helper()
	s.once.Do(func() {
		made := &city{now: time.Now().UTC().Truncate(time.Second)}
		dir := keepUntilEnd(t)
		made.open(t, dir)
		fill(made)
		if err := made.repo.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		made.repo = nil
		s.dir, s.city, s.ended = dir, made, time.Now()
	})
	if s.city == nil {
		t.Fatal("the city could not be filled")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(s.dir)); err != nil {
		t.Fatal(err)
	}
	c := &city{now: s.city.now, token: s.city.token, held: s.city.held, seq: s.city.seq, late: time.Since(s.ended)}
	c.open(t, dir)
	t.Cleanup(func() { c.repo.Close(context.Background()) })
	return c
}

// open opens the store of a folder.
func (c *city) open(t testing.TB, dir string) {
	t.Helper()
	zone, err := time.LoadLocation("Asia/Ho_Chi_Minh")
	if err != nil {
		t.Fatal(err)
	}
	d, err := sqlite.Open(dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c.repo, err = repo.Open(context.Background(), repo.Config{Driver: d, Now: c.clock, Zone: zone}); err != nil {
		t.Fatal(err)
	}
}

// clock is the city's own: it goes on from where the seed was filled.
func (c *city) clock() time.Time { return time.Now().Add(-c.late) }

// browser gives the test a profile of its own, with cookies and tabs, in the one
// headless Chromium of the package, or skips the test where there is none.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := chromium(t)
	shared.browser.Do(func() {
		var stop context.CancelFunc
		shared.chrome, stop = startChromium(path, keepUntilEnd(t))
		atEnd(stop)
		shared.failed = chromedp.Do(shared.chrome)
	})
	if shared.failed != nil {
		t.Fatal(shared.failed)
	}
	ctx, cancel := chromedp.NewContext(shared.chrome, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

func endShared() {
	for _, stop := range shared.stop {
		stop()
	}
}

// sources reads files of the city's folder: their names without the ending, and
// their texts.
func sources(t testing.TB, pattern string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(cityFolder, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("nothing at %s: %v", pattern, err)
	}
	list := map[string]string{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		base := filepath.Base(file)
		list[base[:len(base)-len(filepath.Ext(base))]] = string(b)
	}
	return list
}

package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"huong.city/huong/internal/store/postgres/pgtest"
)

// kills is how often each store's server is killed: five times in the ordinary
// run, HUONG_KILLS times in a soak.
func kills(t *testing.T) int {
	n := 5
	if s := os.Getenv("HUONG_KILLS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	} else if testing.Short() {
		n = 3
	}
	return n
}

func TestKillSQLite(t *testing.T) {
	t.Parallel()
	killStory(t, "--data", t.TempDir())
}

func TestKillPostgres(t *testing.T) {
	t.Parallel()
	cluster := pgtest.New(pgtest.Settings{Durable: true})
	t.Cleanup(cluster.Stop)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, bytes.Repeat([]byte("k"), 32), 0o600); err != nil {
		t.Fatal(err)
	}
	killStory(t, "--secret", secret, "--database", cluster.Database(t))
}

const counterDataset = `name: counter
title: {vi: Bộ đếm, en: Counter}
kind: register
classification: internal
schema:
  primaryKey: [id]
  fields:
    - {name: id, type: string, title: {vi: Mã, en: Id}}
    - {name: n, type: integer, title: {vi: Số, en: Number}, constraints: {required: true}}
    - {name: text, type: string, title: {vi: Chữ, en: Text}}
`

// program runs the command line in a process of its own.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), "HUONG_AS_PROGRAM=1")
	return c
}

func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := program(t, args...).CombinedOutput()
	watch.Search("output", "huong "+args[0], out)
	if err != nil {
		t.Fatalf("huong %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// server starts huong serve and returns its address.
func server(t *testing.T, place ...string) (*exec.Cmd, string) {
	t.Helper()
	c := program(t, append([]string{"serve", "--listen", "127.0.0.1:0"}, place...)...)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	c.Stderr = io.MultiWriter(&log, watch.Writer("log", "huong serve"))
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		c.Wait()
		t.Fatalf("the server did not become ready: %v\n%s", err, log.String())
	}
	go io.Copy(io.Discard, out)
	return c, strings.TrimSpace(strings.TrimPrefix(line, "ready "))
}

// killStory kills the server under load again and again. Each writer counts its
// own records upward; what was acknowledged must be there after the next start.
func killStory(t *testing.T, place ...string) {
	folder := t.TempDir()
	os.MkdirAll(filepath.Join(folder, "datasets"), 0o755)
	if err := os.WriteFile(filepath.Join(folder, "datasets", "counter.yaml"), []byte(counterDataset), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, append([]string{"apply", folder}, place...)...)
	token := strings.TrimSpace(run(t, append([]string{"token", "create", "--read", "counter", "--write", "counter"}, place...)...))

	const writers = 8
	acknowledged := map[string]int64{}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	var next int64
	for round := range kills(t) {
		process, address := server(t, place...)
		checkAcknowledged(t, address, token, acknowledged)

		var mu sync.Mutex
		var wg sync.WaitGroup
		first := make(chan struct{}) // closed when this round's first commit is acknowledged
		var once sync.Once
		for w := range writers {
			next++
			base := next * 1_000_000
			wg.Go(func() {
				for i := int64(1); ; i++ {
					n := base + i
					var body strings.Builder
					batch := map[string]int64{}
					for k := range int64(1 + w*w) {
						id := fmt.Sprintf("w%d-%d", w, (i+k)%50)
						if _, twice := batch[id]; twice {
							continue
						}
						batch[id] = n
						fmt.Fprintf(&body, `{"id":%q,"n":%d,"text":"vòng %d"}`+"\n", id, n, round)
					}
					if !post(address, token, body.String()) {
						return
					}
					mu.Lock()
					maps.Copy(acknowledged, batch)
					mu.Unlock()
					once.Do(func() { close(first) })
				}
			})
		}
		if round%2 == 0 { // in the other rounds the kill may come before
			ended := make(chan struct{})
			go func() { wg.Wait(); close(ended) }()
			select {
			case <-first:
			case <-ended:
				process.Process.Kill()
				process.Wait()
				t.Fatal("every writer gave up before anything was acknowledged")
			}
		}
		time.Sleep(time.Duration(30+rng.IntN(220)) * time.Millisecond) // the moment of the kill, not a wait for anything
		process.Process.Kill()
		process.Wait()
		wg.Wait()
		if round%20 == 19 {
			run(t, append([]string{"verify"}, place...)...)
		}
	}
	process, address := server(t, place...)
	checkAcknowledged(t, address, token, acknowledged)
	process.Process.Signal(os.Interrupt)
	if err := process.Wait(); err != nil {
		t.Errorf("an orderly stop: %v", err)
	}
	if len(acknowledged) == 0 {
		t.Fatal("nothing was acknowledged: the test shows nothing")
	}
	t.Log(strings.TrimSpace(run(t, append([]string{"verify"}, place...)...)))
}

// post sends rows and tells whether they were all acknowledged.
func post(address, token, body string) bool {
	req, err := http.NewRequest("POST", address+"/api/v1/datasets/counter/records", strings.NewReader(body))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return err == nil && res.StatusCode < 300 && !bytes.Contains(b, []byte(`"quarantined":1`))
}

// checkAcknowledged reads everything back. A record may be ahead of what was
// acknowledged (the answer was lost with the process), never behind.
func checkAcknowledged(t *testing.T, address, token string, acknowledged map[string]int64) {
	t.Helper()
	stored := map[string]int64{}
	cursor := ""
	for {
		u := address + "/api/v1/datasets/counter/records?limit=1000"
		if cursor != "" {
			u += "&cursor=" + url.QueryEscape(cursor)
		}
		req, _ := http.NewRequest("GET", u, nil)
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			Records []struct {
				ID string `json:"id"`
				N  int64  `json:"n"`
			} `json:"records"`
			Next string `json:"next"`
		}
		err = json.NewDecoder(res.Body).Decode(&page)
		res.Body.Close()
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("reading back: %d %v", res.StatusCode, err)
		}
		for _, r := range page.Records {
			stored[r.ID] = r.N
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	for id, n := range acknowledged {
		if stored[id] < n {
			t.Errorf("%s: acknowledged %d, stored %d", id, n, stored[id])
		}
	}
}

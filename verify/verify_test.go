package verify

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/client"
	"golang.org/x/mod/sumdb/note"
)

const point = `name: point
title: {vi: Điểm, en: Point}
kind: register
classification: open
schema:
  primaryKey: [id]
  fields:
    - {name: id, type: string, title: {vi: Mã, en: Id}}
    - {name: n, type: integer, title: {vi: Số, en: Number}}
`

// city is a served city with its program.
type city struct {
	t            *testing.T
	program, dir string
	address      string
	token        string
}

func (c *city) run(args ...string) []byte {
	c.t.Helper()
	var errs bytes.Buffer
	cmd := exec.Command(c.program, args...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("huong %s: %v\n%s", strings.Join(args, " "), err, errs.Bytes())
	}
	return out
}

func begin(t *testing.T) *city {
	t.Helper()
	dir := t.TempDir()
	c := &city{t: t, program: os.Getenv("HUONG_PROGRAM"), dir: filepath.Join(dir, "data")}
	if c.program == "" { // scripts/test has built it
		c.program = filepath.Join(dir, "huong")
		build := exec.Command("go", "build", "-o", c.program, "./cmd/huong")
		build.Dir = ".."
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build: %v\n%s", err, out)
		}
	}
	town := filepath.Join(dir, "town")
	if err := os.MkdirAll(filepath.Join(town, "datasets"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(town, "datasets", "point.yaml"), []byte(point), 0o644); err != nil {
		t.Fatal(err)
	}
	c.run("apply", town, "--data", c.dir)
	c.token = regexp.MustCompile(`huong_\S+`).FindString(string(c.run("token", "create", "--data", c.dir, "--read", "point", "--write", "point")))
	serve := exec.Command(c.program, "serve", "--data", c.dir, "--listen", "127.0.0.1:0")
	out, err := serve.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		serve.Process.Signal(os.Interrupt)
		serve.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
			c.address = address
			go func() {
				for lines.Scan() {
				}
			}()
			return c
		}
	}
	t.Fatal("the city did not become ready")
	return nil
}

// write makes n commits.
func (c *city) write(from, n int) {
	c.t.Helper()
	for i := range n {
		q, err := http.NewRequest("POST", c.address+"/api/v1/datasets/point/records", strings.NewReader(fmt.Sprintf(`{"id":"p%d","n":%d}`, from+i, i)))
		if err != nil {
			c.t.Fatal(err)
		}
		q.Header.Set("Authorization", "Bearer "+c.token)
		q.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(q)
		if err != nil {
			c.t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode/100 != 2 {
			c.t.Fatalf("write: %s", res.Status)
		}
	}
}

type inclusion struct {
	Index      uint64   `json:"index"`
	Size       uint64   `json:"size"`
	Entry      string   `json:"entry"`
	Hashes     [][]byte `json:"hashes"`
	Checkpoint string   `json:"checkpoint"`
	Key        string   `json:"key"`
}

// prove has the program sign the log as it is now and prove a commit.
func (c *city) prove(seq int) (p inclusion) {
	c.t.Helper()
	if err := json.Unmarshal(c.run("proof", fmt.Sprint(seq), "--data", c.dir), &p); err != nil {
		c.t.Fatal(err)
	}
	return p
}

func TestTesseraAcceptsTheLog(t *testing.T) {
	c := begin(t)
	ctx := t.Context()
	root, err := url.Parse(c.address + "/log/")
	if err != nil {
		t.Fatal(err)
	}
	fetch, err := client.NewHTTPFetcher(root, http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	c.write(0, 40)
	first := c.prove(3)
	verifier, err := note.NewVerifier(first.Key)
	if err != nil {
		t.Fatal(err)
	}
	tracker, err := client.NewLogStateTracker(ctx, fetch.ReadTile, nil, verifier, verifier.Name(), client.UnilateralConsensus(fetch.ReadCheckpoint))
	if err != nil {
		t.Fatal(err)
	}
	before := tracker.Latest()
	if before.Size < 40 || before.Size != first.Size {
		t.Fatalf("the served checkpoint is of %d entries, the proof's of %d", before.Size, first.Size)
	}
	c.write(40, 300) // past a full tile
	last := c.prove(1)
	// The tracker checks the consistency proof that it builds from the tiles.
	if _, path, _, err := tracker.Update(ctx); err != nil || len(path) == 0 {
		t.Fatalf("update: %v, path of %d", err, len(path))
	}
	now := tracker.Latest()
	if now.Size != last.Size || now.Size <= before.Size {
		t.Fatalf("%d entries after %d", now.Size, before.Size)
	}
	builder, err := client.NewProofBuilder(ctx, now.Size, fetch.ReadTile)
	if err != nil {
		t.Fatal(err)
	}
	if path, err := builder.ConsistencyProof(ctx, before.Size, now.Size); err != nil {
		t.Fatal(err)
	} else if err := proof.VerifyConsistency(rfc6962.DefaultHasher, before.Size, now.Size, path, before.Hash, now.Hash); err != nil {
		t.Fatal(err)
	}
	for index := range now.Size {
		bundle, err := client.GetEntryBundle(ctx, fetch.ReadEntryBundle, index/256, now.Size)
		if err != nil {
			t.Fatal(err)
		}
		entry := bundle.Entries[index%256]
		if !strings.HasPrefix(string(entry), fmt.Sprintf("huong.city/commit/v1\n%d\n", index+1)) {
			t.Fatalf("entry %d is %q", index, entry)
		}
		path, err := builder.InclusionProof(ctx, index)
		if err != nil {
			t.Fatal(err)
		}
		leaf := rfc6962.DefaultHasher.HashLeaf(entry)
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, now.Size, leaf, path, now.Hash); err != nil {
			t.Fatalf("entry %d: %v", index, err)
		}
	}
	// What the program hands out is what the tiles say.
	for _, seq := range []int{1, 41, 256, 257, int(now.Size)} {
		p := c.prove(seq)
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, p.Index, p.Size, rfc6962.DefaultHasher.HashLeaf([]byte(p.Entry)), p.Hashes, now.Hash); err != nil {
			t.Fatalf("commit %d: %v", seq, err)
		}
		p.Entry += "!"
		if proof.VerifyInclusion(rfc6962.DefaultHasher, p.Index, p.Size, rfc6962.DefaultHasher.HashLeaf([]byte(p.Entry)), p.Hashes, now.Hash) == nil {
			t.Fatal("an altered entry is accepted")
		}
	}
}

package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/proof"
)

// proofCommand proves that a commit is in the log, or checks such a proof.
type proofCommand struct {
	where
	Seq   int64  `arg:"" optional:"" help:"Number of the commit."`
	Text  bool   `help:"As C2SP tlog-proof instead of JSON."`
	Check string `help:"Check a proof that was taken before, with nothing but this file and the key." placeholder:"FILE"`
	Key   string `help:"With --check: the log's public key, or the file that holds it." placeholder:"KEY"`
}

// Run implements the command. It signs the log as it is now, so that the proof
// covers its newest commit too.
func (c *proofCommand) Run(s *session) error {
	if c.Check != "" {
		return c.check(s)
	}
	r, err := s.open(c.where)
	if err != nil {
		return err
	}
	defer r.Close(s.ctx)
	if _, err := r.Attest(s.ctx); err != nil {
		return err
	}
	p, err := r.Inclusion(s.ctx, c.Seq)
	if err != nil {
		return err
	}
	if c.Text {
		_, err = s.out.Write(p.Text())
		return err
	}
	enc := json.NewEncoder(s.out)
	enc.SetIndent("", "  ")
	return enc.Encode(p)
}

// longestProof bounds a proof's file: 63 hashes and a checkpoint take far less.
const longestProof = 1 << 20

// check tells whether a proof holds. The key must be named: the one that the
// proof itself brings along proves nothing.
func (c *proofCommand) check(s *session) error {
	if c.Key == "" {
		return problem.New(problem.Invalid, "proof-key")
	}
	key := c.Key
	if b, err := os.ReadFile(key); err == nil {
		key = string(b)
	}
	file, err := os.Open(c.Check)
	if err != nil {
		return err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, longestProof))
	if err != nil {
		return err
	}
	var p proof.Inclusion
	if err := json.Unmarshal(b, &p); err != nil {
		return problem.Wrap(err, problem.Invalid, "proof-broken")
	}
	key = strings.TrimSpace(key)
	e, err := p.Check(key)
	if err != nil {
		return problem.Wrap(err, problem.Invalid, "proof-broken")
	}
	fmt.Fprintf(s.out, "proven commit=%d at=%s size=%d key=%q\n", e.Seq, time.UnixMicro(e.At).UTC().Format(time.RFC3339), p.Size, proof.Fingerprint(key))
	return nil
}

package cli

import (
	"encoding/json"
)

// proofCommand proves that a commit is in the log.
type proofCommand struct {
	where
	Seq  int64 `arg:"" help:"Number of the commit."`
	Text bool  `help:"As C2SP tlog-proof instead of JSON."`
}

// Run implements the command. It signs the log as it is now, so that the proof
// covers its newest commit too.
func (c *proofCommand) Run(s *session) error {
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

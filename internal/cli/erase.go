package cli

import (
	"context"
	"fmt"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/repo"
)

// eraseCommand erases a record. Without --yes it says what would go.
type eraseCommand struct {
	where
	Dataset string   `arg:"" help:"Dataset; quarantine for a refused row."`
	Key     string   `arg:"" help:"Key of the record, as its page and the interface write it."`
	Field   []string `help:"Fields to erase; without it, the whole record." placeholder:"NAME"`
	Basis   string   `help:"Legal basis. Everybody can read it: no personal data." placeholder:"TEXT"`
	Reason  string   `help:"What led to it, for auditors. No personal data." placeholder:"TEXT"`
	Yes     bool     `help:"Erase. It cannot be taken back."`
}

// Run implements the command.
func (c *eraseCommand) Run(s *session) error {
	r, err := s.open(c.where)
	if err != nil {
		return err
	}
	defer r.Close(context.WithoutCancel(s.ctx))
	p := repo.Operator()
	e, err := r.Entry(p, c.Dataset)
	if err != nil {
		return err
	}
	key, err := record.ParseKey(e.Schema, c.Key)
	if err != nil {
		return problem.New(problem.NotFound, "record-unknown", "dataset", c.Dataset)
	}
	reach, err := r.Reach(s.ctx, p, c.Dataset, key)
	if err != nil {
		return err
	}
	if !c.Yes {
		fmt.Fprintf(s.out, "would erase dataset=%s present=%t states=%d fields=%d\n", c.Dataset, reach.Present, reach.States, len(c.Field))
		fmt.Fprintln(s.err, "Nothing was erased. Say --yes to erase it. Backups made before keep it until they are deleted.")
		return nil
	}
	receipt, err := r.Erase(s.ctx, p, repo.Erasing{Dataset: c.Dataset, Key: key, Fields: c.Field, Basis: c.Basis, Reason: c.Reason})
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "erased dataset=%s states=%d commit=%d\n", c.Dataset, reach.States, receipt.Seq)
	fmt.Fprintln(s.err, "Backups made before keep it until they are deleted. On PostgreSQL run VACUUM (FULL, ANALYZE) on the dataset's tables and on huong.log.")
	return nil
}

package cli

import (
	"context"
	"fmt"
	"time"

	"huong.city/huong/internal/app"
)

// expireCommand erases reports, and who sent them, that are over their term by the
// city's requests.yaml. Without --yes it says what would go. A server does the same
// every hour.
type expireCommand struct {
	where
	Yes bool `help:"Erase. It cannot be taken back."`
}

// Run implements the command.
func (c *expireCommand) Run(s *session) error {
	r, err := s.open(c.where)
	if err != nil {
		return err
	}
	defer r.Close(context.WithoutCancel(s.ctx))
	desk, did := app.Keeping(r, s.log), "would erase"
	list, err := desk.Expired(s.ctx)
	if c.Yes && err == nil {
		did = "erased"
		list, err = desk.Expire(s.ctx)
	}
	for _, x := range list {
		fmt.Fprintf(s.out, "%s rule=%s kind=%s requests=%d before=%s\n", did, x.Rule, x.Kind, x.Count, x.Before.Format(time.DateOnly))
	}
	if !c.Yes && err == nil {
		fmt.Fprintln(s.err, "Nothing was erased. Say --yes to erase it. Backups made before keep it until they are deleted.")
	}
	return err
}

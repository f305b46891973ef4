package alert

import (
	"context"

	core "huong.city/huong/internal/core/alert"
)

// respond opens or joins the incident that a rule names for a high line that has
// none.
func (g *Engine) respond(ctx context.Context, b *book, l *Line, rule *core.Rule) error {
	if l.Severity != core.High || rule.Incident == "" || l.Incident != "" || g.Incident == nil {
		return nil
	}
	number, changes, err := g.Incident(ctx, l, rule.Incident)
	if err != nil {
		return err
	}
	l.Incident, b.others = number, append(b.others, changes...)
	return nil
}

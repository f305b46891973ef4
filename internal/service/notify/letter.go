package notify

import (
	"context"
	"net/mail"

	"huong.city/huong/internal/core/problem"
)

// Letter sends one mail to an address that no account has, such as one that asks
// whether it is its holder's. It is kept until it is sent or given up, outside of the
// log. The same id is sent once.
func (s *Service) Letter(ctx context.Context, id, address, lang string, m Message) error {
	if s.Mail == nil {
		return problem.New(problem.Conflict, "notify-mail-off")
	}
	if a, err := mail.ParseAddress(address); err != nil || a.Address != address {
		return problem.New(problem.Invalid, "notify-address")
	}
	if lang != "en" {
		lang = "vi"
	}
	now := s.Now()
	m.ID, m.At = id, now
	if m.Severity == "" {
		m.Severity = "low"
	}
	once := &Channel{ID: "once", Kind: ByMail, Address: address, Lang: lang, Created: now}
	err := s.add(ctx, &job{Message: m, Channel: once.ID, First: now, Next: now, Once: once}, false)
	s.nudge()
	return err
}

// ForgetAccount ends all channels of an account, with what waits for them.
func (s *Service) ForgetAccount(ctx context.Context, account string) error {
	list, err := s.Channels(ctx, account)
	for _, c := range list {
		if err == nil {
			err = s.RemoveChannel(ctx, account, c.ID)
		}
	}
	return err
}

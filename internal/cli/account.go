package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"huong.city/huong/internal/app"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
)

// accountCommand manages accounts and what they act as.
type accountCommand struct {
	Create  accountCreateCommand  `cmd:"" help:"Create an account and print the path of a one-time link by which its owner chooses a password."`
	List    accountListCommand    `cmd:"" help:"List accounts."`
	Show    accountShowCommand    `cmd:"" help:"Show an account and its capacities."`
	Link    accountLinkCommand    `cmd:"" help:"Print the path of a new one-time link for an account."`
	Disable accountDisableCommand `cmd:"" help:"Disable an account; all its sessions end."`
	Enable  accountEnableCommand  `cmd:"" help:"Open a disabled account again."`
	Give    accountGiveCommand    `cmd:"" help:"Give an account a capacity."`
	End     accountEndCommand     `cmd:"" help:"End a capacity."`

	Secret      accountSecretCommand      `cmd:"" help:"Make the client secret of a machine's account and print it once; one made before ends."`
	Certificate accountCertificateCommand `cmd:"" help:"Let a machine sign in by a client certificate, or end that."`
}

// acting is what an account acts as, on the command line.
type acting struct {
	Agency string        `help:"Agency that it acts for." placeholder:"CODE"`
	Role   []string      `help:"Roles: steward, engineer, operator, officer, leader, auditor, administrator, citizen, machine." placeholder:"ROLE"`
	Area   []string      `help:"Areas that it acts in; * for the whole city." placeholder:"CODE"`
	For    time.Duration `help:"How long; without it, until ended." placeholder:"DURATION"`
}

func (c *acting) capacity(now time.Time) account.Capacity {
	list := account.Capacity{Agency: c.Agency, Roles: c.Role, Areas: c.Area, From: now}
	if c.For > 0 {
		list.Until = now.Add(c.For)
	}
	return list
}

// onAccounts runs fn with the accounts of a city.
func (s *session) onAccounts(w where, fn func(ctx context.Context, r *repo.Repository, a *account.Accounts) error) error {
	r, err := s.open(w)
	if err != nil {
		return err
	}
	defer r.Close(context.WithoutCancel(s.ctx))
	a, err := app.Accounts(r, s.log, nil)
	if err != nil {
		return err
	}
	return fn(s.ctx, r, a)
}

// printLink makes a one-time link and prints it; the server's own address is
// known to whoever hands it over.
func (s *session) printLink(ctx context.Context, a *account.Accounts, id string, also account.Ending) error {
	secret, ends, err := a.Recover(ctx, repo.Operator(), id, also)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "/enter/link/%s\n", secret)
	fmt.Fprintf(s.err, "Once, until %s, at that path of this city's address.\n", ends.Format(time.RFC3339))
	return nil
}

type accountCreateCommand struct {
	where
	ID    string `arg:"" help:"Sign-in name: small letters and digits, parted by dots or dashes."`
	Name  string `help:"Name of the owner." required:"" placeholder:"NAME"`
	Kind  string `help:"staff, citizen or machine." enum:"staff,citizen,machine" default:"staff"`
	Email string `help:"E-mail address." placeholder:"ADDRESS"`
	acting
}

// Run implements the command.
func (c *accountCreateCommand) Run(s *session) error {
	return s.onAccounts(c.where, func(ctx context.Context, r *repo.Repository, a *account.Accounts) error {
		opening := account.Opening{Account: account.Account{ID: c.ID, Name: c.Name, Kind: c.Kind, Email: c.Email}}
		if len(c.Role) > 0 {
			opening.Capacities = []account.Capacity{c.capacity(r.Now())}
		}
		if err := a.Create(ctx, repo.Operator(), opening); err != nil {
			return err
		}
		if c.Kind == account.Machine {
			return nil
		}
		return s.printLink(ctx, a, c.ID, account.Ending{})
	})
}

type accountListCommand struct{ where }

// Run implements the command.
func (c *accountListCommand) Run(s *session) error {
	return s.onAccounts(c.where, func(ctx context.Context, _ *repo.Repository, a *account.Accounts) error {
		for cursor := ""; ; {
			list, next, err := a.List(ctx, repo.Operator(), cursor, 500)
			if err != nil {
				return err
			}
			for _, acc := range list {
				state := "in use"
				if acc.Disabled {
					state = "disabled"
				}
				fmt.Fprintf(s.out, "%-20s %-8s %-8s %s\n", acc.ID, acc.Kind, state, acc.Name)
			}
			if cursor = next; next == "" {
				return nil
			}
		}
	})
}

type accountShowCommand struct {
	where
	ID string `arg:"" help:"Sign-in name."`
}

// Run implements the command.
func (c *accountShowCommand) Run(s *session) error {
	return s.onAccounts(c.where, func(ctx context.Context, _ *repo.Repository, a *account.Accounts) error {
		acc, list, err := a.Of(ctx, repo.Operator(), c.ID)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%s %s %s\n", acc.ID, acc.Kind, acc.Name)
		for _, k := range list {
			fmt.Fprintf(s.out, "  %s %s %s areas=%s from=%s until=%s delegated-by=%s ended=%t\n", k.ID, strings.Join(k.Roles, ","), k.Agency,
				strings.Join(k.Areas, ","), k.From.Format(time.RFC3339), dateOrDash(k.Until), k.DelegatedBy, k.Ended)
		}
		return nil
	})
}

func dateOrDash(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.RFC3339)
}

type accountLinkCommand struct {
	where
	ID          string `arg:"" help:"Sign-in name."`
	EndSessions bool   `help:"End all its sessions at once, not only when the link is used."`
	EndPasskeys bool   `help:"Remove its passkeys too; its sessions end."`
}

// Run implements the command.
func (c *accountLinkCommand) Run(s *session) error {
	return s.onAccounts(c.where, func(ctx context.Context, _ *repo.Repository, a *account.Accounts) error {
		return s.printLink(ctx, a, c.ID, account.Ending{Sessions: c.EndSessions, Passkeys: c.EndPasskeys})
	})
}

type accountDisableCommand struct {
	where
	ID string `arg:"" help:"Sign-in name."`
}

// Run implements the command.
func (c *accountDisableCommand) Run(s *session) error {
	return s.onAccounts(c.where, func(ctx context.Context, _ *repo.Repository, a *account.Accounts) error {
		return a.Disable(ctx, repo.Operator(), c.ID, true)
	})
}

type accountEnableCommand struct {
	where
	ID string `arg:"" help:"Sign-in name."`
}

// Run implements the command.
func (c *accountEnableCommand) Run(s *session) error {
	return s.onAccounts(c.where, func(ctx context.Context, _ *repo.Repository, a *account.Accounts) error {
		return a.Disable(ctx, repo.Operator(), c.ID, false)
	})
}

type accountGiveCommand struct {
	where
	ID     string `arg:"" help:"Sign-in name."`
	Reason string `help:"Why, for the log."`
	acting
}

// Run implements the command.
func (c *accountGiveCommand) Run(s *session) error {
	return s.onAccounts(c.where, func(ctx context.Context, r *repo.Repository, a *account.Accounts) error {
		given := c.capacity(r.Now())
		given.Account, given.Reason = c.ID, c.Reason
		id, err := a.Give(ctx, repo.Operator(), given)
		if err != nil {
			return err
		}
		fmt.Fprintln(s.out, id)
		return nil
	})
}

type accountEndCommand struct {
	where
	Capacity string `arg:"" help:"Number of the capacity, as account show tells it."`
}

// Run implements the command.
func (c *accountEndCommand) Run(s *session) error {
	return s.onAccounts(c.where, func(ctx context.Context, _ *repo.Repository, a *account.Accounts) error {
		return a.End(ctx, repo.Operator(), c.Capacity)
	})
}

type accountSecretCommand struct {
	where
	ID  string `arg:"" help:"Name of the machine's account."`
	End bool   `help:"Make none: end the one there is, its tokens and the account's certificates."`
}

// Run implements the command.
func (c *accountSecretCommand) Run(s *session) error {
	return s.onAccounts(c.where, func(ctx context.Context, _ *repo.Repository, a *account.Accounts) error {
		if c.End {
			return a.Shut(ctx, repo.Operator(), c.ID, account.Ending{Secrets: true})
		}
		secret, err := a.ClientSecret(ctx, repo.Operator(), c.ID)
		if err != nil {
			return err
		}
		fmt.Fprintln(s.out, secret)
		return nil
	})
}

type accountCertificateCommand struct {
	where
	ID          string `arg:"" help:"Name of the machine's account."`
	Certificate string `arg:"" help:"SHA-256 of the certificate in hex, or its subject, such as CN=feed,O=Hue."`
	Forget      bool   `help:"End it."`
}

// Run implements the command.
func (c *accountCertificateCommand) Run(s *session) error {
	return s.onAccounts(c.where, func(ctx context.Context, _ *repo.Repository, a *account.Accounts) error {
		if c.Forget {
			return a.ForgetCertificate(ctx, repo.Operator(), c.Certificate)
		}
		return a.Certificate(ctx, repo.Operator(), c.ID, c.Certificate)
	})
}

package app

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-yaml"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/outgoing"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
	"huong.city/huong/internal/service/alert"
	"huong.city/huong/internal/service/incident"
	"huong.city/huong/internal/service/indicator"
	"huong.city/huong/internal/service/live"
	"huong.city/huong/internal/service/notify"
)

// Notify is how a city's notifications leave it, as an installation's file says:
//
//	origin: https://data.example.city     # for links
//	contact: mailto:ops@example.city      # for push services
//	inner: [10.0.4.0/24]                  # inner addresses that webhooks may call
//	mail:
//	  server: mail.example.city:587       # STARTTLS; 465 is encrypted from the start
//	  from: Thành phố <tb@example.city>
//	  user: huong
//	  passwordFile: /run/secrets/mail     # or passwordEnv: NAME
//
// It holds no secret: that stands in a file or in the environment.
type Notify struct {
	Origin, Contact string
	Inner           []netip.Prefix
	Mail            *notify.Mail
}

// LoadNotify reads such a file. Errors name the line and never show its text.
func LoadNotify(path string, getenv func(string) string) (*Notify, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, problem.Wrap(err, problem.Invalid, "file-unreadable", "file", path)
	}
	var f struct {
		Origin  string   `yaml:"origin"`
		Contact string   `yaml:"contact"`
		Inner   []string `yaml:"inner"`
		Mail    *struct {
			Server       string `yaml:"server"`
			From         string `yaml:"from"`
			User         string `yaml:"user"`
			PasswordFile string `yaml:"passwordFile"`
			PasswordEnv  string `yaml:"passwordEnv"`
		} `yaml:"mail"`
	}
	if err := yaml.UnmarshalWithOptions(b, &f, yaml.Strict()); err != nil {
		v := problem.Violate("sign-in-malformed", "")
		v.Position.File = path
		var located yaml.Error
		if errors.As(err, &located) && located.GetToken() != nil {
			v.Position.Line, v.Position.Column = located.GetToken().Position.Line, located.GetToken().Position.Column
		}
		return nil, problem.InvalidWith("notify-settings", []problem.Violation{v}, "file", path)
	}
	n := &Notify{Origin: strings.TrimSuffix(f.Origin, "/"), Contact: f.Contact}
	var vs []problem.Violation
	if !secureOrigin(n.Origin) {
		vs = append(vs, problem.Violate("sign-in-origin", "origin"))
	}
	for _, text := range f.Inner {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			vs = append(vs, problem.Violate("notify-inner", "inner"))
		}
		n.Inner = append(n.Inner, p)
	}
	if m := f.Mail; m != nil {
		n.Mail = &notify.Mail{Server: m.Server, From: m.From, User: m.User}
		if m.PasswordEnv != "" {
			n.Mail.Password = getenv(m.PasswordEnv)
		}
		if m.PasswordFile != "" {
			b, err := os.ReadFile(m.PasswordFile)
			if err != nil {
				return nil, problem.Wrap(err, problem.Invalid, "file-unreadable", "file", m.PasswordFile)
			}
			n.Mail.Password = strings.TrimSpace(string(b))
		}
		if err := n.Mail.Check(); err != nil {
			p := problem.As(err)
			vs = append(vs, problem.Violation{Code: p.Code, Field: "mail", Args: p.Args})
		}
	}
	return n, problem.InvalidWith("notify-settings", vs, "file", path)
}

// How often alerts look at the clock and deliveries are made, by the wall clock.
const (
	alertsEvery = time.Second
	sendEvery   = 2 * time.Second
	forgetEvery = time.Hour
)

// newAlerts makes what raises alerts and what delivers notifications, which
// neither follow the log yet nor have clocks. figure tells the value of an indicator in an area; rules
// on indicators are silent when it is nil.
func newAlerts(r *repo.Repository, o ServeOptions, events *incident.Desk, figure func(ctx context.Context, name, area string, at time.Time) (float64, bool)) (*alert.Engine, *notify.Service) {
	stage := &stageNow{desk: events, now: time.Now}
	engine := alert.New(alert.Config{
		Repo: r, Now: o.Now, Log: o.Log, News: live.News, Indicator: figure, Stage: stage.in,
		Incident: func(ctx context.Context, l *alert.Line, kind string) (string, []commit.Change, error) {
			a := incident.Alert{ID: l.ID, Cause: l.Group, Kind: kind, Severity: l.Severity.String(), TitleVi: l.TitleVi, TitleEn: l.TitleEn,
				BodyVi: l.BodyVi, BodyEn: l.BodyEn, Agency: l.Agency, Area: l.Area}
			if l.Longitude != 0 || l.Latitude != 0 {
				a.Longitude, a.Latitude = &l.Longitude, &l.Latitude
			}
			number, changes, err := events.OpenFor(ctx, a)
			if err != nil && problem.KindOf(err) != problem.Stale {
				// A city without the workflow of incidents is still told its alerts.
				o.Log.WarnContext(ctx, "no incident for an alert", "alert", l.ID, "err", err)
				return "", nil, nil
			}
			return number, changes, err
		}})
	settings := o.Notify
	if settings == nil {
		settings = &Notify{}
	}
	guest, stop := guests(r)
	desk := notify.New(notify.Config{
		Repo: r, Now: o.Now, Zone: r.Zone(), Log: o.Log, Mail: settings.Mail, Base: settings.Origin, Contact: settings.Contact,
		Client: outgoing.Client(outgoing.Options{Allowed: settings.Inner, Plain: len(settings.Inner) > 0}),
		Stop:   stop,
		Recipient: func(ctx context.Context, id string) (notify.Recipient, error) {
			if who, guest, err := guest(ctx, id); guest || err != nil {
				return who, err
			}
			return recipient(ctx, r, o.Accounts, id)
		},
	})
	return engine, desk
}

// alerts is newAlerts, following the log and with clocks until stopping ends.
func alerts(r *repo.Repository, o ServeOptions, events *incident.Desk, figure func(ctx context.Context, name, area string, at time.Time) (float64, bool),
	stopping context.Context) (*alert.Engine, *notify.Service) {
	engine, desk := newAlerts(r, o, events, figure)
	r.Follow(engine)
	r.Follow(desk)
	clock, sends, forgets := time.NewTicker(alertsEvery), time.NewTicker(sendEvery), time.NewTicker(forgetEvery)
	go func() {
		defer clock.Stop()
		engine.Run(stopping, clock.C)
	}()
	go func() {
		defer sends.Stop()
		desk.Run(stopping, sends.C)
	}()
	go func() {
		defer forgets.Stop()
		for {
			select {
			case <-stopping.Done():
				return
			case <-forgets.C:
			}
			if err := desk.Forget(stopping); err != nil && stopping.Err() == nil {
				o.Log.WarnContext(stopping, "old deliveries not forgotten", "err", err)
			}
		}
	}()
	return engine, desk
}

// recipient tells who an account is to notifications: in all capacities that hold
// now, for nobody is told less because of the one that they act in.
func recipient(ctx context.Context, r *repo.Repository, accounts *account.Accounts, id string) (notify.Recipient, error) {
	acc, list, err := accounts.Of(ctx, repo.Internal(), id)
	if problem.KindOf(err) == problem.NotFound || err == nil && acc.Disabled {
		return notify.Recipient{}, nil
	}
	if err != nil {
		return notify.Recipient{}, err
	}
	who := notify.Recipient{Mail: acc.Email, Addresses: []string{"account:" + id}}
	now := r.Now()
	for _, c := range list {
		if c.Ended || c.From.After(now) || !c.Until.IsZero() && !c.Until.After(now) {
			continue
		}
		who.Addresses = append(who.Addresses, grant.Addresses(&grant.Subject{Account: id, Agency: c.Agency, Roles: c.Roles, Areas: c.Areas})...)
	}
	return who, nil
}

// stageNow is the city's stage, read at most once a second.
type stageNow struct {
	desk *incident.Desk
	now  func() time.Time

	mu    sync.Mutex
	read  time.Time
	stage int
}

func (s *stageNow) in(string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now(); s.stage == 0 || now.Sub(s.read) >= time.Second {
		if at, err := s.desk.StageNow(context.Background(), repo.Internal()); err == nil {
			s.stage = max(at.Number, 1)
		}
		s.read = now
	}
	return max(s.stage, 1)
}

// figureOf tells rules on indicators what an indicator is, as Huong itself sees it.
func figureOf(figures *indicator.Service) func(ctx context.Context, name, area string, at time.Time) (float64, bool) {
	return func(ctx context.Context, name, area string, at time.Time) (float64, bool) {
		reading, err := figures.Value(ctx, repo.Internal(), indicator.Ask{Name: name, Area: area, At: at})
		if err != nil || !reading.Known {
			return 0, false
		}
		return reading.Value, true
	}
}

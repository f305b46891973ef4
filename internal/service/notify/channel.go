package notify

import (
	"context"
	"crypto/ecdh"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/store"
)

// Kinds of channels; the page needs none.
const (
	ByMail    = "mail"
	ByWebhook = "webhook"
	ByPush    = "push"
)

// Channel is one way to an account, as its holder chose it.
type Channel struct {
	ID, Account, Kind string
	Address           string // mail address, or where to send to
	Secret            string // webhook: whsec_…, shown once
	P256dh, Auth      string // push: keys of the browser, base64url
	Least             string // the least severity that is sent
	Lang              string // vi or en
	QuietFrom         int    // minutes of the day; equal ends: no quiet hours
	QuietUntil        int
	Paused            bool
	Created           time.Time
}

// mostChannels of one account.
const mostChannels = 10

var hourForm = regexp.MustCompile(`^([01][0-9]|2[0-3]):([0-5][0-9])$`)

// MinuteOf reads "22:00".
func MinuteOf(text string) (int, bool) {
	p := hourForm.FindStringSubmatch(text)
	if p == nil {
		return 0, false
	}
	h, _ := strconv.Atoi(p[1])
	m, _ := strconv.Atoi(p[2])
	return h*60 + m, true
}

// Channels lists the channels of an account, in the order they were made.
func (s *Service) Channels(ctx context.Context, account string) ([]Channel, error) {
	list, err := s.channels(ctx, account+"/")
	slices.SortFunc(list, func(a, b Channel) int { return a.Created.Compare(b.Created) })
	return list, err
}

func (s *Service) channels(ctx context.Context, of string) (list []Channel, err error) {
	err = s.kept.Each(ctx, keyChannel+of, func(_ string, b []byte) error {
		var c Channel
		if err := json.Unmarshal(b, &c); err != nil {
			return err
		}
		list = append(list, c)
		return nil
	})
	return list, err
}

// SetChannel makes (ID empty) or changes a channel of an account. A webhook's
// secret is drawn when it is made. Mail goes to the account's own address alone.
func (s *Service) SetChannel(ctx context.Context, account string, c Channel) (Channel, error) {
	if account == "" {
		return Channel{}, problem.New(problem.Unauthenticated, "notify-account")
	}
	list, err := s.Channels(ctx, account)
	if err != nil {
		return Channel{}, err
	}
	i := slices.IndexFunc(list, func(x Channel) bool { return x.ID == c.ID })
	switch {
	case c.ID != "" && i < 0:
		return Channel{}, problem.New(problem.NotFound, "notify-channel")
	case c.ID == "" && len(list) >= mostChannels:
		return Channel{}, problem.New(problem.Conflict, "notify-too-many", "limit", mostChannels)
	case c.ID != "":
		old := list[i]
		c.Kind, c.Address, c.Secret, c.P256dh, c.Auth, c.Created = old.Kind, old.Address, old.Secret, old.P256dh, old.Auth, old.Created
	default:
		if err := s.fill(ctx, account, &c); err != nil {
			return Channel{}, err
		}
	}
	c.Account = account
	if rank(c.Least) < 0 {
		c.Least = "low"
	}
	if c.Lang != "en" {
		c.Lang = "vi"
	}
	if min(c.QuietFrom, c.QuietUntil) < 0 || max(c.QuietFrom, c.QuietUntil) >= 24*60 {
		return Channel{}, problem.New(problem.Invalid, "notify-quiet")
	}
	b, err := json.Marshal(c)
	if err != nil {
		return Channel{}, err
	}
	return c, s.kept.Put(ctx, store.StatePut{Key: keyChannel + account + "/" + c.ID, Value: b})
}

// fill completes a new channel.
func (s *Service) fill(ctx context.Context, account string, c *Channel) error {
	raw := make([]byte, 8+24)
	s.mu.Lock()
	_, err := io.ReadFull(s.random, raw)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	c.ID, c.Created, c.Secret = hex.EncodeToString(raw[:8]), s.Now(), ""
	wrong := problem.New(problem.Invalid, "notify-address")
	switch c.Kind {
	case ByMail:
		who, err := s.Recipient(ctx, account)
		if err != nil {
			return err
		}
		if a, err := mail.ParseAddress(who.Mail); err != nil || a.Address != who.Mail {
			return wrong
		}
		if s.Mail == nil {
			return problem.New(problem.Conflict, "notify-mail-off")
		}
		c.Address = who.Mail
	case ByWebhook, ByPush:
		u, err := url.Parse(strings.TrimSpace(c.Address))
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.Fragment != "" || len(c.Address) > 2000 {
			return wrong
		}
		c.Address = u.String()
		if c.Kind == ByWebhook {
			c.Secret = secretPrefix + base64.StdEncoding.EncodeToString(raw[8:])
			break
		}
		key, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(c.P256dh, "="))
		if err == nil {
			_, err = ecdh.P256().NewPublicKey(key)
		}
		auth, bad := base64.RawURLEncoding.DecodeString(strings.TrimRight(c.Auth, "="))
		if err != nil || bad != nil || len(auth) != 16 {
			return problem.New(problem.Invalid, "notify-push-key")
		}
	default:
		return problem.New(problem.Invalid, "notify-channel")
	}
	return nil
}

// RemoveChannel ends a channel; what waits for it is dropped.
func (s *Service) RemoveChannel(ctx context.Context, account, id string) error {
	key := keyChannel + account + "/" + id
	if b, err := s.kept.Get(ctx, key); err != nil || b == nil || account == "" {
		if err == nil {
			err = problem.New(problem.NotFound, "notify-channel")
		}
		return err
	}
	puts := []store.StatePut{{Key: key}}
	for _, prefix := range []string{keyJob, keyDone} {
		err := s.kept.Each(ctx, prefix+id+"/", func(key string, _ []byte) error {
			puts = append(puts, store.StatePut{Key: key})
			return nil
		})
		if err != nil {
			return err
		}
	}
	return s.kept.Put(ctx, puts...)
}

// Delivery is one delivery as its account sees it.
type Delivery struct {
	Message Message
	Tries   int
	At      time.Time // when it was made or given up, or will be tried next
	State   string    // waiting, made, dead
	Fault   string    // code
}

// Deliveries lists what waits for a channel, what it got and what was given up,
// the latest first.
func (s *Service) Deliveries(ctx context.Context, account, id string, most int) ([]Delivery, error) {
	if b, err := s.kept.Get(ctx, keyChannel+account+"/"+id); err != nil || b == nil {
		return nil, err
	}
	var list []Delivery
	err := s.kept.Each(ctx, keyJob+id+"/", func(_ string, b []byte) error {
		var j job
		if err := json.Unmarshal(b, &j); err != nil {
			return err
		}
		list = append(list, Delivery{j.Message, j.Tries, j.Next, "waiting", j.Fault})
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = s.kept.Each(ctx, keyDone+id+"/", func(key string, b []byte) error {
		var o outcome
		if err := json.Unmarshal(b, &o); err != nil {
			return err
		}
		d := Delivery{Tries: o.Tries, At: o.At, State: "made", Fault: o.Fault, Message: Message{ID: key[len(keyDone+id)+1:]}}
		if o.Dead && o.Job != nil {
			d.State, d.Message = "dead", o.Job.Message
		}
		list = append(list, d)
		return nil
	})
	slices.SortFunc(list, func(a, b Delivery) int { return b.At.Compare(a.At) })
	return list[:min(len(list), most)], err
}

// Replay sends the notifications of a span to a channel again: those that were
// given up, or all. It returns how many.
func (s *Service) Replay(ctx context.Context, account, id string, from, until time.Time, all bool) (n int, err error) {
	if !from.Before(until) {
		return 0, problem.New(problem.Invalid, "notify-replay-range")
	}
	list, err := s.Channels(ctx, account)
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(list, func(c Channel) bool { return c.ID == id })
	if i < 0 {
		return 0, problem.New(problem.NotFound, "notify-channel")
	}
	who, err := s.Recipient(ctx, account)
	if err != nil {
		return 0, err
	}
	again := []Message{}
	if err := s.sent(ctx, who.Addresses, from, until, func(m Message) { again = append(again, m) }); err != nil {
		return 0, err
	}
	for _, m := range again {
		j := &job{Message: m, Account: account, Channel: id, First: s.Now(), Next: s.Now()}
		b, err := s.kept.Get(ctx, keyDone+j.key())
		if err != nil {
			return n, err
		}
		var o outcome
		if b != nil && json.Unmarshal(b, &o) != nil || !all && !o.Dead {
			continue
		}
		if err := s.add(ctx, j, true); err != nil {
			return n, err
		}
		n++
	}
	s.nudge()
	return n, nil
}

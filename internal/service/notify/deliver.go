package notify

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/store"
)

// Run sends what is due, at every tick and when something new came, until ctx
// ends.
func (s *Service) Run(ctx context.Context, tick <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		case <-s.wake:
		}
		if _, err := s.Send(ctx); err != nil && ctx.Err() == nil {
			s.Log.Warn("notifications not sent, will try again", "err", err)
		}
	}
}

// held is a delivery with its bytes as they are kept.
type held struct {
	*job
	raw []byte
}

// Send makes what is due at this moment and returns how many attempts were made.
func (s *Service) Send(ctx context.Context) (int, error) {
	now := s.Now()
	var due []held
	err := s.kept.Each(ctx, keyJob, func(_ string, b []byte) error {
		j := &job{}
		if err := json.Unmarshal(b, j); err != nil {
			return err
		}
		if !j.Next.After(now) {
			due = append(due, held{j, append([]byte(nil), b...)})
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	slices.SortStableFunc(due, func(a, b held) int {
		if r := rank(b.Message.Severity) - rank(a.Message.Severity); r != 0 {
			return r
		}
		return a.Next.Compare(b.Next)
	})
	var mu sync.Mutex
	var wait sync.WaitGroup
	turn := make(chan held)
	for range workers {
		wait.Go(func() {
			for h := range turn {
				if e := s.attempt(ctx, h); e != nil {
					mu.Lock()
					err = errors.Join(err, e)
					mu.Unlock()
				}
			}
		})
	}
	for _, h := range due {
		turn <- h
	}
	close(turn)
	wait.Wait()
	return len(due), err
}

// attempt claims a delivery, tries it once, and notes what came of it.
func (s *Service) attempt(ctx context.Context, h held) error {
	key := keyJob + h.key()
	claimed := *h.job
	claimed.Tries++
	claimed.Next = s.Now().Add(lease)
	mine, err := json.Marshal(&claimed)
	if err != nil {
		return err
	}
	if err := s.kept.Swap(ctx, key, h.raw, mine); err != nil {
		if errors.Is(err, store.ErrStateMoved) {
			return nil // another server has it
		}
		return err
	}
	var c Channel
	var b []byte
	if h.Once != nil {
		c = *h.Once
	} else {
		if b, err = s.kept.Get(ctx, keyChannel+h.Account+"/"+h.Channel); err != nil {
			return err
		}
		if b == nil {
			return s.kept.Put(ctx, store.StatePut{Key: key})
		}
		if err := json.Unmarshal(b, &c); err != nil {
			return err
		}
	}
	fault := s.deliver(ctx, &c, &claimed.Message)
	if ctx.Err() != nil {
		return nil // the lease runs out, and it is tried again
	}
	now := s.Now()
	o := outcome{At: now, Tries: claimed.Tries}
	var gone *final
	switch {
	case fault == nil:
	case errors.As(fault, &gone) || now.Sub(claimed.First) >= s.GiveUp:
		o.Dead, o.Fault, o.Job = true, problem.As(fault).Code, &claimed
		s.Log.Warn("a notification was given up", "channel", c.Kind, "fault", o.Fault)
		if h.Once != nil {
			o.Job = nil // neither address nor link is kept
		} else if gone != nil && gone.channel {
			c.Paused = true
			if b, err = json.Marshal(c); err != nil {
				return err
			}
			if err := s.kept.Put(ctx, store.StatePut{Key: keyChannel + c.Account + "/" + c.ID, Value: b}); err != nil {
				return err
			}
		}
	default:
		claimed.Fault = problem.As(fault).Code
		pause := s.pause(claimed.Tries)
		var later *later
		if errors.As(fault, &later) {
			pause = max(pause, min(later.after, mostPause))
		}
		claimed.Next = now.Add(pause)
		if b, err = json.Marshal(&claimed); err != nil {
			return err
		}
		return s.kept.Swap(ctx, key, mine, b)
	}
	if b, err = json.Marshal(o); err != nil {
		return err
	}
	return s.kept.Swap(ctx, key, mine, nil, store.StatePut{Key: keyDone + h.key(), Value: b})
}

// pause doubles from one attempt to the next, with a quarter more or less so that
// many deliveries to one receiver do not come together.
func (s *Service) pause(tries int) time.Duration {
	d := mostPause
	if tries < 12 {
		d = min(firstPause<<(tries-1), mostPause)
	}
	var b [2]byte
	s.mu.Lock()
	_, err := io.ReadFull(s.random, b[:])
	s.mu.Unlock()
	if err != nil {
		return d
	}
	return d*3/4 + time.Duration(binary.BigEndian.Uint16(b[:]))*(d/2)/(1<<16)
}

// final is a fault that trying again does not mend.
type final struct {
	error
	channel bool // of the channel rather than of this message
}

func (f *final) Unwrap() error { return f.error }

// later is a receiver that says when to come back.
type later struct {
	error
	after time.Duration
}

func (l *later) Unwrap() error { return l.error }

func (s *Service) deliver(ctx context.Context, c *Channel, m *Message) error {
	switch c.Kind {
	case ByMail:
		if s.Mail == nil {
			return problem.New(problem.Unavailable, "notify-mail-off")
		}
		return s.mail(ctx, c, m)
	case ByWebhook:
		return s.webhook(ctx, c, m)
	case ByPush:
		return s.push(ctx, c, m)
	}
	return &final{problem.New(problem.Invalid, "notify-channel"), true}
}

// Forget drops the memory of deliveries made long ago; those given up stay as
// long, to be looked at.
func (s *Service) Forget(ctx context.Context) error {
	var puts []store.StatePut
	before := s.Now().Add(-forget)
	err := s.kept.Each(ctx, keyDone, func(key string, b []byte) error {
		var o outcome
		if err := json.Unmarshal(b, &o); err != nil {
			return err
		}
		if o.At.Before(before) && len(puts) < 10_000 {
			puts = append(puts, store.StatePut{Key: key})
		}
		return nil
	})
	if err != nil || len(puts) == 0 {
		return err
	}
	return s.kept.Put(ctx, puts...)
}

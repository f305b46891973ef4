// Package notify delivers the records of the dataset notification: on the page,
// by e-mail, to webhooks and by Web Push. A follower makes one delivery of each
// notification and channel; deliveries wait outside the log, are tried with
// growing pauses, and are given up after some days, which a page shows.
//
// A delivery is made once and its number never changes. Between a receiver's
// answer and its being noted the process may die: the delivery is then made
// again under the same number, by which a receiver drops the repeat.
package notify

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// Name is the follower's name, for huong rebuild.
const Name = "deliveries"

// Recipient is who an account is to notifications.
type Recipient struct {
	Addresses []string // as the dataset notification writes them
	Mail      string
}

// Config is what delivering needs. Repo, Now and Recipient are required.
type Config struct {
	Repo      *repo.Repository
	Now       func() time.Time
	Zone      *time.Location // of quiet hours; the repository's when nil
	Log       *slog.Logger
	Random    io.Reader
	Client    *http.Client // for what leaves the city; no webhooks and pushes when nil
	Mail      *Mail        // no mail when nil
	Base      string       // address of the city's pages, for links: https://…
	Contact   string       // mailto: or https: for push services (RFC 8292, 2.1); Base when empty
	GiveUp    time.Duration
	Recipient func(ctx context.Context, account string) (Recipient, error)
	// Stop is the path by which the holder of an account ends its letters with one
	// click (RFC 8058), for those who have no account to do it in; empty for others.
	// No letter has one when nil.
	Stop func(ctx context.Context, account string) (string, error)
}

// Times of deliveries.
const (
	firstPause = 30 * time.Second
	mostPause  = 6 * time.Hour
	lease      = 2 * time.Minute // how long a server has to make one attempt
	giveUp     = 3 * 24 * time.Hour
	forget     = 30 * 24 * time.Hour // after which a delivery that was made is not remembered
	workers    = 4
)

// Message is a notification.
type Message struct {
	ID, To, Severity             string
	TitleVi, TitleEn             string
	BodyVi, BodyEn               string
	Link, AboutDataset, AboutKey string
	Dedupe                       string
	At                           time.Time
}

// In returns title and text in a language.
func (m *Message) In(lang string) (title, body string) {
	if lang == "en" {
		return m.TitleEn, m.BodyEn
	}
	return m.TitleVi, m.BodyVi
}

// MessageOf reads a record of the dataset notification; it shares nothing with
// the row.
func MessageOf(e *repo.Entry, row []value.Value) Message {
	text := func(name string) string {
		if i, _, _, ok := e.Table.Property(name); ok && i < len(row) && row[i].Kind() == value.Text {
			return strings.Clone(row[i].Text())
		}
		return ""
	}
	m := Message{ID: text("id"), To: text("to"), Severity: text("severity"), TitleVi: text("titleVi"), TitleEn: text("titleEn"), BodyVi: text("bodyVi"), BodyEn: text("bodyEn"),
		Link: text("link"), AboutDataset: text("aboutDataset"), AboutKey: text("aboutKey"), Dedupe: text("dedupe")}
	if i, _, _, ok := e.Table.Property("createdAt"); ok && i < len(row) && row[i].Kind() == value.Time {
		m.At = row[i].Instant()
	}
	return m
}

// job is one delivery that waits.
type job struct {
	Message Message
	Account string
	Channel string
	Tries   int
	First   time.Time
	Next    time.Time
	Fault   string   // code of the last fault
	Once    *Channel `json:",omitempty"` // of a letter to an address that is no channel
}

// key is the same for a delivery whenever it is made anew.
func (j *job) key() string { return j.Channel + "/" + j.Message.ID }

// outcome is what became of a delivery.
type outcome struct {
	At    time.Time
	Tries int
	Dead  bool   `json:",omitempty"`
	Fault string `json:",omitempty"`
	Job   *job   `json:",omitempty"` // of a dead one, to be tried again
}

// Service delivers. Its methods are safe for concurrent use.
type Service struct {
	Config
	kept repo.Private
	wake chan struct{}

	mu     sync.Mutex
	random io.Reader
}

// New makes the service; Follow starts it taking notifications up, Run sending.
func New(c Config) *Service {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.Zone == nil {
		c.Zone = c.Repo.Zone()
	}
	if c.GiveUp == 0 {
		c.GiveUp = giveUp
	}
	return &Service{Config: c, kept: c.Repo.Private("notify"), wake: make(chan struct{}, 1), random: c.Random}
}

// Name implements repo.Follower.
func (s *Service) Name() string { return Name }

// Load implements repo.Follower. All that is kept is kept apart.
func (s *Service) Load(map[string][]byte) error { return nil }

// Save implements repo.Follower.
func (s *Service) Save() ([]store.StatePut, error) { return nil, nil }

const (
	keyChannel = "channel/"
	keyJob     = "job/"
	keyDone    = "done/"
	keySeen    = "seen/"
)

// Apply implements repo.Follower: it makes the deliveries of a commit's
// notifications. One that is older than the time after which deliveries are given
// up is history.
func (s *Service) Apply(e *commit.Entry, catalog func(string) *repo.Entry) error {
	if e.Counts[repo.SystemNotification] == 0 || s.Now().UnixMicro()-e.At > s.GiveUp.Microseconds() {
		return nil
	}
	ctx := context.Background()
	channels, err := s.channels(ctx, "")
	if err != nil || len(channels) == 0 {
		return err
	}
	entry := catalog(repo.SystemNotification)
	if entry == nil {
		return nil
	}
	known := map[string]Recipient{}
	for i := range e.Changes {
		ch := &e.Changes[i]
		if ch.Dataset != repo.SystemNotification || ch.Before != nil || ch.After == nil {
			continue
		}
		m := MessageOf(entry, ch.After)
		for c := range channels {
			if err := s.take(ctx, known, &channels[c], m); err != nil {
				return err
			}
		}
	}
	s.nudge()
	return nil
}

// take makes the delivery of a message to a channel, if the message is for its
// account and the channel wants it.
func (s *Service) take(ctx context.Context, known map[string]Recipient, c *Channel, m Message) error {
	if c.Paused || rank(m.Severity) < rank(c.Least) || m.At.Before(c.Created) {
		return nil
	}
	who, ok := known[c.Account]
	if !ok {
		var err error
		if who, err = s.Recipient(ctx, c.Account); err != nil {
			return err
		}
		known[c.Account] = who
	}
	if !slices.Contains(who.Addresses, m.To) {
		return nil
	}
	now := s.Now()
	return s.add(ctx, &job{Message: m, Account: c.Account, Channel: c.ID, First: now, Next: s.loud(c, &m, now)}, false)
}

// add keeps a delivery, unless it is kept or made already. again makes one that
// was made or given up once more.
func (s *Service) add(ctx context.Context, j *job, again bool) error {
	if !again {
		done, err := s.kept.Get(ctx, keyDone+j.key())
		if err != nil || done != nil {
			return err
		}
	}
	b, err := json.Marshal(j)
	if err != nil {
		return err
	}
	puts := []store.StatePut{}
	if again {
		puts = append(puts, store.StatePut{Key: keyDone + j.key()})
	}
	err = s.kept.Swap(ctx, keyJob+j.key(), nil, b, puts...)
	if errors.Is(err, store.ErrStateMoved) {
		return nil // it waits already
	}
	return err
}

// loud is when a message may be heard on a channel: now, or after the quiet hours
// when it is not of high severity.
func (s *Service) loud(c *Channel, m *Message, now time.Time) time.Time {
	if m.Severity == "high" || c.QuietFrom == c.QuietUntil {
		return now
	}
	local := now.In(s.Zone)
	at := local.Hour()*60 + local.Minute()
	within := at >= c.QuietFrom && at < c.QuietUntil
	if c.QuietFrom > c.QuietUntil { // over midnight
		within = at >= c.QuietFrom || at < c.QuietUntil
	}
	if !within {
		return now
	}
	end := time.Date(local.Year(), local.Month(), local.Day(), c.QuietUntil/60, c.QuietUntil%60, 0, 0, s.Zone)
	if !end.After(local) {
		end = end.AddDate(0, 0, 1)
	}
	return end
}

func rank(severity string) int {
	return slices.Index([]string{"low", "medium", "high"}, severity)
}

// nudge lets Run look at once.
func (s *Service) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

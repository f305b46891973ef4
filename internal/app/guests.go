package app

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"time"

	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/notify"
	"huong.city/huong/internal/service/request"
)

// guestLetters sends the letters of the desk of reports to who has no account.
type guestLetters struct{ notices *notify.Service }

func (g guestLetters) Letter(ctx context.Context, id, address, lang string, l request.Letter) error {
	return g.notices.Letter(ctx, id, address, lang, notify.Message{TitleVi: l.TitleVi, TitleEn: l.TitleEn, BodyVi: l.BodyVi, BodyEn: l.BodyEn, Link: l.Link})
}

func (g guestLetters) Begin(ctx context.Context, account, lang string) error {
	list, err := g.notices.Channels(ctx, account)
	if err != nil || len(list) > 0 {
		return err
	}
	_, err = g.notices.SetChannel(ctx, account, notify.Channel{Kind: notify.ByMail, Lang: lang, Least: "low"})
	return err
}

func (g guestLetters) Forget(ctx context.Context, account string) error {
	return g.notices.ForgetAccount(ctx, account)
}

// guests tells the delivery of notifications who guests are and how they end their
// letters.
func guests(r *repo.Repository) (recipient func(ctx context.Context, account string) (who notify.Recipient, guest bool, err error), stop func(ctx context.Context, account string) (string, error)) {
	desk := request.New(request.Config{Repo: r, Random: rand.Reader})
	recipient = func(ctx context.Context, account string) (notify.Recipient, bool, error) {
		if !strings.HasPrefix(account, "guest/") {
			return notify.Recipient{}, false, nil
		}
		mail, err := desk.GuestMail(ctx, account)
		if mail == "" {
			return notify.Recipient{}, true, err
		}
		return notify.Recipient{Mail: mail, Addresses: []string{"account:" + account}}, true, err
	}
	return recipient, desk.StopLink
}

// upkeepEvery is how often reports are looked at that are to be asked about again or
// erased.
const upkeepEvery = time.Hour

// upkeep has the desk write to guests, where mail leaves the city, and looks every
// hour at what is to be asked about again or erased, until stopping ends.
func upkeep(desk *request.Desk, notices *notify.Service, log *slog.Logger, stopping context.Context) {
	if notices.Mail != nil {
		desk.WriteBy(guestLetters{notices})
	}
	tick := time.NewTicker(upkeepEvery)
	go func() {
		defer tick.Stop()
		for {
			select {
			case <-stopping.Done():
				return
			case <-tick.C:
			}
			if err := desk.Upkeep(stopping); err != nil && stopping.Err() == nil {
				log.WarnContext(stopping, "upkeep of reports not finished, will try again", "err", err)
			}
		}
	}()
}

// Keeping is the desk of reports as far as it erases what is kept no longer, beside
// the server.
func Keeping(r *repo.Repository, log *slog.Logger) *request.Desk {
	_, files := newIncidents(r, log, workingTime(r), nil)
	notices := notify.New(notify.Config{Repo: r, Now: r.Now, Zone: r.Zone(), Log: log, Recipient: func(context.Context, string) (notify.Recipient, error) { return notify.Recipient{}, nil }})
	return request.New(request.Config{Repo: r, Random: rand.Reader, Log: log, Files: requestFiles{files}, Guests: guestLetters{notices}})
}

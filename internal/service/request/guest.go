package request

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// Guests sends letters to people without an account; service/notify does.
type Guests interface {
	// Letter sends one letter; it is kept nowhere once it is sent. id is the same for
	// a letter that is asked for again.
	Letter(ctx context.Context, id, address, lang string, l Letter) error
	// Begin has what is told to a guest's account sent to them from now on, and
	// Forget ends that and what waits to be sent. Both may come twice.
	Begin(ctx context.Context, account, lang string) error
	Forget(ctx context.Context, account string) error
}

// Letter is what a guest is written, in both languages, with a path of the city's
// pages.
type Letter struct {
	TitleVi, TitleEn, BodyVi, BodyEn, Link string
}

// WriteBy has letters to guests sent; before it, none are. It is called before the
// desk is used.
func (d *Desk) WriteBy(g Guests) { d.guests = g }

// guestPrefix begins the names that guests have among accounts.
const guestPrefix = "guest/"

func guestAccount(id string) string { return guestPrefix + id }

// confirmWithin is for how long the link in a letter that asks for a confirmation holds.
const confirmWithin = 48 * time.Hour

// Invitation is an e-mail address that was given and is not confirmed.
type Invitation struct {
	Code, Email, Lang string
	Own               bool // by who reported
	At                time.Time
}

// Invite writes to an address that somebody gave, once, to ask whether they want
// letters about a report: nobody is written to again who does not say so. The report
// must be public, or p's own, by account or receipt. RateLimited request-letters
// where an address or a device has had its measure for today. Nothing happens for an
// address that has letters already: nobody learns from it who follows what.
func (d *Desk) Invite(ctx context.Context, p repo.Principal, code, secret, email, lang, device string) error {
	if d.guests == nil {
		return problem.New(problem.Conflict, "notify-mail-off")
	}
	email = strings.TrimSpace(email)
	if a, err := mail.ParseAddress(email); err != nil || a.Address != email || len(email) > 200 {
		return problem.InvalidWith("request-invalid", []problem.Violation{problem.Violate("request-email", "email")})
	}
	x, err := d.record(ctx, code)
	if err != nil {
		return err
	}
	_, err = d.theirs(ctx, p, x.Code, secret)
	own := err == nil
	if !own && !x.Published {
		return unknown()
	}
	r, err := d.rulesNow()
	if err != nil {
		return err
	}
	for _, who := range []string{strings.ToLower(email), deviceOf(device)} {
		if err := d.letters(ctx, who, r.catalogue.Upkeep.Limits.Letters); err != nil {
			return err
		}
	}
	if known, err := d.exists(ctx, Followers, followID(x.Code, strings.ToLower(email))); err != nil || known {
		return err
	}
	b, err := d.draw(20)
	if err != nil {
		return err
	}
	token := letters(b, 32)
	if lang != "en" {
		lang = "vi"
	}
	raw, err := json.Marshal(Invitation{x.Code, email, lang, own, d.now()})
	if err != nil {
		return err
	}
	if err := d.private().Put(ctx, store.StatePut{Key: invitationKey(token), Value: raw}); err != nil {
		return err
	}
	return d.guests.Letter(ctx, "invite-"+hex.EncodeToString(b[:8]), email, lang, Letter{
		TitleVi: "Xác nhận nhận thư về phản ánh " + x.Code, TitleEn: "Confirm letters about report " + x.Code,
		BodyVi: "Có người, có thể là ông/bà, đã nhập địa chỉ này để nhận tin về phản ánh " + x.Code + ". Mở liên kết dưới đây trong 48 giờ để xác nhận. Nếu không phải ông/bà, xin bỏ qua: sẽ không có thư nào khác.",
		BodyEn: "Somebody, perhaps you, gave this address to be told of report " + x.Code + ". Open the link below within 48 hours to confirm. If it was not you, leave it: no other letter will come.",
		Link:   "/letters/confirm/" + token,
	})
}

// private is what the desk keeps outside of the log for guests.
func (d *Desk) private() repo.Private { return d.repo.Private("request-guest") }

func invitationKey(token string) string {
	sum := digest("invite", strings.ToUpper(token))
	return "invite/" + hex.EncodeToString(sum[:])
}

// letters counts one letter of today to or from somebody, of whom a digest is kept.
func (d *Desk) letters(ctx context.Context, who string, most int) error {
	if who == "" || most == 0 {
		return nil
	}
	now := d.now()
	sum := digest("letters", who)
	key := "count/" + now.Format(time.DateOnly) + "/" + hex.EncodeToString(sum[:16])
	for range attempts {
		raw, err := d.private().Get(ctx, key)
		if err != nil {
			return err
		}
		n, _ := strconv.Atoi(string(raw))
		if n >= most {
			e := problem.New(problem.RateLimited, "request-letters", "limit", most)
			e.RetryAfter = time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, now.Location()).Sub(now)
			return e
		}
		err = d.private().Swap(ctx, key, raw, []byte(strconv.Itoa(n+1)))
		if !errors.Is(err, store.ErrStateMoved) {
			return err
		}
	}
	return problem.New(problem.Unavailable, "busy")
}

// Invited is the report that a link asks to confirm letters about: Gone where the
// link is too old, or none of ours.
func (d *Desk) Invited(ctx context.Context, token string) (Invitation, error) {
	raw, err := d.private().Get(ctx, invitationKey(token))
	if err != nil {
		return Invitation{}, err
	}
	var in Invitation
	if raw == nil || json.Unmarshal(raw, &in) != nil || d.now().After(in.At.Add(confirmWithin)) {
		return Invitation{}, problem.New(problem.Gone, "request-invitation")
	}
	return in, nil
}

// Confirm makes who opened the link a follower by letters and returns the code of the
// report. It may come twice.
func (d *Desk) Confirm(ctx context.Context, token string) (code string, err error) {
	in, err := d.Invited(ctx, token)
	if err != nil {
		return "", err
	}
	e, err := d.repo.Entry(repo.Internal(), Followers)
	if err != nil {
		return "", err
	}
	id := followID(in.Code, strings.ToLower(in.Email))
	stop, err := d.stopToken(ctx, id)
	if err != nil {
		return "", err
	}
	for range attempts {
		known, err := d.exists(ctx, Followers, id)
		if err != nil {
			return "", err
		}
		if known {
			break
		}
		x, err := d.record(ctx, in.Code)
		if err != nil {
			return "", err
		}
		if !in.Own && !x.Published {
			return "", unknown() // hidden since
		}
		c := cellsOf(e)
		for name, text := range map[string]string{"id": id, "request": in.Code, "email": in.Email, "lang": in.Lang, "secret": stopHash(stop)} {
			c.text(name, text)
		}
		c.set("own", value.OfBool(in.Own))
		c.at("at", d.now())
		list := []commit.Change{{Dataset: Followers, Op: commit.Put, Row: c.row, Expect: commit.Absent}}
		if !in.Own {
			x.Followers++
			record, err := d.count(&x)
			if err != nil {
				return "", err
			}
			list = append(list, record)
		}
		if _, err = d.commitBy(ctx, Reporter, "follow", "", list); err != nil && !retry(err) {
			return "", err
		}
	}
	if d.guests != nil {
		if err := d.guests.Begin(ctx, guestAccount(id), in.Lang); err != nil {
			return "", err
		}
	}
	return in.Code, nil
}

// stopToken is what stands in the links by which a guest ends their letters. It
// follows from a secret of the installation, so that only its digest is kept.
func (d *Desk) stopToken(ctx context.Context, id string) (string, error) {
	for {
		key, err := d.private().Get(ctx, "stop-secret")
		if err != nil {
			return "", err
		}
		if key != nil {
			mac := hmac.New(sha256.New, key)
			mac.Write([]byte(id))
			return letters(mac.Sum(nil), 32), nil
		}
		if key, err = d.draw(32); err != nil {
			return "", err
		}
		if err := d.private().Swap(ctx, "stop-secret", nil, key); err != nil && !errors.Is(err, store.ErrStateMoved) {
			return "", err
		}
	}
}

func stopHash(token string) string {
	sum := digest("stop", strings.ToUpper(token))
	return hex.EncodeToString(sum[:])
}

// StopLink is the path by which a guest ends their letters with one click; empty for
// an account that is no guest's.
func (d *Desk) StopLink(ctx context.Context, account string) (string, error) {
	id, guest := strings.CutPrefix(account, guestPrefix)
	if !guest {
		return "", nil
	}
	token, err := d.stopToken(ctx, id)
	return "/letters/stop/" + id + "/" + token, err
}

// GuestMail is the address of a guest's account, empty where there is no such guest.
func (d *Desk) GuestMail(ctx context.Context, account string) (string, error) {
	f, known, err := d.follower(ctx, strings.TrimPrefix(account, guestPrefix))
	if !known || !strings.HasPrefix(account, guestPrefix) {
		return "", err
	}
	return f.text("email"), err
}

func (d *Desk) follower(ctx context.Context, id string) (look, bool, error) {
	rec, err := d.repo.Get(ctx, repo.Internal(), Followers, []value.Value{value.OfText(id)}, 0)
	if err != nil && problem.KindOf(err) == problem.NotFound {
		return look{}, false, nil
	}
	return look{rec.Entry, rec.Values, d.repo.Zone()}, err == nil, err
}

// Stop ends a guest's letters and erases that they followed. Who comes again is told
// the same; NotFound for a link that is none of ours.
func (d *Desk) Stop(ctx context.Context, id, token string) error {
	want, err := d.stopToken(ctx, id)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(strings.ToUpper(token)), []byte(want)) != 1 {
		return problem.New(problem.NotFound, "not-found", "what", "stop")
	}
	if d.guests != nil {
		if err := d.guests.Forget(ctx, guestAccount(id)); err != nil {
			return err
		}
	}
	for range attempts {
		f, known, err := d.follower(ctx, id)
		if err != nil || !known {
			return err
		}
		row := make([]value.Value, f.e.Table.Width())
		row[f.e.Table.Key[0]] = value.OfText(id)
		list := []commit.Change{{Dataset: Followers, Op: commit.Delete, Row: row, Expect: commit.Present}}
		if !f.truth("own") {
			x, err := d.record(ctx, f.text("request"))
			if err != nil && problem.KindOf(err) != problem.NotFound {
				return err
			}
			if err == nil {
				x.Followers--
				record, err := d.count(&x)
				if err != nil {
					return err
				}
				list = append(list, record)
			}
		}
		_, err = d.commitBy(ctx, Reporter, "unfollow", "", list)
		if err == nil {
			return d.repo.EraseAll(ctx, repo.Internal(), []repo.Erasing{{Dataset: Followers, Key: []value.Value{value.OfText(id)}, Basis: "Luật Bảo vệ dữ liệu cá nhân 91/2025/QH15", Reason: "unsubscribed"}})
		}
		if !retry(err) {
			return err
		}
	}
	return problem.New(problem.Unavailable, "busy")
}

// offerLetters invites who reported without an account and left an address. That no
// letter can be sent now takes nothing from the report.
func (d *Desk) offerLetters(ctx context.Context, p repo.Principal, s *Submission, code string) {
	if d.guests == nil || s.Contact.Email == "" || accountOf(p) != "" && !s.OnBehalfOf || isOwn(p) {
		return
	}
	if n := s.Contact.Notify; len(n) > 0 && !slices.Contains(n, "email") {
		return
	}
	err := d.Invite(ctx, repo.Public(), code, secretOf(s.Key), s.Contact.Email, s.Contact.Lang, s.Device)
	if err != nil && problem.KindOf(err) != problem.RateLimited {
		d.log.WarnContext(ctx, "no letter to who reported", "request", code, "err", err)
	}
}

// authorOf lists the addresses of who reported a request.
func (d *Desk) authorOf(ctx context.Context, code string) (list []string, err error) {
	s, err := d.sender(ctx, code)
	if err != nil {
		return nil, err
	}
	if s.Account != "" {
		list = append(list, "account:"+s.Account)
	}
	_, err = d.repo.Read(ctx, repo.Internal(), repo.Query{Dataset: Followers, Filter: oneOf("request", []string{code}), Limit: mostTold}, func(rec repo.Record) error {
		if l := (look{rec.Entry, rec.Values, d.repo.Zone()}); l.truth("own") && l.text("email") != "" {
			list = append(list, "account:"+guestAccount(l.text("id")))
		}
		return nil
	})
	return list, err
}

// ForgetInvitations drops what nobody confirmed, and the counts of days that are over.
func (d *Desk) ForgetInvitations(ctx context.Context) error {
	now := d.now()
	var gone []store.StatePut
	err := d.private().Each(ctx, "invite/", func(key string, b []byte) error {
		var in Invitation
		if json.Unmarshal(b, &in) != nil || now.After(in.At.Add(confirmWithin)) {
			gone = append(gone, store.StatePut{Key: key})
		}
		return nil
	})
	if err == nil {
		today := "count/" + now.Format(time.DateOnly)
		err = d.private().Each(ctx, "count/", func(key string, _ []byte) error {
			if key < today {
				gone = append(gone, store.StatePut{Key: key})
			}
			return nil
		})
	}
	if err != nil || len(gone) == 0 {
		return err
	}
	return d.private().Put(ctx, gone...)
}

// Upkeep does what is to be done for the desk every now and then: it asks whether
// what was fixed still is, erases what is kept no longer, and forgets invitations
// that nobody took up.
func (d *Desk) Upkeep(ctx context.Context) error {
	_, asks := d.Recheck(ctx)
	_, erases := d.Expire(ctx)
	return errors.Join(asks, erases, d.ForgetInvitations(ctx))
}

package notify_test

import (
	"context"
	"encoding/base64"
	"io"
	"net/mail"
	"strings"
	"testing"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/service/notify"
)

// A letter to an address without an account is sent once and kept nowhere; letters to
// a guest's account bear the link that ends them, by one click too (RFC 8058), and
// others do not.
func TestLettersToGuests(t *testing.T) {
	cert, pool := certificate(t)
	server, letters := mailServer(t, cert, true, "")
	o := open(t, func(c *notify.Config) {
		c.Mail = &notify.Mail{Server: server, From: "tb@hue.example", Roots: pool}
		c.Stop = func(_ context.Context, account string) (string, error) {
			if account == "guest/w1" {
				return "/letters/stop/w1/TOKEN", nil
			}
			return "", nil
		}
	})
	read := func() (*mail.Message, string) {
		t.Helper()
		m, err := mail.ReadMessage(strings.NewReader(<-letters))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, m.Body))
		if err != nil {
			t.Fatal(err)
		}
		return m, string(body)
	}
	ask := notify.Message{TitleVi: "Xác nhận", TitleEn: "Confirm", BodyVi: "Bấm.", BodyEn: "Press.", Link: "/letters/confirm/SECRET"}
	for range 2 {
		if err := o.Letter(t.Context(), "invite-1", "ban@example.com", "en", ask); err != nil {
			t.Fatal(err)
		}
	}
	if n := o.send(); n != 1 {
		t.Fatalf("%d attempts", n)
	}
	m, body := read()
	if m.Header.Get("To") != "<ban@example.com>" || !strings.Contains(body, "https://hue.example/letters/confirm/SECRET") || m.Header.Get("List-Unsubscribe") != "" {
		t.Errorf("%v %q", m.Header, body)
	}
	if err := o.Letter(t.Context(), "invite-1", "ban@example.com", "en", ask); err != nil || o.send() != 0 {
		t.Error("the same letter goes twice")
	}
	if err := o.Letter(t.Context(), "invite-2", "Ban <ban@example.com>", "en", ask); problem.KindOf(err) != problem.Invalid {
		t.Errorf("an address with a name: %v", err)
	}
	err := o.repo.Private("notify").Each(t.Context(), "", func(key string, b []byte) error {
		if strings.Contains(string(b), "SECRET") || strings.Contains(string(b), "ban@") {
			t.Errorf("%s keeps the letter: %s", key, b)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.SetChannel(t.Context(), "guest/w1", notify.Channel{Kind: notify.ByMail, Lang: "vi"}); err != nil {
		t.Fatal(err)
	}
	o.pass(1)
	o.tell("account:guest/w1", "low")
	o.send()
	m, body = read()
	if m.Header.Get("List-Unsubscribe") != "<https://hue.example/letters/stop/w1/TOKEN>" || m.Header.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" || !strings.Contains(body, "/letters/stop/w1/TOKEN") {
		t.Errorf("%v %q", m.Header, body)
	}
	if err := o.ForgetAccount(t.Context(), "guest/w1"); err != nil {
		t.Fatal(err)
	}
	o.tell("account:guest/w1", "low")
	if n := o.send(); n != 0 {
		t.Errorf("%d letters after they were ended", n)
	}
}

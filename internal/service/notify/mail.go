package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"

	"huong.city/huong/internal/core/problem"
)

// Mail is the server that letters go through.
type Mail struct {
	Server         string // host:port
	From           string // address, with a name or without
	User, Password string // no sign-in when empty
	Roots          *x509.CertPool
	Time           time.Duration // for a whole letter; 30 s when 0
}

// Check tells what is wrong with the settings.
func (m *Mail) Check() error {
	if host, port, err := net.SplitHostPort(m.Server); err != nil || host == "" || port == "" {
		return problem.New(problem.Invalid, "notify-mail-settings", "what", "server")
	}
	if _, err := mail.ParseAddress(m.From); err != nil {
		return problem.New(problem.Invalid, "notify-mail-settings", "what", "from")
	}
	if (m.User == "") != (m.Password == "") {
		return problem.New(problem.Invalid, "notify-mail-settings", "what", "password")
	}
	return nil
}

func (s *Service) mail(ctx context.Context, c *Channel, m *Message) error {
	stop := ""
	if s.Stop != nil {
		path, err := s.Stop(ctx, c.Account)
		if err != nil {
			return err
		}
		if path != "" {
			stop = link(s.Base, path)
		}
	}
	letter, from, err := s.letter(c, m, stop)
	if err != nil {
		return &final{problem.New(problem.Invalid, "notify-address"), true}
	}
	if err := s.Mail.send(ctx, from, c.Address, letter); err != nil {
		var code *textproto.Error
		switch {
		case errors.As(err, &code) && code.Code >= 550 && code.Code < 560:
			return &final{problem.New(problem.Unavailable, "notify-refused", "status", code.Code), false}
		case errors.As(err, &code):
			return problem.New(problem.Unavailable, "notify-refused", "status", code.Code)
		case problem.As(err).Code == "notify-mail-plain":
			return err
		}
		return problem.New(problem.Unavailable, "notify-refused", "status", "-")
	}
	return nil
}

// letter writes a message as a mail (RFC 5322, RFC 2045). Its Message-ID stays the
// same from one attempt to the next.
func (s *Service) letter(c *Channel, m *Message, stop string) (letter []byte, from string, err error) {
	sender, err := mail.ParseAddress(s.Mail.From)
	if err != nil {
		return nil, "", err
	}
	to, err := mail.ParseAddress(c.Address)
	if err != nil {
		return nil, "", err
	}
	title, body := m.In(c.Lang)
	mark := map[string]map[string]string{
		"vi": {"high": "◆ Cao", "medium": "▲ Trung bình", "low": "■ Thấp"},
		"en": {"high": "◆ High", "medium": "▲ Medium", "low": "■ Low"},
	}[c.Lang][m.Severity]
	_, domain, _ := strings.Cut(sender.Address, "@")
	subject := strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, mark+": "+title)
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nSubject: %s\r\n", sender, to, mime.BEncoding.Encode("utf-8", subject))
	fmt.Fprintf(&b, "Date: %s\r\nMessage-ID: <%s.%s@%s>\r\n", m.At.In(s.Zone).Format(time.RFC1123Z), c.ID, safe(m.ID), domain)
	fmt.Fprintf(&b, "Auto-Submitted: auto-generated\r\nContent-Language: %s\r\nMIME-Version: 1.0\r\n", c.Lang)
	if stop != "" {
		fmt.Fprintf(&b, "List-Unsubscribe: <%s>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", stop)
	}
	b.WriteString("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	text := title + "\n\n" + body + "\n\n" + link(s.Base, m.Link) + "\n"
	if stop != "" {
		text += "\n" + map[string]string{"vi": "Không nhận thư này nữa: ", "en": "No more of these letters: "}[c.Lang] + stop + "\n"
	}
	coded := base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(text, "\n", "\r\n")))
	for len(coded) > 76 {
		b.WriteString(coded[:76] + "\r\n")
		coded = coded[76:]
	}
	b.WriteString(coded + "\r\n")
	return b.Bytes(), sender.Address, nil
}

// safe keeps what may stand in a message id.
func safe(id string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '.' {
			return r
		}
		return '-'
	}, id)
}

// send speaks SMTP (RFC 5321) with STARTTLS (RFC 3207), without which nothing is
// said; on port 465 the connection is encrypted from its start (RFC 8314).
func (m *Mail) send(ctx context.Context, from, to string, letter []byte) error {
	limit := m.Time
	if limit == 0 {
		limit = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	host, port, err := net.SplitHostPort(m.Server)
	if err != nil {
		return err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", m.Server)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	secure := &tls.Config{ServerName: host, RootCAs: m.Roots, MinVersion: tls.VersionTLS12}
	if port == "465" {
		conn = tls.Client(conn, secure)
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Hello("huong"); err != nil {
		return err
	}
	if port != "465" {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return problem.New(problem.Unavailable, "notify-mail-plain")
		}
		if err := c.StartTLS(secure); err != nil {
			return err
		}
	}
	if m.User != "" {
		if err := c.Auth(smtp.PlainAuth("", m.User, m.Password, host)); err != nil {
			return err
		}
	}
	if err := c.Mail(from); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(letter); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}

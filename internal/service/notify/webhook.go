package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/problem"
)

// secretPrefix marks a symmetric secret (Standard Webhooks 1.0, "Secret").
const secretPrefix = "whsec_"

// Sign computes the header webhook-signature of one version: HMAC-SHA256 over
// id.timestamp.body, base64 (Standard Webhooks 1.0, "Signature scheme").
func Sign(secret, id string, at time.Time, body []byte) (string, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretPrefix))
	if err != nil {
		return "", err
	}
	h := hmac.New(sha256.New, key)
	io.WriteString(h, id+"."+strconv.FormatInt(at.Unix(), 10)+".")
	h.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil)), nil
}

// payload is the body of a webhook.
func payload(m *Message, base string) []byte {
	type words struct {
		Vi string `json:"vi"`
		En string `json:"en"`
	}
	b, _ := json.Marshal(struct {
		Type string `json:"type"`
		At   string `json:"timestamp"`
		Data any    `json:"data"`
	}{"notification.created", m.At.UTC().Format(time.RFC3339Nano), struct {
		ID       string            `json:"id"`
		To       string            `json:"to"`
		Severity string            `json:"severity"`
		Title    words             `json:"title"`
		Body     words             `json:"body"`
		Link     string            `json:"link,omitempty"`
		About    map[string]string `json:"about,omitempty"`
	}{m.ID, m.To, m.Severity, words{m.TitleVi, m.TitleEn}, words{m.BodyVi, m.BodyEn}, link(base, m.Link), about(m)}})
	return b
}

func about(m *Message) map[string]string {
	if m.AboutDataset == "" {
		return nil
	}
	return map[string]string{"dataset": m.AboutDataset, "key": m.AboutKey}
}

func link(base, path string) string {
	if base == "" || path == "" {
		return path
	}
	return strings.TrimRight(base, "/") + path
}

func (s *Service) webhook(ctx context.Context, c *Channel, m *Message) error {
	body, now := payload(m, s.Base), s.Now()
	id := "msg_" + c.ID + "_" + m.ID
	signature, err := Sign(c.Secret, id, now, body)
	if err != nil {
		return &final{problem.Wrap(err, problem.Invalid, "notify-channel"), true}
	}
	return s.post(ctx, c.Address, body, map[string]string{
		"Content-Type": "application/json", "webhook-id": id, "webhook-timestamp": strconv.FormatInt(now.Unix(), 10), "webhook-signature": signature,
	})
}

// post makes a call that leaves the city and reads the answer as deliveries do:
// 2xx is taken, 410 (and 404 of a push service) ends the channel, 413 and 400 the
// message, all else is tried again.
func (s *Service) post(ctx context.Context, to string, body []byte, header map[string]string) error {
	if s.Client == nil {
		return problem.New(problem.Unavailable, "notify-channel")
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return &final{problem.New(problem.Invalid, "notify-address"), true}
	}
	q.Header.Set("User-Agent", "Huong")
	for k, v := range header {
		q.Header.Set(k, v)
	}
	answer, err := s.Client.Do(q)
	if err != nil {
		if p := problem.As(err); p.Kind == problem.Denied {
			return &final{problem.New(problem.Denied, p.Code), true} // an address that is not to be called
		}
		return problem.New(problem.Unavailable, "notify-refused", "status", "-")
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10))
	if answer.StatusCode >= 200 && answer.StatusCode < 300 {
		return nil
	}
	refused := problem.New(problem.Unavailable, "notify-refused", "status", answer.StatusCode)
	switch answer.StatusCode {
	case http.StatusGone:
		return &final{refused, true}
	case http.StatusNotFound:
		return &final{refused, header["Content-Encoding"] != ""}
	case http.StatusRequestEntityTooLarge:
		return &final{refused, false}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if n, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && n > 0 {
			return &later{refused, time.Duration(min(n, 86400)) * time.Second}
		}
	}
	return refused
}

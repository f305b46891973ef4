package notify_test

import (
	"bufio"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/notify"
	"huong.city/huong/internal/store"
	"huong.city/huong/internal/store/postgres"
	"huong.city/huong/internal/store/postgres/pgtest"
	"huong.city/huong/internal/store/sqlite"
)

var cluster = pgtest.New(pgtest.Settings{})

func TestMain(m *testing.M) {
	code := m.Run()
	cluster.Stop()
	os.Exit(code)
}

var start = time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC) // ten in the morning in Huế

type office struct {
	testing.TB
	*notify.Service
	repo   *repo.Repository
	config notify.Config
	mu     sync.Mutex
	now    time.Time
	n      int
}

func (o *office) Now() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now
}

func (o *office) pass(d time.Duration) {
	o.mu.Lock()
	o.now = o.now.Add(d)
	o.mu.Unlock()
}

func open(t testing.TB, change func(*notify.Config)) *office {
	d, err := sqlite.Open(t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return openOn(t, d, change)
}

func openOn(t testing.TB, d store.Driver, change func(*notify.Config)) *office {
	t.Helper()
	o := &office{TB: t, now: start}
	var err error
	if o.repo, err = repo.Open(context.Background(), repo.Config{Driver: d, Now: o.Now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.repo.Close(context.Background()) })
	zone := time.FixedZone("ICT", 7*3600)
	o.config = notify.Config{Repo: o.repo, Now: o.Now, Zone: zone, Base: "https://hue.example/", Client: http.DefaultClient, Contact: "mailto:ops@hue.example",
		Recipient: func(_ context.Context, account string) (notify.Recipient, error) {
			return notify.Recipient{Addresses: []string{"account:" + account, "role:officer@19774"}, Mail: account + "@hue.example"}, nil
		}}
	if change != nil {
		change(&o.config)
	}
	o.begin()
	return o
}

// begin is a process that starts.
func (o *office) begin() { o.Service = notify.New(o.config) }

// tell writes a notification and lets the follower take it.
func (o *office) tell(to, severity string) string {
	o.Helper()
	o.n++
	id := fmt.Sprintf("n-%d", o.n)
	e, err := o.repo.Entry(repo.Internal(), "notification")
	if err != nil {
		o.Fatal(err)
	}
	row := make([]value.Value, e.Table.Width())
	for name, text := range map[string]string{"id": id, "to": to, "severity": severity, "titleVi": "Nước sông Hương lên", "titleEn": "The river rises",
		"bodyVi": "Báo dân.", "bodyEn": "Warn people.", "link": "/alerts/CB-1", "aboutDataset": "alert", "aboutKey": "CB-1", "dedupe": "CB-1"} {
		i, _, _, _ := e.Table.Property(name)
		row[i] = value.OfText(text)
	}
	i, _, _, _ := e.Table.Property("createdAt")
	row[i] = value.OfInstant(o.Now())
	req := &commit.Request{Changes: []commit.Change{{Dataset: "notification", Op: commit.Put, Row: row}}}
	receipt, err := o.repo.Commit(context.Background(), repo.Internal(), req)
	if err != nil {
		o.Fatal(err, problem.As(err).Violations)
	}
	o.apply(receipt.Seq)
	return id
}

func (o *office) apply(seq int64) {
	o.Helper()
	err := o.repo.Log(context.Background(), repo.Internal(), repo.LogQuery{After: seq - 1, Limit: 1, Changes: true}, func(c *commit.Entry) error {
		return o.Apply(c, func(name string) *repo.Entry {
			e, err := o.repo.Entry(repo.Internal(), name)
			if err != nil {
				return nil
			}
			return e
		})
	})
	if err != nil {
		o.Fatal(err)
	}
}

func (o *office) channel(c notify.Channel) notify.Channel {
	o.Helper()
	c, err := o.SetChannel(context.Background(), "an", c)
	if err != nil {
		o.Fatal(err)
	}
	o.pass(time.Second)
	return c
}

func (o *office) send() int {
	o.Helper()
	n, err := o.Send(context.Background())
	if err != nil {
		o.Fatal(err)
	}
	return n
}

func (o *office) states(c notify.Channel) (list []string) {
	o.Helper()
	all, err := o.Deliveries(context.Background(), "an", c.ID, 100)
	if err != nil {
		o.Fatal(err)
	}
	for _, d := range all {
		list = append(list, d.Message.ID+" "+d.State)
	}
	slices.Sort(list)
	return list
}

// receiver is a webhook's other end.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status []int // answers to come; 200 after them
	got    []*http.Request
	bodies [][]byte
	retry  string
	before func()
}

func listen(t testing.TB, status ...int) *receiver {
	r := &receiver{status: status}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		b, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got, r.bodies = append(r.got, q), append(r.bodies, b)
		if r.before != nil {
			r.before()
		}
		if r.retry != "" {
			w.Header().Set("Retry-After", r.retry)
		}
		if len(r.status) > 0 {
			w.WriteHeader(r.status[0])
			r.status = r.status[1:]
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// The example of the Standard Webhooks libraries.
func TestSignatureVector(t *testing.T) {
	got, err := notify.Sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want || err != nil {
		t.Errorf("got %s %v, want %s", got, err, want)
	}
}

func bytesOf(t testing.TB, s string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// RFC 8291, appendix A.
func TestEncryptVector(t *testing.T) {
	ours, err := ecdh.P256().NewPrivateKey(bytesOf(t, "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := notify.Encrypt([]byte("When I grow up, I want to be a watermelon"),
		bytesOf(t, "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
		bytesOf(t, "BTBZMqHH6r4Tts7J_aSIgg"), ours, bytesOf(t, "DGv6ra1nlYgDCS1FRnbzlw"))
	if err != nil {
		t.Fatal(err)
	}
	const want = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
	if s := base64.RawURLEncoding.EncodeToString(got); s != want {
		t.Errorf("got %s", s)
	}
}

func TestWebhook(t *testing.T) {
	for name, o := range map[string]*office{"sqlite": open(t, nil), "postgres": func() *office {
		d, err := postgres.Open(context.Background(), cluster.Database(t), postgres.Options{Readers: 4})
		if err != nil {
			t.Fatal(err)
		}
		return openOn(t, d, nil)
	}()} {
		r := listen(t, 500, 503)
		c := o.channel(notify.Channel{Kind: notify.ByWebhook, Address: r.URL + "/hook"})
		id := o.tell("role:officer@19774", "high")
		o.tell("account:somebody", "high")
		if n := o.send(); n != 1 || len(r.got) != 1 {
			t.Fatalf("%s: %d attempts, %d calls", name, n, len(r.got))
		}
		if n := o.send(); n != 0 {
			t.Errorf("%s: tried again at once", name)
		}
		o.pass(38 * time.Second)
		o.send() // 503
		o.pass(80 * time.Second)
		o.begin() // a restart loses nothing
		o.send()
		if len(r.got) != 3 || !slices.Equal(o.states(c), []string{id + " made"}) {
			t.Fatalf("%s: %d calls, %v", name, len(r.got), o.states(c))
		}
		first := r.got[0].Header.Get("webhook-id")
		for i, q := range r.got {
			at, _ := strconv.ParseInt(q.Header.Get("webhook-timestamp"), 10, 64)
			want, err := notify.Sign(c.Secret, first, time.Unix(at, 0), r.bodies[i])
			if q.Header.Get("webhook-id") != first || q.Header.Get("webhook-signature") != want || err != nil {
				t.Errorf("%s: attempt %d: %v", name, i, q.Header)
			}
		}
		var body struct {
			Type string
			Data struct {
				ID, Severity, Link string
				Title              map[string]string
			}
		}
		if err := json.Unmarshal(r.bodies[0], &body); err != nil || body.Data.ID != id || body.Data.Link != "https://hue.example/alerts/CB-1" || body.Data.Title["vi"] != "Nước sông Hương lên" {
			t.Errorf("%s: %s %v", name, r.bodies[0], err)
		}
		head, _ := o.repo.Head(context.Background())
		o.apply(head.Seq - 1) // the follower begins again further back
		if n := o.send(); n != 0 {
			t.Errorf("%s: made again", name)
		}
	}
}

// A process that dies after the receiver took the message and before it was noted
// sends it again, under the same number.
func TestKilledBetweenSendingAndNoting(t *testing.T) {
	o := open(t, nil)
	r := listen(t)
	c := o.channel(notify.Channel{Kind: notify.ByWebhook, Address: r.URL})
	id := o.tell("account:an", "low")
	ctx, kill := context.WithCancel(context.Background())
	r.before = kill
	o.Send(ctx)
	r.before = nil
	o.begin()
	if n := o.send(); n != 0 {
		t.Errorf("within the lease another server may still be at it: %d", n)
	}
	o.pass(3 * time.Minute)
	o.send()
	if len(r.got) != 2 || r.got[0].Header.Get("webhook-id") != r.got[1].Header.Get("webhook-id") || !slices.Equal(o.states(c), []string{id + " made"}) {
		t.Errorf("%d calls, %v", len(r.got), o.states(c))
	}
}

// Two servers of one city make each delivery once.
func TestTwoServers(t *testing.T) {
	o := open(t, nil)
	r := listen(t)
	o.channel(notify.Channel{Kind: notify.ByWebhook, Address: r.URL})
	for range 20 {
		o.tell("account:an", "low")
	}
	other := notify.New(o.config)
	var wait sync.WaitGroup
	for _, s := range []*notify.Service{o.Service, other} {
		wait.Go(func() { s.Send(context.Background()) })
	}
	wait.Wait()
	if len(r.got) != 20 {
		t.Errorf("%d calls", len(r.got))
	}
}

func TestGivenUpAndSentAgain(t *testing.T) {
	o := open(t, func(c *notify.Config) { c.GiveUp = time.Hour })
	r := listen(t, slices.Repeat([]int{500}, 100)...)
	c := o.channel(notify.Channel{Kind: notify.ByWebhook, Address: r.URL})
	from := o.Now()
	id := o.tell("account:an", "low")
	for range 300 {
		o.send()
		o.pass(time.Minute)
	}
	if got := o.states(c); !slices.Equal(got, []string{id + " dead"}) || len(r.got) > 12 {
		t.Fatalf("%v after %d calls", got, len(r.got))
	}
	if _, err := o.Replay(context.Background(), "an", c.ID, o.Now(), from, false); problem.KindOf(err) != problem.Invalid {
		t.Errorf("a span that ends before it begins: %v", err)
	}
	if _, err := o.Replay(context.Background(), "binh", c.ID, from, o.Now(), false); problem.KindOf(err) != problem.NotFound {
		t.Errorf("another's channel: %v", err)
	}
	r.mu.Lock()
	r.status = nil
	r.mu.Unlock()
	if n, err := o.Replay(context.Background(), "an", c.ID, from, o.Now(), false); n != 1 || err != nil {
		t.Fatalf("%d %v", n, err)
	}
	o.send()
	if got := o.states(c); !slices.Equal(got, []string{id + " made"}) {
		t.Errorf("%v", got)
	}
	if n, _ := o.Replay(context.Background(), "an", c.ID, from, o.Now(), false); n != 0 {
		t.Errorf("nothing is given up any more: %d", n)
	}
	o.pass(31 * 24 * time.Hour)
	if err := o.Forget(context.Background()); err != nil || len(o.states(c)) != 0 {
		t.Errorf("%v %v", err, o.states(c))
	}
}

func TestAnswers(t *testing.T) {
	refuse := func(c *notify.Config) {
		c.Client = &http.Client{Transport: guard{}}
	}
	for _, x := range []struct {
		what   string
		status int
		retry  string
		change func(*notify.Config)
		state  string
		paused bool
	}{
		{"gone", 410, "", nil, "dead", true},
		{"too large", 413, "", nil, "dead", false},
		{"come back in an hour", 429, "3600", nil, "waiting", false},
		{"a guarded address", 200, "", refuse, "dead", true},
	} {
		o := open(t, x.change)
		r := listen(t, x.status)
		r.retry = x.retry
		c := o.channel(notify.Channel{Kind: notify.ByWebhook, Address: r.URL})
		id := o.tell("account:an", "low")
		o.send()
		list, _ := o.Channels(context.Background(), "an")
		if got := o.states(c); !slices.Equal(got, []string{id + " " + x.state}) || list[0].Paused != x.paused {
			t.Errorf("%s: %v, paused %t", x.what, got, list[0].Paused)
		}
		if x.retry != "" {
			o.pass(59 * time.Minute)
			if o.send() != 0 {
				t.Errorf("%s: came back too early", x.what)
			}
			o.pass(2 * time.Minute)
			if o.send() != 1 {
				t.Errorf("%s: did not come back", x.what)
			}
		}
	}
}

type guard struct{}

func (guard) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, problem.New(problem.Denied, "outgoing-address")
}

func TestQuietHoursAndLeast(t *testing.T) {
	o := open(t, nil)
	r := listen(t)
	from, _ := notify.MinuteOf("22:00")
	until, _ := notify.MinuteOf("06:30")
	c := o.channel(notify.Channel{Kind: notify.ByWebhook, Address: r.URL, QuietFrom: from, QuietUntil: until, Least: "medium"})
	o.pass(13 * time.Hour) // eleven at night
	low, medium, high := o.tell("account:an", "low"), o.tell("account:an", "medium"), o.tell("account:an", "high")
	o.send()
	if got := o.states(c); !slices.Equal(got, []string{medium + " waiting", high + " made"}) {
		t.Errorf("%s stays out: %v", low, got)
	}
	o.pass(7 * time.Hour)
	if o.send() != 0 {
		t.Error("at six it is still quiet")
	}
	o.pass(31 * time.Minute)
	if o.send() != 1 || len(r.got) != 2 {
		t.Error("at half past six it is told")
	}
	if _, ok := notify.MinuteOf("24:00"); ok {
		t.Error("24:00 is no time")
	}
}

// browser is the other end of Web Push.
func TestPush(t *testing.T) {
	o := open(t, nil)
	r := listen(t, 201)
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	auth := []byte("0123456789abcdef")
	code := base64.RawURLEncoding.EncodeToString
	if _, err := o.SetChannel(context.Background(), "an", notify.Channel{Kind: notify.ByPush, Address: r.URL, P256dh: "AAAA", Auth: code(auth)}); problem.KindOf(err) != problem.Invalid {
		t.Errorf("a key that is none: %v", err)
	}
	c := o.channel(notify.Channel{Kind: notify.ByPush, Address: r.URL + "/push/1", P256dh: code(key.PublicKey().Bytes()), Auth: code(auth), Lang: "en"})
	o.tell("account:an", "high")
	o.send()
	if len(r.got) != 1 {
		t.Fatalf("%d calls, %v", len(r.got), o.states(c))
	}
	h := r.got[0].Header
	if h.Get("Content-Encoding") != "aes128gcm" || h.Get("TTL") == "" || h.Get("Urgency") != "high" || len(h.Get("Topic")) != 32 {
		t.Errorf("%v", h)
	}
	var said map[string]string
	if err := json.Unmarshal(open8291(t, r.bodies[0], key, auth), &said); err != nil || said["title"] != "The river rises" || said["link"] != "/alerts/CB-1" {
		t.Errorf("%v %v", said, err)
	}
	token, public, ok := strings.Cut(strings.TrimPrefix(h.Get("Authorization"), "vapid t="), ", k=")
	parts := strings.Split(token, ".")
	if !ok || len(parts) != 3 {
		t.Fatalf("%s", h.Get("Authorization"))
	}
	if want, _ := o.PushKey(context.Background()); want != public {
		t.Error("signed by another key than browsers subscribe with")
	}
	point := bytesOf(t, public)
	verify := ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int).SetBytes(point[1:33]), Y: new(big.Int).SetBytes(point[33:])}
	sum, signature := sha256.Sum256([]byte(parts[0]+"."+parts[1])), bytesOf(t, parts[2])
	if !ecdsa.Verify(&verify, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		t.Error("the token's signature does not verify")
	}
	var claims struct {
		Aud, Sub string
		Exp      int64
	}
	if err := json.Unmarshal(bytesOf(t, parts[1]), &claims); err != nil || claims.Aud != r.URL || claims.Sub != "mailto:ops@hue.example" || claims.Exp > o.Now().Add(24*time.Hour).Unix() {
		t.Errorf("%+v %v", claims, err)
	}
}

// open8291 decrypts as a browser does, from the text of the RFCs.
func open8291(t *testing.T, b []byte, key *ecdh.PrivateKey, auth []byte) []byte {
	salt, n := b[:16], int(b[20])
	theirs, err := ecdh.P256().NewPublicKey(b[21 : 21+n])
	if err != nil {
		t.Fatal(err)
	}
	shared, err := key.ECDH(theirs)
	if err != nil {
		t.Fatal(err)
	}
	ikm, _ := hkdf.Key(sha256.New, shared, auth, "WebPush: info\x00"+string(key.PublicKey().Bytes())+string(b[21:21+n]), 32)
	cek, _ := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: aes128gcm\x00", 16)
	nonce, _ := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: nonce\x00", 12)
	block, _ := aes.NewCipher(cek)
	gcm, _ := cipher.NewGCM(block)
	text, err := gcm.Open(nil, nonce, b[21+n:], nil)
	if err != nil {
		t.Fatal(err)
	}
	return text[:len(text)-1]
}

func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail"}, NotBefore: time.Unix(0, 0), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, _ := x509.ParseCertificate(der)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// post office: a mail server that speaks as much as RFC 5321 and 3207 need.
func mailServer(t *testing.T, cert tls.Certificate, starttls bool, refuse string) (address string, letters chan string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	letters = make(chan string, 10)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { conn.Close() }()
				secret := false
				in := bufio.NewReader(conn)
				say := func(s string) { io.WriteString(conn, s+"\r\n") }
				say("220 mail")
				for {
					line, err := in.ReadString('\n')
					if err != nil {
						return
					}
					switch verb := strings.ToUpper(strings.Fields(line + " x")[0]); verb {
					case "EHLO":
						switch {
						case secret:
							say("250-mail\r\n250 AUTH PLAIN")
						case starttls:
							say("250-mail\r\n250 STARTTLS")
						default:
							say("250 mail")
						}
					case "STARTTLS":
						say("220 go")
						conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}})
						in, secret = bufio.NewReader(conn), true
					case "AUTH":
						if !strings.Contains(line, base64.StdEncoding.EncodeToString([]byte("\x00post\x00secret"))) {
							say("535 no")
							return
						}
						say("235 yes")
					case "RCPT":
						if refuse != "" {
							say(refuse)
							return
						}
						say("250 ok")
					case "DATA":
						say("354 go")
						var b strings.Builder
						for {
							line, err := in.ReadString('\n')
							if err != nil || line == ".\r\n" {
								break
							}
							b.WriteString(line)
						}
						if secret {
							letters <- b.String()
						}
						say("250 taken")
					case "QUIT":
						say("221 bye")
						return
					default:
						say("250 ok")
					}
				}
			}()
		}
	}()
	return l.Addr().String(), letters
}

func TestMail(t *testing.T) {
	cert, pool := certificate(t)
	server, letters := mailServer(t, cert, true, "")
	settings := &notify.Mail{Server: server, From: "Thành phố Huế <tb@hue.example>", User: "post", Password: "secret", Roots: pool}
	if err := settings.Check(); err != nil {
		t.Fatal(err)
	}
	o := open(t, func(c *notify.Config) { c.Mail = settings })
	c := o.channel(notify.Channel{Kind: notify.ByMail, Address: "elsewhere@evil.example"})
	if c.Address != "an@hue.example" {
		t.Fatalf("mail would go to %s", c.Address)
	}
	id := o.tell("account:an", "high")
	o.send()
	if got := o.states(c); !slices.Equal(got, []string{id + " made"}) {
		t.Fatalf("%v", got)
	}
	letter, err := mail.ReadMessage(strings.NewReader(<-letters))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(letter.Header.Get("Subject"))
	if err != nil || subject != "◆ Cao: Nước sông Hương lên" {
		t.Errorf("subject %q %v", subject, err)
	}
	body, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, letter.Body))
	if err != nil || !strings.Contains(string(body), "Báo dân.\r\n\r\nhttps://hue.example/alerts/CB-1") {
		t.Errorf("body %q %v", body, err)
	}
	if got := letter.Header.Get("Message-ID"); got != "<"+c.ID+"."+id+"@hue.example>" {
		t.Errorf("number %s", got)
	}
	from, err := letter.Header.AddressList("From")
	if err != nil || from[0].Name != "Thành phố Huế" {
		t.Errorf("from %v %v", from, err)
	}
}

func TestMailThatCannotBeSent(t *testing.T) {
	cert, pool := certificate(t)
	other, _ := certificate(t)
	for _, x := range []struct {
		what     string
		cert     tls.Certificate
		starttls bool
		refuse   string
		state    string
		fault    string
	}{
		{"no encryption", cert, false, "", "waiting", "notify-mail-plain"},
		{"another's certificate", other, true, "", "waiting", "notify-refused"},
		{"no such person", cert, true, "550 who", "dead", "notify-refused"},
		{"busy", cert, true, "451 later", "waiting", "notify-refused"},
	} {
		server, letters := mailServer(t, x.cert, x.starttls, x.refuse)
		o := open(t, func(c *notify.Config) { c.Mail = &notify.Mail{Server: server, From: "tb@hue.example", Roots: pool} })
		c := o.channel(notify.Channel{Kind: notify.ByMail})
		o.tell("account:an", "high")
		o.send()
		list, err := o.Deliveries(context.Background(), "an", c.ID, 10)
		if err != nil || len(list) != 1 || list[0].State != x.state || list[0].Fault != x.fault || len(letters) != 0 {
			t.Errorf("%s: %+v %v", x.what, list, err)
		}
	}
	for _, m := range []notify.Mail{{Server: "mail", From: "a@b"}, {Server: "mail:25", From: "nobody"}, {Server: "mail:25", From: "a@b.c", User: "x"}} {
		if m.Check() == nil {
			t.Errorf("%+v passes", m)
		}
	}
}

func TestInbox(t *testing.T) {
	o := open(t, nil)
	ctx := context.Background()
	p := repo.Principal{Name: "an", Agency: "ubnd-19774", Roles: []string{"officer"}, Areas: []string{"19774"}}
	o.tell("role:officer@19774", "low")
	o.pass(time.Minute)
	last := o.tell("account:an", "high")
	o.tell("account:binh", "high")
	list, _, unseen, err := o.Inbox(ctx, p, 20)
	if err != nil || unseen != 1 || len(list) != 1 || list[0].ID != last {
		t.Fatalf("of one matter the latest alone: %v %d %v", list, unseen, err)
	}
	if err := o.Look(ctx, p, o.Now()); err != nil {
		t.Fatal(err)
	}
	if _, _, unseen, _ = o.Inbox(ctx, p, 20); unseen != 0 {
		t.Errorf("%d unseen", unseen)
	}
	if list, _, _, err := o.Inbox(ctx, repo.Public(), 20); err != nil || len(list) != 0 {
		t.Errorf("the public: %v %v", list, err)
	}
}

func TestChannels(t *testing.T) {
	o := open(t, nil)
	ctx := context.Background()
	for _, address := range []string{"", "ftp://x", "https://", "https://a:b@c/", "nonsense"} {
		if _, err := o.SetChannel(ctx, "an", notify.Channel{Kind: notify.ByWebhook, Address: address}); problem.KindOf(err) != problem.Invalid {
			t.Errorf("%q: %v", address, err)
		}
	}
	c := o.channel(notify.Channel{Kind: notify.ByWebhook, Address: "https://a.example/x"})
	if _, err := o.SetChannel(ctx, "binh", c); problem.KindOf(err) != problem.NotFound {
		t.Errorf("another's channel: %v", err)
	}
	c.Address, c.Least = "https://elsewhere.example", "high"
	if got, err := o.SetChannel(ctx, "an", c); err != nil || got.Address != "https://a.example/x" || got.Least != "high" {
		t.Errorf("%+v %v", got, err)
	}
	if err := o.RemoveChannel(ctx, "binh", c.ID); problem.KindOf(err) != problem.NotFound {
		t.Errorf("%v", err)
	}
	if err := o.RemoveChannel(ctx, "an", c.ID); err != nil {
		t.Error(err)
	}
	for range 10 {
		o.channel(notify.Channel{Kind: notify.ByWebhook, Address: "https://a.example/x"})
	}
	if _, err := o.SetChannel(ctx, "an", notify.Channel{Kind: notify.ByWebhook, Address: "https://a.example/x"}); problem.KindOf(err) != problem.Conflict {
		t.Errorf("%v", err)
	}
}

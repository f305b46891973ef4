package account_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
	"huong.city/huong/internal/store"
	"huong.city/huong/internal/store/postgres"
	"huong.city/huong/internal/store/postgres/pgtest"
	"huong.city/huong/internal/store/sqlite"
)

// clock is a clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

var cluster = pgtest.New(pgtest.Settings{Options: []string{"autovacuum=off", "wal_level=minimal", "max_wal_senders=0", "shared_buffers=64MB"}})

func TestMain(m *testing.M) {
	code := m.Run()
	cluster.Stop()
	os.Exit(code)
}

// town is a small city with two agencies, two wards and an administrator's desk.
type town struct {
	*account.Accounts
	repo  *repo.Repository
	clock *clock
	drive func() (store.Driver, error) // opens the town's store, again for another server
	kept  func() []byte                // everything that the store holds
}

// opener makes a town on one of the stores.
type opener func(testing.TB) *town

// onBoth tells a story on each store.
func onBoth(t *testing.T, story func(*testing.T, opener)) {
	t.Run("sqlite", func(t *testing.T) {
		story(t, func(t testing.TB) *town {
			dir := t.TempDir()
			return found(t, &town{
				drive: func() (store.Driver, error) { return sqlite.Open(dir, sqlite.Options{}) },
				kept: func() []byte {
					files, err := filepath.Glob(dir + "/*")
					if err != nil || len(files) == 0 {
						t.Fatal(err)
					}
					var all []byte
					for _, f := range files {
						if b, err := os.ReadFile(f); err == nil { // not of the lock
							all = append(all, b...)
						}
					}
					return all
				},
			})
		})
	})
	t.Run("postgres", func(t *testing.T) {
		story(t, func(t testing.TB) *town {
			url := cluster.Schemas(t)
			return found(t, &town{
				drive: func() (store.Driver, error) { return postgres.Open(t.Context(), url, postgres.Options{Readers: 4}) },
				kept:  func() []byte { return cluster.Rows(t, url) },
			})
		})
	})
}

func found(t testing.TB, x *town) *town {
	t.Helper()
	x.clock = &clock{now: time.Date(2026, 3, 9, 8, 0, 0, 0, time.UTC)}
	x.repo = x.server(t)
	x.Accounts = accounts(t, x.repo, x.clock)
	x.put(t, repo.SystemAgency, "code=snv name=Nội_vụ", "code=cath name=Công_an")
	x.put(t, repo.SystemArea, "code=w1 name=Một kind=phuong", "code=w2 name=Hai kind=phuong")
	x.put(t, repo.SystemPurpose, "code=care name=Chăm_sóc basis=Luật", "code=inquiry name=Điều_tra basis=Luật needsCase=true")
	return x
}

// server opens the town's store for one more server.
func (x *town) server(t testing.TB) *repo.Repository {
	t.Helper()
	d, err := x.drive()
	if err != nil {
		t.Fatal(err)
	}
	r, err := repo.Open(t.Context(), repo.Config{Driver: d, Now: x.clock.Now, Poll: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(context.Background()) })
	return r
}

// accounts are those of a server, with cheap digests: TestDigests is about real ones.
func accounts(t testing.TB, r *repo.Repository, c *clock) *account.Accounts {
	t.Helper()
	a := costly(t, r, c)
	a.HashCheaply()
	return a
}

func costly(t testing.TB, r *repo.Repository, c *clock) *account.Accounts {
	t.Helper()
	a, err := account.New(account.Config{Repo: r, Now: c.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// put commits records, each "field=text field=text"; _ stands for a space.
func (x *town) put(t testing.TB, name string, records ...string) {
	t.Helper()
	e, err := x.repo.Entry(repo.Internal(), name)
	if err != nil {
		t.Fatal(err)
	}
	req := &commit.Request{}
	for _, r := range records {
		row := make([]value.Value, e.Table.Width())
		for pair := range strings.FieldsSeq(r) {
			field, text, _ := strings.Cut(pair, "=")
			i, ok := e.Schema.Column(field)
			if !ok {
				t.Fatalf("%s has no %s", name, field)
			}
			v, bad := e.Schema.ParseCell(i, strings.ReplaceAll(text, "_", " "))
			if bad != nil {
				t.Fatal(bad.In("en"))
			}
			row[i] = v
		}
		req.Changes = append(req.Changes, commit.Change{Dataset: name, Op: commit.Put, Row: row})
	}
	if _, err := x.repo.Commit(t.Context(), repo.Internal(), req); err != nil {
		t.Fatal(err)
	}
}

const good = "một câu dài dễ nhớ 7"

// staff makes an account with a password of its own choice.
func (x *town) staff(t testing.TB, id string, capacities ...account.Capacity) {
	t.Helper()
	err := x.Create(t.Context(), repo.Operator(), account.Opening{
		Account: account.Account{ID: id, Name: "Người " + id, Kind: account.Staff}, Capacities: capacities, Password: good, Chosen: true})
	if err != nil {
		t.Fatal(err)
	}
}

var desk = account.Device{Agent: "Mozilla/5.0 (X11; Linux x86_64) Chrome/130", Address: "203.0.113.77"}

func (x *town) in(t testing.TB, id string) string {
	t.Helper()
	got, err := x.SignIn(t.Context(), desk, id, good)
	if err != nil || got.Session == "" {
		t.Fatalf("%s: %+v %v", id, got, err)
	}
	return got.Session
}

func code(err error) string {
	if p, ok := errors.AsType[*problem.Error](err); ok {
		return p.Code
	}
	return fmt.Sprint(err)
}

func codes(err error) string {
	var list []string
	if p, ok := errors.AsType[*problem.Error](err); ok {
		for _, v := range p.Violations {
			list = append(list, v.Field+":"+v.Code)
		}
	}
	return strings.Join(list, " ")
}

func want(t testing.TB, err error, expected string) {
	t.Helper()
	if code(err) != expected {
		t.Errorf("got %v, want %s", err, expected)
	}
}

func officer(areas ...string) account.Capacity {
	return account.Capacity{Agency: "snv", Roles: []string{grant.Officer, grant.Steward}, Areas: areas}
}

func TestSignIn(t *testing.T) { onBoth(t, testSignIn) }

func testSignIn(t *testing.T, open opener) {
	x := open(t)
	x.staff(t, "an", officer("w1"))
	token := x.in(t, " AN ")
	p, err := x.Authenticate(t.Context(), token)
	if err != nil || p.Name != "an" || p.Agency != "snv" || !p.Is(grant.Officer) || !slices.Equal(p.Areas, []string{"w1"}) || p.Capacity == "" || p.Admin || p.Purpose != "" {
		t.Fatalf("%+v %v", p, err)
	}
	for _, wrong := range [][2]string{{"an", good + "x"}, {"nobody", good}, {"an", ""}, {"", good}} {
		if _, err := x.SignIn(t.Context(), desk, wrong[0], wrong[1]); code(err) != "sign-in-wrong" {
			t.Errorf("%q: %v", wrong[0], err)
		}
	}
	for _, wrong := range []string{"", "huongs_", token + "x", token[:len(token)-2], strings.Replace(token, "huongs_", "huong_", 1)} {
		if _, err := x.Authenticate(t.Context(), wrong); problem.KindOf(err) != problem.Unauthenticated {
			t.Errorf("%q is accepted", wrong)
		}
	}
	// The same password by an input method that composes in another way.
	if _, err := x.SignIn(t.Context(), desk, "an", "một câu dài dễ nhớ 7"); err != nil {
		t.Errorf("decomposed: %v", err)
	}
	if err := x.Leave(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Authenticate(t.Context(), token); problem.KindOf(err) != problem.Unauthenticated {
		t.Errorf("a session that was left: %v", err)
	}
	if err := x.Leave(t.Context(), token); err != nil {
		t.Errorf("leaving twice: %v", err)
	}
}

// No secret stands in the database: neither in the log nor in private state.
func TestNoSecretIsKept(t *testing.T) { onBoth(t, testNoSecretIsKept) }

func testNoSecretIsKept(t *testing.T, open opener) {
	x := open(t)
	x.staff(t, "an", officer("w1"))
	session := x.in(t, "an")
	link, _, err := x.Recover(t.Context(), repo.Operator(), "an", account.Ending{})
	if err != nil {
		t.Fatal(err)
	}
	x.repo.Close(t.Context())
	kept := x.kept()
	holds := func(text string) bool {
		return bytes.Contains(kept, []byte(text)) || bytes.Contains(kept, []byte(hex.EncodeToString([]byte(text))))
	}
	for what, secret := range map[string]string{"password": good, "session": session, "link": link, "address": desk.Address} {
		if holds(secret) || holds(strings.TrimPrefix(secret, "huongs_")) {
			t.Errorf("the %s is kept", what)
		}
	}
	if !holds("argon2id") {
		t.Error("the digest of the password was not looked at")
	}
}

// A password is digested at full cost, and one of earlier settings is digested anew
// when its holder signs in.
func TestDigests(t *testing.T) { onBoth(t, testDigests) }

func testDigests(t *testing.T, open opener) {
	x := open(t)
	x.staff(t, "an", officer("w1"))
	x.in(t, "an")
	const full = "$argon2id$v=19$m=19456,t=2,p=1$" // the least of the OWASP Password Storage Cheat Sheet
	x.Accounts = costly(t, x.repo, x.clock)
	if _, err := x.SignIn(t.Context(), desk, "an", good+"x"); code(err) != "sign-in-wrong" {
		t.Errorf("a wrong password: %v", err)
	}
	for _, name := range []string{"nobody", "an"} {
		_, err := x.SignIn(t.Context(), desk, name, good)
		if (err == nil) != (name == "an") {
			t.Errorf("%s: %v", name, err)
		}
	}
	x.in(t, "an")
	x.repo.Close(t.Context())
	kept := x.kept()
	if !bytes.Contains(kept, []byte(full)) && !bytes.Contains(kept, []byte(hex.EncodeToString([]byte(full)))) {
		t.Error("no digest of full cost is kept")
	}
}

func TestLockOut(t *testing.T) { onBoth(t, testLockOut) }

func testLockOut(t *testing.T, open opener) {
	x := open(t)
	x.staff(t, "an", officer("w1"))
	address := func(i int) account.Device { return account.Device{Address: fmt.Sprintf("198.51.100.%d", i)} }
	for _, name := range []string{"an", "nobody"} { // both alike
		for i := range 5 {
			_, err := x.SignIn(t.Context(), address(i), name, "wrong password here")
			want(t, err, "sign-in-wrong")
		}
		for wait := 15 * time.Second; wait <= 4*time.Minute; wait *= 2 {
			_, err := x.SignIn(t.Context(), address(9), name, good)
			want(t, err, "sign-in-wait")
			if p := problem.As(err); p.RetryAfter != wait {
				t.Errorf("%s: waits %v, want %v", name, p.RetryAfter, wait)
			}
			x.clock.forward(wait)
			if _, err = x.SignIn(t.Context(), address(9), name, "wrong password here"); code(err) != "sign-in-wrong" {
				t.Errorf("%s after the wait: %v", name, err)
			}
		}
		x.clock.forward(16 * time.Minute)
	}
	x.in(t, "an")
	for i := range 5 { // a success gives all tries back
		if _, err := x.SignIn(t.Context(), address(20+i), "an", "wrong password here"); code(err) != "sign-in-wrong" {
			t.Errorf("try %d after a success: %v", i, err)
		}
	}
}

func TestLockOutOfAnAddress(t *testing.T) { onBoth(t, testLockOutOfAnAddress) }

func testLockOutOfAnAddress(t *testing.T, open opener) {
	x := open(t)
	x.staff(t, "an", officer("w1"))
	for i := range 30 {
		x.in(t, "an") // successes do not count
		_, err := x.SignIn(t.Context(), desk, fmt.Sprintf("guess%d", i), good)
		want(t, err, "sign-in-wrong")
	}
	_, err := x.SignIn(t.Context(), desk, "an", good)
	want(t, err, "sign-in-wait")
	other := desk
	other.Address = "203.0.113.78"
	if _, err := x.SignIn(t.Context(), other, "an", good); err != nil {
		t.Errorf("from elsewhere: %v", err)
	}
}

// Many tries at once have no more tries than one after the other.
func TestTriesAtOnce(t *testing.T) { onBoth(t, testTriesAtOnce) }

func testTriesAtOnce(t *testing.T, open opener) {
	x := open(t)
	x.staff(t, "an", officer("w1"))
	var wg sync.WaitGroup
	var mu sync.Mutex
	counts := map[string]int{}
	for i := range 20 {
		wg.Go(func() {
			_, err := x.SignIn(t.Context(), account.Device{Address: fmt.Sprintf("198.51.100.%d", i)}, "an", "wrong password here")
			mu.Lock()
			counts[code(err)]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if counts["sign-in-wrong"] != 5 || counts["sign-in-wait"] != 15 {
		t.Errorf("%v", counts)
	}
}

func TestPasswords(t *testing.T) { onBoth(t, testPasswords) }

func testPasswords(t *testing.T, open opener) {
	x := open(t)
	n := 0
	for password, expected := range map[string]string{
		"ngắn quá":                     "password:password-short",
		"một câu dài":                  "password:password-short", // 11 characters, more bytes
		"12 ký tự đủ ạ":                "",
		"correct horse battery":        "",
		"hoa sen nở tháng sáu":         "",
		"aaaaaaaaaaaaaaa":              "password:password-common",
		"abcabcabcabcabc":              "password:password-common",
		"123456789012":                 "password:password-common",
		"abcdefghijklmn":               "password:password-common",
		"079099001234":                 "password:password-common",
		"MậtKhẩu123456":                "password:password-common",
		"P@ssword!!2026":               "password:password-common",
		"Nguyễn Thị Hoa 1990":          "password:password-common",
		"hoa.nguyen.1990!":             "password:password-common",
		"qwertyuiop123":                "password:password-common",
		strings.Repeat("từ khác ", 40): "password:password-long",
	} {
		n++
		err := x.Create(t.Context(), repo.Operator(), account.Opening{
			Account: account.Account{ID: fmt.Sprintf("hoa.nguyen.%d", n), Name: "Nguyễn Thị Hoa", Kind: account.Staff}, Password: password, Chosen: true})
		if got := codes(err); got != expected || (err == nil) != (expected == "") {
			t.Errorf("%q: %v", password, err)
		}
	}
}

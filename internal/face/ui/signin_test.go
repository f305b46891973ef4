package ui_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
	"huong.city/huong/internal/service/account/accounttest"
)

const password = "một câu dài dễ nhớ 7"

// staff makes an account that signs in by password.
func (c *city) staff(t testing.TB, id string, capacities ...account.Capacity) {
	t.Helper()
	err := c.accounts.Create(context.Background(), repo.Operator(), account.Opening{
		Account: account.Account{ID: id, Name: "Người " + id, Kind: account.Staff}, Capacities: capacities, Password: password, Chosen: true})
	if err != nil {
		t.Fatal(err)
	}
}

// reader is a browser without script: it keeps cookies and follows.
type reader struct {
	t    testing.TB
	c    *city
	http *http.Client
}

func (c *city) reader(t testing.TB) *reader {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &reader{t, c, &http.Client{Jar: jar}}
}

func (r *reader) do(method, path string, form url.Values) (status int, at, body string) {
	r.t.Helper()
	var in io.Reader
	if form != nil {
		in = strings.NewReader(form.Encode())
	}
	q, err := http.NewRequest(method, r.c.url+path, in)
	if err != nil {
		r.t.Fatal(err)
	}
	if form != nil {
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	q.Header.Set("Accept-Language", "en")
	res, err := r.http.Do(q)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, res.Request.URL.RequestURI(), string(b)
}

func (r *reader) get(path string) (int, string) {
	r.t.Helper()
	status, _, body := r.do(http.MethodGet, path, nil)
	return status, body
}

func (r *reader) post(path string, kv ...string) (int, string, string) {
	r.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(kv); i += 2 {
		form.Add(kv[i], kv[i+1])
	}
	return r.do(http.MethodPost, path, form)
}

func (r *reader) signIn(id string) {
	r.t.Helper()
	if status, at, body := r.post("/enter", "account", id, "password", password, "return", "/profile"); status != 200 || !strings.HasPrefix(at, "/profile") {
		r.t.Fatalf("%s: %d %s %s", id, status, at, body)
	}
}

func has(t testing.TB, body string, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if !strings.Contains(body, s) {
			t.Errorf("%q is not shown", s)
		}
	}
}

var officerSNV = account.Capacity{Agency: "snv", Roles: []string{grant.Officer}, Areas: []string{"*"}}

func TestSigningInWithAPassword(t *testing.T) {
	c := newCity(t)
	c.staff(t, "an", officerSNV)
	r := c.reader(t)
	status, _, body := r.post("/enter", "account", "an", "password", "wrong", "return", "/datasets")
	if status != http.StatusUnauthorized {
		t.Errorf("%d", status)
	}
	has(t, body, "The sign-in name or the password is wrong.", `value="an"`, `aria-invalid="true"`, `role="alert"`)
	if strings.Contains(body, `value="wrong"`) {
		t.Error("the password comes back")
	}
	status, at, body := r.post("/enter", "account", "an", "password", password, "return", "/datasets")
	if status != 200 || at != "/datasets" {
		t.Fatalf("%d at %s", status, at)
	}
	has(t, body, "Người an", "Officer · Department of Home Affairs · Whole city", "Choose a purpose")
	u, _ := url.Parse(c.url)
	for _, cookie := range r.http.Jar.Cookies(u) {
		if strings.HasPrefix(cookie.Value, "huongs_") && strings.Contains(body, cookie.Value) {
			t.Error("the page shows the session")
		}
	}
	status, body = r.get("/profile")
	has(t, body, "Department of Home Affairs", "This one", "password ·", "127.0.0.0/24", "Change the password")
	if status != 200 {
		t.Error(status)
	}
	old := c.reader(t)
	old.signIn("an")
	status, _, body = r.post("/profile/password", "before", "wrong", "password", password+" x", "again", password+" x")
	if status != http.StatusUnprocessableEntity && status != http.StatusBadRequest {
		t.Error(status)
	}
	has(t, body, "The present password is wrong.")
	_, _, body = r.post("/profile/password", "before", password, "password", password+" x", "again", password+" y")
	has(t, body, "The two entries of the password differ.")
	status, _, body = r.post("/profile/password", "before", password, "password", password+" x", "again", password+" x")
	if status != 200 {
		t.Error(status)
	}
	has(t, body, "All other sessions have ended.", "Người an")
	if status, _ := old.get("/profile"); status != http.StatusUnauthorized {
		t.Errorf("another session after the change: %d", status)
	}
	before := r.http.Jar.Cookies(u)
	if status, _, body := r.post("/leave"); status != 200 || strings.Contains(body, "Người an") {
		t.Errorf("after leaving: %d", status)
	}
	r.http.Jar.SetCookies(u, before)
	if status, _ := r.get("/profile"); status != http.StatusUnauthorized {
		t.Errorf("the cookie of before still works: %d", status)
	}
}

func TestActingInACapacityForAPurpose(t *testing.T) {
	c := newCity(t)
	c.put(t, "purpose", "danh mục", []map[string]string{{"code": "care", "name": "Chăm sóc", "nameEn": "Care", "basis": "Luật"}, {"code": "inquiry", "name": "Điều tra", "nameEn": "Inquiry", "basis": "Luật", "needsCase": "true"}})
	c.staff(t, "an", officerSNV, account.Capacity{Agency: "cath", Roles: []string{grant.Leader}, Areas: []string{"*"}})
	c.staff(t, "binh", officerSNV)
	r := c.reader(t)
	_, at, body := r.post("/enter", "account", "an", "password", password, "return", "/datasets")
	if !strings.HasPrefix(at, "/profile?return=") {
		t.Fatalf("several capacities lead to %s", at)
	}
	has(t, body, "no capacity chosen", "Hue City Police", "Department of Home Affairs")
	choice := regexp.MustCompile(`name="capacity" value="([0-9a-f]+)"[^>]*>\s*<span><b>Officer`).FindStringSubmatch(body)
	if choice == nil {
		t.Fatal("no choice of capacity")
	}
	_, at, body = r.post("/profile/capacity", "capacity", choice[1], "return", "/datasets")
	if at != "/datasets" {
		t.Error(at)
	}
	has(t, body, "Officer · Department of Home Affairs")
	_, _, body = r.post("/profile/task", "purpose", "inquiry", "case", "")
	has(t, body, "needs the number of a case", `role="alert"`)
	_, _, body = r.post("/profile/task", "purpose", "inquiry", "case", "HS-77", "return", "/datasets")
	has(t, body, "Purpose:", "Inquiry", "HS-77")
	// A delegation, from its form to its end.
	_, _, body = r.post("/profile/delegations", "to", "nobody", "role", grant.Officer, "area", "*", "until", "31-12-2099")
	has(t, body, "A date is written year-month-day.")
	_, _, body = r.post("/profile/delegations", "to", "nobody", "role", grant.Officer, "area", "*", "until", c.now.AddDate(0, 0, 3).Format("2006-01-02"))
	has(t, body, "There is no colleague")
	_, _, body = r.post("/profile/delegations", "to", "binh", "role", grant.Officer, "area", "*", "until", c.now.AddDate(0, 0, 3).Format("2006-01-02"))
	has(t, body, "Delegated.", "binh: Officer")
	other := c.reader(t)
	other.signIn("binh")
	_, body = other.get("/profile")
	has(t, body, "delegated by an")
	end := regexp.MustCompile(`action="(/profile/delegations/[0-9a-f]+)"`).FindStringSubmatch(func() string { _, b := r.get("/profile"); return b }())
	if end == nil {
		t.Fatal("no way to revoke")
	}
	r.post(end[1])
	if _, body = other.get("/profile"); strings.Contains(body, "delegated by an") {
		t.Error("the delegation goes on")
	}
}

func TestATaskIsHiddenByPages(t *testing.T) {
	c, citizen := withAids(t)
	c.put(t, "purpose", "danh mục", []map[string]string{{"code": "probe", "name": "Điều tra", "nameEn": "Inquiry", "basis": "Luật", "mayHide": "true", "hideDays": "30", "hideBasis": "Điều 177", "hideAgencies": "snv"}})
	c.staff(t, "an", account.Capacity{Agency: "snv", Roles: []string{grant.Steward}})
	c.staff(t, "binh", account.Capacity{Agency: "syt", Roles: []string{grant.Steward}})
	other := c.reader(t)
	other.signIn("binh")
	if _, body := other.get("/profile"); strings.Contains(body, `name="hidden"`) {
		t.Error("an agency that may not hide is asked")
	}
	r := c.reader(t)
	r.signIn("an")
	_, body := r.get("/profile")
	has(t, body, `name="hidden"`, "may be hidden, 30 days at most")
	day := func(n int) string { return time.Now().AddDate(0, 0, n).Format("2006-01-02") }
	if status, _, body := r.post("/profile/task", "purpose", "probe", "hidden", day(60)); status != 422 || !strings.Contains(body, "30 days at most") {
		t.Errorf("too long: %d", status)
	}
	if status, _, _ := r.post("/profile/task", "purpose", "probe", "hidden", "soon"); status != 422 {
		t.Errorf("no date: %d", status)
	}
	_, _, body = r.post("/profile/task", "purpose", "probe", "hidden", day(20))
	has(t, body, "hidden from the persons until the end of")
	if status, body := r.get("/datasets/aid/records/A1"); status != 200 || !strings.Contains(body, "Trần Thị Hoa") {
		t.Fatalf("the reading: %d", status)
	}
	if _, body := citizen.get("/me"); strings.Contains(body, "Inquiry") {
		t.Error("the person sees what is hidden")
	}
	r.post("/profile/task", "purpose", "probe")
	r.get("/datasets/aid/records/A1")
	if _, body := citizen.get("/me"); !strings.Contains(body, "Inquiry") {
		t.Error("the person does not see what is not hidden")
	}
}

func TestAdministeringAccounts(t *testing.T) {
	c := newCity(t)
	c.staff(t, "root", account.Capacity{Roles: []string{grant.Administrator}})
	c.staff(t, "an", officerSNV)
	for who, want := range map[string]int{"": http.StatusUnauthorized, "an": http.StatusForbidden} {
		r := c.reader(t)
		if who != "" {
			r.signIn(who)
		}
		if status, _ := r.get("/accounts"); status != want {
			t.Errorf("%q sees the accounts: %d", who, status)
		}
		if status, _, _ := r.post("/accounts", "id", "eve", "name", "Eve"); status != want {
			t.Errorf("%q makes an account: %d", who, status)
		}
		if status, _, _ := r.post("/accounts/root", "act", "disable"); status != want && status != http.StatusNotFound {
			t.Errorf("%q disables: %d", who, status)
		}
	}
	root := c.reader(t)
	root.signIn("root") // nobody disabled it
	_, body := root.get("/accounts")
	has(t, body, "Người root", "Người an", "Create an account")
	_, _, body = root.post("/accounts", "id", "Not An Id", "name", "", "role", grant.Officer)
	has(t, body, "choose one", `value="Not An Id"`, `aria-invalid="true"`)
	status, at, body := root.post("/accounts", "id", "hoa.le", "name", "Lê Hoa", "kind", "staff", "role", grant.Officer, "agency", "snv", "area", "*")
	if status != 200 || at != "/accounts/hoa.le" {
		t.Fatalf("%d %s %s", status, at, body)
	}
	has(t, body, "Lê Hoa", "Officer · Department of Home Affairs · Whole city")
	_, _, body = root.post("/accounts/hoa.le", "act", "link")
	link := regexp.MustCompile(`(/enter/link/huongl_[A-Za-z0-9_-]+)`).FindString(body)
	if link == "" {
		t.Fatal("no link")
	}
	hoa := c.reader(t)
	status, body = hoa.get(link)
	if status != 200 {
		t.Fatal(status)
	}
	has(t, body, "hoa.le")
	secret := strings.TrimPrefix(link, "/enter/link/")
	_, _, body = hoa.post("/enter/new", "link", secret, "password", "ngắn", "again", "ngắn")
	has(t, body, "at least 12 characters", secret)
	status, at, body = hoa.post("/enter/new", "link", secret, "password", password, "again", password, "return", "//evil.example/")
	if status != 200 || at != "/" {
		t.Fatalf("%d %s", status, at)
	}
	has(t, body, "Lê Hoa")
	if status, _ := c.reader(t).get(link); status != http.StatusGone {
		t.Errorf("the link works twice: %d", status)
	}
	root.post("/accounts/hoa.le", "act", "give", "role", grant.Leader, "agency", "cath", "until", "2099-12-31", "reason", "biệt phái")
	_, body = root.get("/accounts/hoa.le")
	has(t, body, "Leader · Hue City Police", "to 31/12/2099")
	has(t, body, "has a password · 1 sessions open", "All passkeys; their owner adds new ones")
	if _, _, body = root.post("/accounts/hoa.le", "act", "shut", "ending", "sessions", "ending", "passkeys"); strings.Contains(body, "sessions open") {
		t.Error("a session outlasts its end")
	}
	if status, _ := hoa.get("/profile"); status != http.StatusUnauthorized {
		t.Errorf("shut out: %d", status)
	}
	hoa.signIn("hoa.le")
	root.post("/accounts/hoa.le", "act", "disable")
	if status, _ := hoa.get("/profile"); status != http.StatusUnauthorized {
		t.Errorf("disabled: %d", status)
	}
	if status, _, _ := root.post("/accounts/root", "act", "disable"); status != http.StatusConflict {
		t.Errorf("the last administrator: %d", status)
	}
	if status, _, _ := root.post("/accounts/hoa.le", "act", "nonsense"); status < 400 {
		t.Errorf("nonsense: %d", status)
	}
}

func TestTheFirstAdministratorComesByALink(t *testing.T) {
	c := newCity(t)
	secret, err := c.accounts.FirstLink(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	r := c.reader(t)
	_, body := r.get("/enter/link/" + secret)
	has(t, body, "The first administrator", `name="account"`)
	status, at, body := r.post("/enter/new", "link", secret, "account", "quan.tri", "name", "Trần Quản", "password", password, "again", password, "return", "/accounts")
	if status != 200 || at != "/accounts" {
		t.Fatalf("%d %s %s", status, at, body)
	}
	has(t, body, "Trần Quản", "Administrator")
}

func TestTooManyTriesWait(t *testing.T) {
	c := newCity(t)
	c.staff(t, "an", officerSNV)
	r := c.reader(t)
	for range 5 {
		r.post("/enter", "account", "an", "password", "wrong")
	}
	status, _, body := r.post("/enter", "account", "an", "password", password)
	if status != http.StatusTooManyRequests {
		t.Errorf("%d", status)
	}
	has(t, body, "Too many wrong tries.")
}

func TestSigningInAtAProvider(t *testing.T) {
	c := newCity(t)
	p := accounttest.Start(t, c.clock)
	c.serveWith(t, &account.Provider{
		Name: map[string]string{"vi": "Cổng định danh", "en": "Test provider"}, Issuer: p.URL, ClientID: accounttest.ClientID, ClientSecret: accounttest.ClientSecret,
		Citizens: true, Claims: account.Claims{Person: "citizen_id", Assurance: map[string]int{"loa2": 2}},
	})
	p.Set(func(p *accounttest.Provider) {
		p.Claims = map[string]any{"sub": "s-1", "name": "Hồ Thị Bình", "citizen_id": "046099000001", "acr": "loa2"}
	})
	r := c.reader(t)
	_, body := r.get("/enter?return=/datasets")
	has(t, body, "Sign in with Test provider")
	status, at, body := r.do(http.MethodGet, "/enter/provider?return=/datasets", nil)
	if status != 200 || at != "/datasets" {
		t.Fatalf("%d %s %s", status, at, body)
	}
	has(t, body, "Hồ Thị Bình", "Citizen")
	if strings.Contains(body, "046099000001") {
		t.Error("the page shows the personal number")
	}
	p.Set(func(p *accounttest.Provider) { p.Deny = true })
	status, _, body = c.reader(t).do(http.MethodGet, "/enter/provider?return=/datasets", nil)
	if status != http.StatusUnauthorized {
		t.Error(status)
	}
	has(t, body, "did not confirm this sign-in", `role="alert"`)
	if status, _ := c.reader(t).get("/enter/callback?state=huongf_x&code=y"); status != http.StatusUnauthorized {
		t.Errorf("a flow that is none: %d", status)
	}
}

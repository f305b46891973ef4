package app

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"huong.city/huong/internal/core/problem"
)

func TestLoadSignIn(t *testing.T) {
	const good = `origin: https://data.example.city/
provider:
  name: {vi: Cổng, en: Gate}
  issuer: https://id.example
  clientId: huong
  clientSecretFile: SECRET
  scopes: [profile]
  citizens: true
  claims:
    person: citizen_id
    roleOf: {a: steward}
    assurance: {loa2: 2}
`
	dir := folder(t, map[string]string{"secret": " quiet word\n"})
	whole := strings.Replace(good, "SECRET", filepath.Join(dir, "secret"), 1)
	load := func(text string) (*SignIn, error) {
		return LoadSignIn(filepath.Join(folder(t, map[string]string{"sign-in.yaml": text}), "sign-in.yaml"), func(name string) string {
			if name == "GIVEN" {
				return "from the environment"
			}
			return ""
		})
	}
	s, err := load(whole)
	if err != nil || s.Origin != "https://data.example.city" || s.Provider.ClientSecret != "quiet word" || s.Provider.Redirect != "https://data.example.city/enter/callback" ||
		s.Provider.Claims.Assurance["loa2"] != 2 || s.Provider.Claims.RoleOf["a"] != "steward" || !s.Provider.Citizens || s.Provider.Name["en"] != "Gate" {
		t.Fatalf("%+v %v", s, err)
	}
	change := func(old, with string) string { return strings.Replace(whole, old, with, 1) }
	env := strings.Replace(good, "clientSecretFile: SECRET", "clientSecretEnv: GIVEN", 1)
	if s, err = load(env); err != nil || s.Provider.ClientSecret != "from the environment" {
		t.Errorf("%+v %v", s, err)
	}
	for name, c := range map[string][2]string{
		"an unknown word":      {change("scopes:", "scope:"), "sign-in-malformed"},
		"a secret in the file": {change("  citizens", "  clientSecret: hunter2hunter2\n  citizens"), "sign-in-malformed"},
		"no yaml":              {"origin: [", "sign-in-malformed"},
		"http":                 {change("https://data.example.city/", "http://data.example.city"), "sign-in-origin"},
		"an origin with path":  {change("https://data.example.city/", "https://data.example.city/x"), "sign-in-origin"},
		"no issuer":            {change("issuer: https://id.example", "issuer: ''"), "sign-in-issuer"},
		"no client":            {change("clientId: huong", "clientId: ''"), "sign-in-client"},
		"a level too high":     {change("loa2: 2", "loa2: 4"), "sign-in-assurance"},
		"no such variable":     {strings.Replace(env, "GIVEN", "OTHER", 1), "sign-in-secret-empty"},
		"two secrets":          {change("  citizens", "  clientSecretEnv: GIVEN\n  citizens"), "sign-in-secret-twice"},
	} {
		_, err := load(c[0])
		p, ok := errors.AsType[*problem.Error](err)
		if !ok || p.Code != "sign-in-invalid" || len(p.Violations) != 1 || p.Violations[0].Code != c[1] || p.Violations[0].Position.File == "" {
			t.Errorf("%s: %v", name, err)
		}
		if c[1] == "sign-in-malformed" && p.Violations[0].Position.Line == 0 {
			t.Errorf("%s has no line", name)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Error("the error shows a secret")
		}
	}
	if _, err := LoadSignIn(filepath.Join(dir, "none"), nil); code(err) != "file-unreadable" {
		t.Errorf("no file: %v", err)
	}
}

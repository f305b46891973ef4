package app

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"github.com/goccy/go-yaml"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/outgoing"
	"huong.city/huong/internal/service/account"
)

// SignIn is how people come in, as an installation's file says it:
//
//	origin: https://data.example.city
//	provider:
//	  name: {vi: VNeID, en: VNeID}
//	  issuer: https://id.example
//	  clientId: huong
//	  inner: [10.0.3.0/24]   # where it stands in a network that is not public
//	  clientSecretFile: /run/secrets/provider   # or clientSecretEnv: NAME
//	  scopes: [profile, email]
//	  citizens: true
//	  claims:
//	    person: citizen_id
//	    roles: groups
//	    roleOf: {data-stewards: steward}
//	    assurance: {loa2: 2}
//
// It holds no secret: that stands in a file or in the environment.
type SignIn struct {
	Origin   string // scheme://host of the pages, as browsers name it
	Provider *account.Provider
	Calls    outgoing.Options // how the provider is called
}

// signInFile is the file as it is written.
type signInFile struct {
	Origin   string `yaml:"origin"`
	Provider *struct {
		Name             map[string]string `yaml:"name"`
		Issuer           string            `yaml:"issuer"`
		Inner            []string          `yaml:"inner"`
		ClientID         string            `yaml:"clientId"`
		ClientSecretFile string            `yaml:"clientSecretFile"`
		ClientSecretEnv  string            `yaml:"clientSecretEnv"`
		Scopes           []string          `yaml:"scopes"`
		UserInfo         bool              `yaml:"userInfo"`
		Citizens         bool              `yaml:"citizens"`
		Claims           struct {
			Name      string            `yaml:"name"`
			Email     string            `yaml:"email"`
			Person    string            `yaml:"person"`
			Agency    string            `yaml:"agency"`
			Roles     string            `yaml:"roles"`
			Areas     string            `yaml:"areas"`
			Agencies  map[string]string `yaml:"agencies"`
			RoleOf    map[string]string `yaml:"roleOf"`
			AreaOf    map[string]string `yaml:"areaOf"`
			Assurance map[string]int    `yaml:"assurance"`
		} `yaml:"claims"`
	} `yaml:"provider"`
}

// LoadSignIn reads such a file. Errors name the line and never show its text,
// where somebody may have written a secret.
func LoadSignIn(path string, getenv func(string) string) (*SignIn, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, problem.Wrap(err, problem.Invalid, "file-unreadable", "file", path)
	}
	var f signInFile
	if err := yaml.UnmarshalWithOptions(b, &f, yaml.Strict()); err != nil {
		v := problem.Violate("sign-in-malformed", "")
		v.Position.File = path
		var located yaml.Error
		if errors.As(err, &located) && located.GetToken() != nil {
			v.Position.Line, v.Position.Column = located.GetToken().Position.Line, located.GetToken().Position.Column
		}
		return nil, problem.InvalidWith("sign-in-invalid", []problem.Violation{v})
	}
	var vs []problem.Violation
	fail := func(code, field string) {
		v := problem.Violate(code, field)
		v.Position.File = path
		vs = append(vs, v)
	}
	s := &SignIn{Origin: strings.TrimSuffix(f.Origin, "/")}
	if !secureOrigin(s.Origin) || strings.Count(s.Origin, "/") != 2 {
		fail("sign-in-origin", "origin")
	}
	if p := f.Provider; p != nil {
		c := p.Claims
		s.Provider = &account.Provider{
			Name: p.Name, Issuer: p.Issuer, ClientID: p.ClientID, Redirect: s.Origin + "/enter/callback", Scopes: p.Scopes, UserInfo: p.UserInfo, Citizens: p.Citizens,
			Claims: account.Claims{Name: c.Name, Email: c.Email, Person: c.Person, Agency: c.Agency, Roles: c.Roles, Areas: c.Areas,
				Agencies: c.Agencies, RoleOf: c.RoleOf, AreaOf: c.AreaOf, Assurance: c.Assurance},
		}
		if !secureOrigin(p.Issuer) {
			fail("sign-in-issuer", "provider.issuer")
		}
		s.Calls.Time = providerTime
		if strings.HasPrefix(p.Issuer, "http://") { // on this machine, as secureOrigin has it
			s.Calls.Plain = true
			p.Inner = append(p.Inner, "127.0.0.0/8", "::1/128")
		}
		for _, text := range p.Inner {
			inner, err := netip.ParsePrefix(text)
			if err != nil {
				fail("sign-in-inner", "provider.inner")
			}
			s.Calls.Allowed = append(s.Calls.Allowed, inner)
		}
		if p.ClientID == "" {
			fail("sign-in-client", "provider.clientId")
		}
		for level := range c.Assurance {
			if n := c.Assurance[level]; n < 0 || n > 3 {
				fail("sign-in-assurance", "provider.claims.assurance")
			}
		}
		switch {
		case p.ClientSecretFile != "" && p.ClientSecretEnv != "":
			fail("sign-in-secret-twice", "provider.clientSecretFile")
		case p.ClientSecretFile != "":
			b, err := os.ReadFile(p.ClientSecretFile)
			if err != nil {
				return nil, problem.Wrap(err, problem.Invalid, "file-unreadable", "file", p.ClientSecretFile)
			}
			s.Provider.ClientSecret = strings.TrimSpace(string(b))
		case p.ClientSecretEnv != "":
			if s.Provider.ClientSecret = getenv(p.ClientSecretEnv); s.Provider.ClientSecret == "" {
				fail("sign-in-secret-empty", "provider.clientSecretEnv")
			}
		}
	}
	return s, problem.InvalidWith("sign-in-invalid", vs)
}

// secureOrigin tells that an address is https, or http on this machine.
func secureOrigin(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return false
	}
	local := u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1"
	return u.Scheme == "https" || u.Scheme == "http" && local
}

// Localhost is how people come in at a server of this machine that listens on the
// loopback: by passwords, tokens and passkeys, which browsers bind to the name
// localhost. It is nil for any other address.
func Localhost(listen string) *SignIn {
	host, port, err := net.SplitHostPort(listen)
	ip, _ := netip.ParseAddr(host)
	if err != nil || port == "0" || host != "localhost" && !ip.IsLoopback() {
		return nil
	}
	return &SignIn{Origin: "http://localhost:" + port}
}

package app

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority signs certificates for a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	dir  string
	next int64
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir(), next: 1}
	a.cert, a.key = a.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	a.write("ca.pem", "CERTIFICATE", a.cert.Raw)
	return a
}

func (a *authority) sign(c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	a.next++
	c.SerialNumber = big.NewInt(a.next)
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

func (a *authority) write(name, kind string, der []byte) string {
	a.t.Helper()
	file := filepath.Join(a.dir, name)
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return file
}

// server writes a new certificate of this machine.
func (a *authority) server(name string) TLS {
	a.t.Helper()
	cert, key := a.sign(&x509.Certificate{Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return TLS{Cert: a.write("server.pem", "CERTIFICATE", cert.Raw), Key: a.write("server.key", "PRIVATE KEY", der)}
}

// client speaks to servers that the authority signed for.
func (a *authority) client(change func(*tls.Config)) *http.Client {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	config := &tls.Config{RootCAs: pool}
	if change != nil {
		change(config)
	}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true, DisableKeepAlives: true}
	a.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// TestListenOpen refuses an address that others can reach in the clear.
func TestListenOpen(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:0": "", "[::1]:0": "", "localhost:0": "",
		"0.0.0.0:0": "listen-open", ":0": "listen-open", "[::]:0": "listen-open",
	} {
		l, err := listen(ServeOptions{Listen: address})
		if code(err) != want && !(address == "[::1]:0" && code(err) == "listen-address") { // a machine without IPv6
			t.Errorf("%s: %v, want %q", address, err, want)
		}
		if err == nil {
			l.Close()
		}
	}
	proxies, err := ParseProxies([]string{"10.0.0.5", "fd00::/64"})
	if err != nil {
		t.Fatal(err)
	}
	l, err := listen(ServeOptions{Listen: "0.0.0.0:0", Proxies: proxies})
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := listen(ServeOptions{Listen: "127.0.0.1:0", TLS: TLS{Cert: "a.pem"}}); code(err) != "tls-pair" {
		t.Errorf("half a pair: %v", err)
	}
	if _, err := ParseProxies([]string{"10.0.0.0/8", "0.0.0.0/0", "nowhere", "::/0"}); code(err) != "proxies-invalid" || !strings.Contains(err.Error(), "3 ") {
		t.Errorf("proxies that are none, or all: %v", err)
	}
}

// TestServeTLS speaks HTTP/2 over TLS 1.2 and 1.3 and nothing older, tells
// browsers to stay with it, and checks the certificate that a machine shows.
func TestServeTLS(t *testing.T) {
	a := newAuthority(t)
	files := a.server("first")
	files.ClientCA = filepath.Join(a.dir, "ca.pem")
	address, stop := serving(t, town(t), ServeOptions{TLS: files})
	address = strings.Replace(address, "http:", "https:", 1)
	res, err := a.client(nil).Get(address + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.ProtoMajor != 2 || res.TLS.Version < tls.VersionTLS13 || !strings.HasPrefix(res.Header.Get("Strict-Transport-Security"), "max-age=") {
		t.Errorf("%s, TLS %x, %v", res.Proto, res.TLS.Version, res.Header)
	}
	if _, err := a.client(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }).Get(address); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	show := func(by *authority) error {
		cert, key := by.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "machine"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		res, err := a.client(func(c *tls.Config) {
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				return &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}, nil
			}
		}).Get(address + "/healthz")
		if err == nil {
			res.Body.Close()
		}
		return err
	}
	if err := show(a); err != nil {
		t.Errorf("a machine of our authority: %v", err)
	}
	if err := show(newAuthority(t)); err == nil {
		t.Error("a machine of another authority is served")
	}
	if res, err := http.Get(strings.Replace(address, "https:", "http:", 1) + "/healthz"); err == nil {
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			t.Error("plain HTTP is answered")
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestCertificateReload takes a new certificate without a new start and keeps
// the old one while the files make no sense.
func TestCertificateReload(t *testing.T) {
	a := newAuthority(t)
	files := a.server("first")
	now := time.Now()
	var told bytes.Buffer
	c, err := newCertificates(files, func() time.Time { return now }, slog.New(slog.NewTextHandler(&told, nil)))
	if err != nil {
		t.Fatal(err)
	}
	name := func() string {
		t.Helper()
		leaf, err := x509.ParseCertificate(c.current().Certificates[0].Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return leaf.Subject.CommonName
	}
	a.server("the second")
	if got := name(); got != "first" {
		t.Errorf("within the same moments: %s", got)
	}
	now = now.Add(recheck)
	if got := name(); got != "the second" {
		t.Errorf("after the change: %s", got)
	}
	if err := os.WriteFile(files.Key, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	now = now.Add(recheck)
	if got := name(); got != "the second" || !strings.Contains(told.String(), "kept as it was") {
		t.Errorf("with half a key: %s, %s", got, told.String())
	}
	a.server("the third")
	now = now.Add(recheck)
	if got := name(); got != "the third" {
		t.Errorf("after the repair: %s", got)
	}
	if _, err := newCertificates(TLS{Cert: files.Cert, Key: files.Cert}, time.Now, quiet()); code(err) != "tls-files" {
		t.Errorf("a key that is none: %v", err)
	}
	if _, err := newCertificates(TLS{Cert: files.Cert, Key: files.Key, ClientCA: files.Key}, time.Now, quiet()); code(err) != "tls-files" {
		t.Errorf("an authority that is none: %v", err)
	}
}

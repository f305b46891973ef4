package app

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"huong.city/huong/internal/core/problem"
)

// TLS names the files of a server's certificate. The zero value is plain HTTP.
type TLS struct {
	Cert, Key string // PEM; the chain, and its key
	ClientCA  string // PEM; who signs the certificates of machines; none are asked for when empty
}

// On tells that the server encrypts by itself.
func (t TLS) On() bool { return t.Cert != "" || t.Key != "" || t.ClientCA != "" }

// listen opens the address of o. Whatever can be reached from another machine
// must be encrypted: by a certificate of its own, or by a proxy that is named.
func listen(o ServeOptions) (net.Listener, error) {
	if o.TLS.On() && (o.TLS.Cert == "" || o.TLS.Key == "") {
		return nil, problem.New(problem.Invalid, "tls-pair")
	}
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, problem.Wrap(err, problem.Unavailable, "listen-address", "address", o.Listen)
	}
	at, ok := listener.Addr().(*net.TCPAddr)
	if !o.TLS.On() && len(o.Proxies) == 0 && !(ok && at.IP.IsLoopback()) {
		listener.Close()
		return nil, problem.New(problem.Invalid, "listen-open", "address", o.Listen)
	}
	return listener, nil
}

// ParseProxies reads the addresses and ranges (CIDR) of proxies, all faults at
// once. A range that is everybody is refused: it would trust them all.
func ParseProxies(list []string) ([]netip.Prefix, error) {
	var proxies []netip.Prefix
	var faults []problem.Violation
	for _, text := range list {
		p, err := netip.ParsePrefix(text)
		if a, e := netip.ParseAddr(text); err != nil && e == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil || p.Bits() == 0 || p.Addr().Is4In6() {
			faults = append(faults, problem.Violate("proxy-range", "behind-proxy", "found", text))
			continue
		}
		proxies = append(proxies, p.Masked())
	}
	return proxies, problem.InvalidWith("proxies-invalid", faults, "count", len(faults))
}

// recheck is how often the files of a certificate are looked at, at most.
const recheck = 10 * time.Second

// certificates keeps the server's certificate as its files have it. It reads
// them when a connection begins and they have changed; files that cannot be used
// (half written, expired by then removed) leave the certificate as it was.
type certificates struct {
	files TLS
	now   func() time.Time
	log   *slog.Logger

	mu      sync.Mutex
	config  *tls.Config
	stamps  []stamp
	checked time.Time
}

type stamp struct {
	size     int64
	modified time.Time
}

// newCertificates reads the files for the first time; their faults end the start.
func newCertificates(files TLS, now func() time.Time, log *slog.Logger) (*certificates, error) {
	c := &certificates{files: files, now: now, log: log, checked: now()}
	var err error
	if c.stamps, err = c.stamp(); err != nil {
		return nil, problem.Wrap(err, problem.Invalid, "tls-files", "why", err)
	}
	if c.config, err = c.load(); err != nil {
		return nil, problem.Wrap(err, problem.Invalid, "tls-files", "why", err)
	}
	return c, nil
}

// serverConfig asks for the current configuration at each connection.
func (c *certificates) serverConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: protocols(),
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.current(), nil },
	}
}

func protocols() []string { return []string{"h2", "http/1.1"} }

func (c *certificates) current() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if now.Sub(c.checked) < recheck {
		return c.config
	}
	c.checked = now
	stamps, err := c.stamp()
	if err == nil && slices.Equal(stamps, c.stamps) {
		return c.config
	}
	var config *tls.Config
	if err == nil {
		config, err = c.load()
	}
	if err != nil {
		c.log.Warn("the certificate is kept as it was: its files cannot be used", "err", err)
		return c.config
	}
	c.config, c.stamps = config, stamps
	c.log.Info("the certificate was read anew")
	return c.config
}

func (c *certificates) stamp() ([]stamp, error) {
	var stamps []stamp
	for _, file := range []string{c.files.Cert, c.files.Key, c.files.ClientCA} {
		if file == "" {
			continue
		}
		info, err := os.Stat(file)
		if err != nil {
			return nil, err
		}
		stamps = append(stamps, stamp{info.Size(), info.ModTime()})
	}
	return stamps, nil
}

// load reads the files. The suites and curves are those of crypto/tls, which
// leaves out what is broken; below TLS 1.2 nothing is spoken (RFC 8996).
func (c *certificates) load() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: protocols(), Certificates: []tls.Certificate{pair}, Time: c.now}
	if c.files.ClientCA == "" {
		return config, nil
	}
	text, err := os.ReadFile(c.files.ClientCA)
	if err != nil {
		return nil, err
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(text) {
		return nil, &fs.PathError{Op: "read certificates of", Path: c.files.ClientCA, Err: errors.New("there are none")}
	}
	// People come without one; a certificate that is shown must be good.
	config.ClientAuth = tls.VerifyClientCertIfGiven
	return config, nil
}

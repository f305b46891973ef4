package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/app"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// serveCommand serves the pages and the API until it is told to stop.
type serveCommand struct {
	where
	Listen      string   `help:"Address to listen on; beyond the loopback only with a certificate or behind a proxy." default:"127.0.0.1:8080" placeholder:"HOST:PORT" env:"HUONG_LISTEN"`
	TLSCert     string   `name:"tls-cert" help:"Certificate chain of the server (PEM); read anew when the file changes." placeholder:"FILE" env:"HUONG_TLS_CERT"`
	TLSKey      string   `name:"tls-key" help:"Key of the certificate (PEM)." placeholder:"FILE" env:"HUONG_TLS_KEY"`
	TLSClientCA string   `name:"tls-client-ca" help:"Certificates (PEM) of who signs those of machines that sign in by one." placeholder:"FILE" env:"HUONG_TLS_CLIENT_CA"`
	SignIn      string   `name:"sign-in" help:"How people sign in: the city's own address and its identity provider (YAML)." placeholder:"FILE" env:"HUONG_SIGN_IN"`
	Basemap     string   `name:"basemap" help:"Streets under the maps (PMTiles); basemap.pmtiles in the folder of the data when not given." placeholder:"FILE" env:"HUONG_BASEMAP"`
	Notify      string   `name:"notify" help:"How notifications leave the city: mail server, own address, inner addresses of webhooks (YAML)." placeholder:"FILE" env:"HUONG_NOTIFY"`
	BehindProxy []string `name:"behind-proxy" help:"Addresses or ranges of the proxies that encrypt before the server; their X-Forwarded-For and -Proto are believed." placeholder:"CIDR" sep:"," env:"HUONG_BEHIND_PROXY"`
}

// Run implements the command.
func (c *serveCommand) Run(s *session) error {
	proxies, err := app.ParseProxies(c.BehindProxy)
	if err != nil {
		return err
	}
	var signIn *app.SignIn
	if c.SignIn != "" {
		if signIn, err = app.LoadSignIn(c.SignIn, os.Getenv); err != nil {
			return err
		}
	}
	basemap, err := app.Basemap(c.Basemap, c.Data)
	if err != nil {
		return err
	}
	var notices *app.Notify
	if c.Notify != "" {
		if notices, err = app.LoadNotify(c.Notify, os.Getenv); err != nil {
			return err
		}
	}
	r, err := s.openOrMake(c.where)
	if err != nil {
		return err
	}
	o := app.ServeOptions{
		Listen: c.Listen, TLS: app.TLS{Cert: c.TLSCert, Key: c.TLSKey, ClientCA: c.TLSClientCA}, Proxies: proxies,
		Log: s.log, Version: version(), Basemap: basemap, Notify: notices,
	}
	scheme := "http"
	if o.TLS.On() {
		scheme = "https"
	}
	first := ""
	if o.Accounts, err = app.Accounts(r, s.log, signIn); err == nil {
		first, err = o.Accounts.FirstLink(s.ctx)
	}
	if err != nil {
		r.Close(context.WithoutCancel(s.ctx))
		return err
	}
	return app.Serve(s.ctx, r, o, func(address string) {
		fmt.Fprintf(s.out, "ready %s://%s\n", scheme, address)
		if first != "" {
			fmt.Fprintf(s.out, "\nThis city has no administrator. Make the first one within an hour, once, at\n\n    %s://%s/enter/link/%s\n\n", scheme, address, first)
		}
	})
}

// verifyCommand checks the log against tables and history.
type verifyCommand struct{ where }

// Run implements the command.
func (c *verifyCommand) Run(s *session) error {
	r, err := s.open(c.where)
	if err != nil {
		return err
	}
	defer r.Close(s.ctx)
	bar := s.progress("verify")
	report, err := r.Verify(s.ctx, repo.Operator(), bar.set, func(f store.Fault) error {
		_, err := fmt.Fprintf(s.out, "fault in %s: %s%s\n", f.Where, faultPlace(f), f.What)
		return err
	})
	bar.end()
	if err != nil {
		return err
	}
	if r.OtherSecret() {
		fmt.Fprintln(s.out, problem.Text(s.lang, "secret-other", nil))
	}
	fmt.Fprintf(s.out, "commits=%d changes=%d records=%d versions=%d faults=%d\n",
		report.Entries, report.Changes, report.Rows, report.Versions, report.Faults)
	if report.Faults > 0 {
		return problem.New(problem.Conflict, "verify-failed", "count", report.Faults)
	}
	return nil
}

// faultPlace is what is known of a fault's place.
func faultPlace(f store.Fault) string {
	var b strings.Builder
	if f.Dataset != "" {
		fmt.Fprintf(&b, "dataset %s, ", f.Dataset)
	}
	if f.Key != "" {
		fmt.Fprintf(&b, "key %s, ", f.Key)
	}
	if f.Seq != 0 {
		fmt.Fprintf(&b, "seq %d, ", f.Seq)
	}
	if b.Len() == 0 {
		return ""
	}
	return strings.TrimSuffix(b.String(), ", ") + ": "
}

// backupCommand writes a consistent copy.
type backupCommand struct {
	where
	File string `arg:"" help:"File to write."`
}

// Run implements the command.
func (c *backupCommand) Run(s *session) error {
	r, err := s.open(c.where)
	if err != nil {
		return err
	}
	defer r.Close(s.ctx)
	f, err := os.OpenFile(c.File, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return problem.Wrap(err, problem.Conflict, "file-exists", "file", c.File)
	}
	if err != nil {
		return problem.Wrap(err, problem.Invalid, "file-unwritable", "file", c.File)
	}
	bar := s.progress("backup")
	err = r.Backup(s.ctx, repo.Operator(), f, bar.set)
	bar.end()
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		os.Remove(c.File) // half a backup is worse than none
		return err
	}
	fmt.Fprintf(s.out, "backup %s\n", c.File)
	return nil
}

// restoreCommand makes a new city from a backup.
type restoreCommand struct {
	where
	File string `arg:"" help:"Backup to read." type:"existingfile"`
}

// Run implements the command.
func (c *restoreCommand) Run(s *session) error {
	f, err := readable(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := c.app().Restore(s.ctx, f); err != nil {
		return err
	}
	fmt.Fprintln(s.out, "restored; cursors given out before are refused from now on")
	return nil
}

// rebuildCommand makes a follower start anew.
type rebuildCommand struct {
	where
	Follower string `arg:"" help:"Name of the follower, as the status page shows it."`
}

// Run implements the command.
func (c *rebuildCommand) Run(s *session) error {
	r, err := s.open(c.where)
	if err != nil {
		return err
	}
	defer r.Close(s.ctx)
	return r.ForgetFollower(s.ctx, repo.Operator(), c.Follower)
}

// versionCommand prints the version.
type versionCommand struct{}

// Run implements the command.
func (versionCommand) Run(s *session) error {
	_, err := fmt.Fprintln(s.out, version())
	return err
}

// version is the commit that the binary was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v, revision, changed := info.Main.Version, "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			revision = s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "+"
		}
	}
	if revision != "" {
		return revision + changed
	}
	return v
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func keyText(e *repo.Entry, row []value.Value) string { return keyOf(e.Table, row) }

func keyOf(t *dataset.Table, row []value.Value) string { return record.FormatKey(t, t.KeyOf(nil, row)) }

// bar is a progress line on the terminal: share, rate, time left. It is
// rewritten in place and silent where there is no terminal.
type bar struct {
	s       *session
	what    string
	started time.Time
	shown   time.Time
	live    bool
}

func (s *session) progress(what string) *bar {
	b := &bar{s: s, what: what, started: time.Now()}
	if f, ok := s.err.(*os.File); ok {
		info, err := f.Stat()
		b.live = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return b
}

func (b *bar) set(done, total int64) { b.show(done, total, "") }

func (b *bar) show(done, total int64, note string) {
	now := time.Now()
	if !b.live || now.Sub(b.shown) < 200*time.Millisecond {
		return
	}
	b.shown = now
	elapsed := now.Sub(b.started)
	line := fmt.Sprintf("%s %s", b.what, note)
	if total > 0 && done > 0 {
		left := time.Duration(float64(elapsed) * (float64(total)/float64(done) - 1))
		line = fmt.Sprintf("%s %3d %% %s, %s left", b.what, done*100/total, note, left.Round(time.Second))
	}
	fmt.Fprintf(b.s.err, "\r\x1b[K%s", line)
}

func (b *bar) end() {
	if b.live {
		fmt.Fprint(b.s.err, "\r\x1b[K")
	}
}

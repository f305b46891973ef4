// Package pgtest starts one throw-away PostgreSQL cluster for a test binary and
// hands out fresh databases in it. It knows how to find and run the server and
// nothing of Huong's schema. Tests only.
package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Settings of a cluster. The zero Settings suit tests of behaviour.
type Settings struct {
	Durable bool     // fsync as in production; for measurements and crash tests
	Options []string // further "name=value" server settings
}

// Cluster is a PostgreSQL server of its own, reached by a unix socket. It starts
// when the first database is asked for.
type Cluster struct {
	settings Settings
	once     sync.Once
	mu       sync.Mutex
	made     int
	schemas  int   // handed out of the shared database
	err      error // why there is no server
	dir      string
	server   *exec.Cmd
	log      *os.File
}

// New returns a cluster that is not started yet. Stop must be called at the end
// of TestMain, before os.Exit.
func New(s Settings) *Cluster { return &Cluster{settings: s} }

// errAbsent tells that no PostgreSQL is installed.
var errAbsent = errors.New("PostgreSQL with PostGIS is not installed")

// Database makes a fresh database with PostGIS and returns its connection URL;
// it is dropped when the test ends. Without a server the test is skipped, or
// fails when HUONG_REQUIRE_POSTGRES=1.
func (c *Cluster) Database(t testing.TB) string {
	t.Helper()
	return c.make(t, "TEMPLATE template_postgis")
}

// Schemas returns the connection URL of schemas of their own in one database that
// all its callers share, which costs far less than a database each. What they hold
// is kept until Stop; Rows tells that of all of them.
func (c *Cluster) Schemas(t testing.TB) string {
	t.Helper()
	c.ready(t)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.schemas == 0 {
		if err := c.exec("postgres", "CREATE DATABASE shared TEMPLATE template_postgis"); err != nil {
			t.Fatalf("creating a database: %v", err)
		}
	}
	c.schemas++
	return fmt.Sprintf("%s&search_path=s%d", c.URL("shared"), c.schemas)
}

// Empty makes a fresh database without any extension; options follow CREATE
// DATABASE, for instance "ENCODING 'LATIN1' LOCALE 'C'".
func (c *Cluster) Empty(t testing.TB, options string) string {
	t.Helper()
	return c.make(t, "TEMPLATE template0 "+options)
}

// ready starts the server, or skips or fails the test.
func (c *Cluster) ready(t testing.TB) {
	t.Helper()
	c.once.Do(func() { c.err = c.start() })
	if c.err != nil {
		if os.Getenv("HUONG_REQUIRE_POSTGRES") == "1" {
			t.Fatalf("PostgreSQL is required and does not run: %v", c.err)
		}
		if errors.Is(c.err, errAbsent) {
			t.Skipf("SKIPPED, NOT PASSED: %v; install it, or see HUONG_REQUIRE_POSTGRES", c.err)
		}
		t.Fatalf("PostgreSQL does not start: %v", c.err)
	}
}

func (c *Cluster) make(t testing.TB, options string) string {
	t.Helper()
	c.ready(t)
	// CREATE DATABASE copies a template that nobody may use meanwhile.
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made++
	name := fmt.Sprintf("t%d", c.made)
	if err := c.exec("postgres", "CREATE DATABASE "+name+" "+options); err != nil {
		t.Fatalf("creating a database: %v", err)
	}
	t.Cleanup(func() {
		if err := c.exec("postgres", "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Logf("dropping %s: %v", name, err)
		}
	})
	return c.URL(name)
}

// URL returns the connection URL of a database of the cluster.
func (c *Cluster) URL(name string) string {
	return "postgres:///" + name + "?user=postgres&host=" + c.dir
}

// Rows returns every row of every table of a database as PostgreSQL writes it
// in text; bytes are in hex.
func (c *Cluster) Rows(t testing.TB, url string) []byte {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace s ON s.oid=c.relnamespace "+
		"WHERE c.relkind='r' AND s.nspname NOT IN ('pg_catalog','information_schema','public')")
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	for _, table := range tables {
		if _, err := conn.PgConn().CopyTo(ctx, &all, "COPY (SELECT t::text FROM "+table+" t) TO STDOUT"); err != nil {
			t.Fatal(table, err)
		}
	}
	return all.Bytes()
}

// Crash ends the server and its sessions at once, without a checkpoint, and
// starts it again: it recovers from its log of writes.
func (c *Cluster) Crash() error {
	if err := c.server.Process.Signal(syscall.SIGQUIT); err != nil {
		return err
	}
	_ = c.server.Wait() // its exit code says nothing
	return c.run()
}

// Stop ends the server and removes its files.
func (c *Cluster) Stop() {
	if c.server != nil && c.server.Process != nil {
		if c.server.Process.Signal(syscall.SIGQUIT) == nil { // immediate shutdown
			_ = c.server.Wait() // the exit code of a server that was told to drop everything says nothing
		}
	}
	if c.log != nil {
		_ = c.log.Close()
	}
	if c.dir != "" {
		_ = os.RemoveAll(c.dir) // a temporary directory
	}
}

func (c *Cluster) exec(database, sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.URL(database))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	return errors.Join(err, conn.Close(ctx))
}

func (c *Cluster) start() error {
	bin, err := binaries()
	if err != nil {
		return err
	}
	credential, err := unprivileged()
	if err != nil {
		return err
	}
	// A unix socket's path is limited to some hundred bytes, so the directory is short.
	if c.dir, err = os.MkdirTemp("", "pg"); err != nil {
		return err
	}
	data := filepath.Join(c.dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	if credential != nil {
		for _, p := range []string{c.dir, data} {
			if err := os.Chown(p, int(credential.Uid), int(credential.Gid)); err != nil {
				return err
			}
		}
	}
	if c.log, err = os.Create(filepath.Join(c.dir, "log")); err != nil {
		return err
	}
	return c.fill(bin, data, credential)
}

// fill makes the cluster's files and starts its server: as a copy of what an
// earlier cluster of this machine left behind, for making them anew takes seconds
// in each of many test binaries.
func (c *Cluster) fill(bin, data string, credential *syscall.Credential) error {
	kept, unlock, err := keep(bin)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(kept); err == nil {
		if out, err := exec.Command("cp", "-a", kept+"/.", data).CombinedOutput(); err != nil {
			return fmt.Errorf("copying a cluster: %w\n%s", err, out)
		}
		return c.run()
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	initdb.Dir = c.dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if err := c.run(); err != nil {
		return err
	}
	if err := c.exec("postgres", "CREATE DATABASE template_postgis TEMPLATE template0"); err != nil {
		return err
	}
	if err := c.exec("template_postgis", "CREATE EXTENSION postgis"); err != nil {
		return err
	}
	if err := c.server.Process.Signal(syscall.SIGINT); err != nil { // writes everything down, then ends
		return err
	}
	if err := c.server.Wait(); err != nil {
		return err
	}
	scratch := kept + ".new"
	if err := os.RemoveAll(scratch); err != nil {
		return err
	}
	if out, err := exec.Command("cp", "-a", data, scratch).CombinedOutput(); err != nil {
		return fmt.Errorf("keeping a cluster: %w\n%s", err, out)
	}
	if err := os.Rename(scratch, kept); err != nil {
		return err
	}
	return c.run()
}

// keep is where the files of a cluster of this PostgreSQL are kept for the next
// test binaries; the caller has it alone until it calls unlock.
func keep(bin string) (folder string, unlock func(), err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", nil, err
	}
	out, err := exec.Command(filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return "", nil, err
	}
	cache = filepath.Join(cache, "huong-pgtest")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", nil, err
	}
	version := regexp.MustCompile(`[0-9.]+`).Find(out)
	lock, err := os.OpenFile(filepath.Join(cache, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", nil, errors.Join(err, lock.Close())
	}
	return filepath.Join(cache, string(version)), func() { lock.Close() }, nil
}

// run starts the server on the cluster's files and waits until it answers.
func (c *Cluster) run() error {
	bin, err := binaries()
	if err != nil {
		return err
	}
	credential, err := unprivileged()
	if err != nil {
		return err
	}
	args := []string{"-D", filepath.Join(c.dir, "data"), "-k", c.dir, "-c", "listen_addresses="}
	if !c.settings.Durable {
		args = append(args, "-c", "fsync=off", "-c", "full_page_writes=off")
	}
	for _, o := range append([]string{"shared_buffers=256MB", "max_connections=80", "max_wal_size=2GB"}, c.settings.Options...) {
		args = append(args, "-c", o)
	}
	started := make(chan error)
	go func() {
		// The kernel ends the server with the thread that started it, so that
		// thread is kept for as long as this process lives.
		runtime.LockOSThread()
		c.server = exec.Command(filepath.Join(bin, "postgres"), args...)
		c.server.Dir = c.dir
		c.server.Stdout, c.server.Stderr = c.log, c.log
		c.server.SysProcAttr = &syscall.SysProcAttr{Credential: credential, Pdeathsig: syscall.SIGQUIT, Setpgid: true}
		started <- c.server.Start()
		select {}
	}()
	if err := <-started; err != nil {
		return err
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := c.exec("postgres", "SELECT 1")
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(c.log.Name())
			return fmt.Errorf("the server does not answer: %w\n%s", err, text)
		}
		time.Sleep(20 * time.Millisecond) // no event tells that a server is ready
	}
}

// binaries finds the newest installed server.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		if p, err := exec.LookPath("initdb"); err == nil {
			return filepath.Dir(p), nil
		}
		return "", errAbsent
	}
	version := func(p string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(p)))) // a folder without a number is the oldest
		return n
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}

// unprivileged returns whom the server runs as: the system's own postgres user
// when this process is root, which PostgreSQL refuses, else nobody else.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("%w: no system user postgres to run it as", errAbsent)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

package app

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
)

// TestSecretMade makes one secret for a city, by whatever process comes first,
// which nobody else on the machine may read.
func TestSecretMade(t *testing.T) {
	w := Where{Data: filepath.Join(t.TempDir(), "city")}
	var all [8][]byte
	var group sync.WaitGroup
	for i := range all {
		group.Go(func() {
			var err error
			if all[i], err = w.secret(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, b := range all {
		if len(b) < leastSecret || !bytes.Equal(b, all[0]) {
			t.Fatalf("secrets of %d and %d bytes", len(b), len(all[0]))
		}
	}
	info, err := os.Stat(filepath.Join(w.Data, SecretFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v %v", info, err)
	}
	if files, _ := os.ReadDir(w.Data); len(files) != 1 {
		t.Errorf("drafts are left behind: %v", files)
	}
	other, err := Where{Data: t.TempDir()}.secret()
	if err != nil || bytes.Equal(other, all[0]) {
		t.Errorf("another city has the same secret, or none: %v", err)
	}
	if err := makeSecret(filepath.Join(t.TempDir(), SecretFile), iotest.ErrReader(os.ErrInvalid)); err == nil {
		t.Error("a secret without randomness")
	}
}

// TestSecretOfDatabase keeps the secret apart from the database, in a place that
// does not change with the password and does not tell it.
func TestSecretOfDatabase(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	place := func(address string) string {
		t.Helper()
		file, err := (Where{Database: address}).secretFile()
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	a := place("postgres://huong:first@db/city?sslmode=require")
	if b := place("postgres://huong:second@db/city?sslmode=require&password=third"); a != b {
		t.Error("the place changes with the password")
	}
	if b := place("postgres://huong:first@db/other?sslmode=require"); a == b {
		t.Error("two cities have one place")
	}
	if strings.Contains(a, "first") || !strings.HasPrefix(a, os.Getenv("XDG_CONFIG_HOME")) {
		t.Errorf("the place is %s", a)
	}
}

func TestSecretNamed(t *testing.T) {
	dir := folder(t, map[string]string{"good": strings.Repeat("k", 32) + "\n", "short": strings.Repeat("k", 31) + "\n"})
	w := Where{Data: t.TempDir(), Secret: filepath.Join(dir, "good")}
	if b, err := w.secret(); err != nil || string(b) != strings.Repeat("k", 32) {
		t.Errorf("%q %v", b, err)
	}
	for name, want := range map[string]string{"short": "secret-short", "absent": "file-unreadable"} {
		w.Secret = filepath.Join(dir, name)
		if _, err := w.secret(); code(err) != want {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := w.Open(t.Context(), quiet()); err == nil {
			t.Errorf("%s: the city opened", name)
		}
	}
	if files, _ := os.ReadDir(w.Data); len(files) > 1 { // the database alone
		for _, f := range files {
			if f.Name() == SecretFile {
				t.Error("a second secret beside the one that was named")
			}
		}
	}
}

// TestSecretOther says each time that the secret is not the first one, and works.
func TestSecretOther(t *testing.T) {
	w := Where{Data: t.TempDir(), Zone: "Asia/Ho_Chi_Minh"}
	open := func() (other bool, log string) {
		t.Helper()
		var told bytes.Buffer
		r, err := w.Open(t.Context(), slog.New(slog.NewTextHandler(&told, nil)))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close(t.Context())
		return r.OtherSecret(), told.String()
	}
	for range 2 {
		if other, log := open(); other || strings.Contains(log, "secret") {
			t.Fatalf("the first secret: %v %s", other, log)
		}
	}
	w.Secret = filepath.Join(folder(t, map[string]string{"s": strings.Repeat("x", 40)}), "s")
	for range 2 {
		if other, log := open(); !other || !strings.Contains(log, "secret is not the one") || strings.Contains(log, "xxx") {
			t.Fatalf("another secret: %v %s", other, log)
		}
	}
	w.Secret = ""
	if other, _ := open(); other {
		t.Error("the first secret is no longer known")
	}
}

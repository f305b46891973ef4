package app

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"huong.city/huong/internal/core/problem"
)

// leastSecret is how many bytes a secret must have: HMAC-SHA-256 keys shorter
// than the digest weaken it (RFC 2104 section 3).
const leastSecret = 32

// SecretFile is the name of the secret in the folder of a city that has one.
const SecretFile = "secret"

// secret reads the installation's secret: from the named file, which must be
// there; else from the city's own place, where one is made at the first start.
// White space at the ends is no part of it.
func (w Where) secret() ([]byte, error) {
	file := w.Secret
	if file == "" {
		var err error
		if file, err = w.secretFile(); err != nil {
			return nil, err
		}
		if err := makeSecret(file, rand.Reader); err != nil {
			return nil, problem.Wrap(err, problem.Invalid, "secret-unwritable", "file", file)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, problem.Wrap(err, problem.Invalid, "file-unreadable", "file", file)
	}
	if b = bytes.TrimSpace(b); len(b) < leastSecret {
		return nil, problem.New(problem.Invalid, "secret-short", "file", file, "least", leastSecret)
	}
	return b, nil
}

// secretFile is the city's own place for the secret: beside the data of a
// folder; for a database, which must not hold the key to what it holds, in the
// configuration of the user, by a digest of the address without its password.
func (w Where) secretFile() (string, error) {
	if w.Database == "" {
		return filepath.Join(w.Data, SecretFile), nil
	}
	folder, err := os.UserConfigDir()
	if err != nil {
		return "", problem.Wrap(err, problem.Invalid, "secret-nowhere")
	}
	u, err := url.Parse(w.Database)
	if err != nil {
		return "", problem.New(problem.Invalid, "database-address")
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	q := u.Query()
	q.Del("password")
	u.RawQuery = q.Encode()
	sum := sha256.Sum256([]byte(u.String()))
	return filepath.Join(folder, "huong", "secret-"+hex.EncodeToString(sum[:8])), nil
}

// makeSecret draws a secret where there is none. The file appears whole or not
// at all, and of several processes one makes it.
func makeSecret(file string, random io.Reader) error {
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	folder := filepath.Dir(file)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	var key [leastSecret]byte
	if _, err := io.ReadFull(random, key[:]); err != nil {
		return err
	}
	draft, err := os.CreateTemp(folder, SecretFile+"-*.tmp") // readable by its owner alone
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name())
	_, err = draft.WriteString(hex.EncodeToString(key[:]) + "\n")
	if err == nil {
		err = draft.Sync()
	}
	if e := draft.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Link(draft.Name(), file)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

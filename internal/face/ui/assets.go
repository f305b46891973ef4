package ui

import (
	"encoding/json"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/face/web"
)

// assets is the bundle held in memory: a few files that every page asks for.
type assets struct {
	hashed map[string]string // plain name → hashed name
	files  map[string][]byte // by hashed name, and with .gz
}

func loadAssets(files fs.FS) (*assets, error) {
	a := &assets{hashed: map[string]string{}, files: map[string][]byte{}}
	b, err := fs.ReadFile(files, "manifest.json")
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &a.hashed); err != nil {
		return nil, err
	}
	for _, name := range a.hashed {
		if a.files[name], err = fs.ReadFile(files, name); err != nil {
			return nil, err
		}
		if z, err := fs.ReadFile(files, name+".gz"); err == nil {
			a.files[name+".gz"] = z
		}
	}
	return a, nil
}

// url is the address of a file by its plain name; empty when it is not bundled.
func (a *assets) url(name string) string {
	if h := a.hashed[name]; h != "" {
		return "/assets/" + h
	}
	return ""
}

// asset serves one file for ever: its name changes with its content.
func (u *UI) asset(w http.ResponseWriter, r *web.Request) error {
	name := r.PathValue("file")
	b, ok := u.assets.files[name]
	if !ok || strings.HasSuffix(name, ".gz") {
		return problem.New(problem.NotFound, "not-found", "what", "file")
	}
	h := w.Header()
	h.Set("Content-Type", typeOf(name))
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("ETag", `"`+name+`"`)
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		if z, ok := u.assets.files[name+".gz"]; ok {
			h.Set("Content-Encoding", "gzip")
			b = z
		}
	}
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write(b)
	return err
}

func typeOf(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".woff2":
		return "font/woff2"
	}
	return mime.TypeByExtension(path.Ext(name))
}

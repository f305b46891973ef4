// Package tlog serves the public log in the form of C2SP tlog-tiles, so that
// whoever knows that form can follow the log and check its proofs. It holds
// times and salted digests only and is open to everybody.
package tlog

import (
	"net/http"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
)

// Routes lists the routes: the checkpoint, tiles of hashes and of entries, and
// the public key.
func Routes(r *repo.Repository) []web.Route {
	f := &face{r}
	return []web.Route{
		{Method: "GET", Pattern: "/log/checkpoint", Handler: f.checkpoint},
		{Method: "GET", Pattern: "/log/tile/{path...}", Handler: f.tile},
		{Method: "GET", Pattern: "/log/key", Handler: f.key},
	}
}

type face struct{ repo *repo.Repository }

// checkpoint answers the newest signed checkpoint. It must not be kept, or a
// reader would think that the log stands still.
func (f *face) checkpoint(w http.ResponseWriter, q *web.Request) error {
	signed, err := f.repo.Checkpoint(q.Context())
	if err != nil {
		return err
	}
	return plain(w, "no-store", signed)
}

// key answers the public key, in the text form of signed-note.
func (f *face) key(w http.ResponseWriter, _ *web.Request) error {
	return plain(w, "public, max-age=3600", []byte(f.repo.LogKey()+"\n"))
}

func plain(w http.ResponseWriter, keep string, body []byte) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", keep)
	_, err := w.Write(body)
	return err
}

// tile answers a tile. What a path names never changes: a partial tile is of
// one width and stays that.
func (f *face) tile(w http.ResponseWriter, q *web.Request) error {
	if q.URL.RawQuery != "" { // one address for one tile, or caches fill with copies
		return problem.New(problem.NotFound, "log-not-there")
	}
	data, whole, err := f.repo.Tile(q.Context(), q.PathValue("path"))
	if err != nil {
		return err
	}
	keep := "public, max-age=86400, immutable"
	if whole {
		keep = "public, max-age=31536000, immutable"
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", keep)
	_, err = w.Write(data)
	return err
}

// Package web carries the bundled browser side inside the binary. It knows
// nothing of pages. Without a build the folder is empty and pages are served
// without style and script.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files returns the bundle: hashed files, their .gz copies and manifest.json.
func Files() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil { // only for an invalid path, and this one is constant
		return dist
	}
	return sub
}

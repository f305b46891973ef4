package app

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"huong.city/huong/internal/core/problem"
)

// basemapName is the file of streets that a city may put beside its data.
const basemapName = "basemap.pmtiles"

// Basemap finds the file of streets that maps lie on: the one given, else
// basemap.pmtiles in the folder of the data, else none. A file that is no
// PMTiles archive of version 3 is an error.
func Basemap(given, data string) (string, error) {
	path := given
	if path == "" {
		if data == "" {
			return "", nil
		}
		path = filepath.Join(data, basemapName)
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && given == "" {
		return "", nil
	}
	if err != nil {
		return "", problem.Wrap(err, problem.Invalid, "basemap-invalid", "file", path)
	}
	defer f.Close()
	head := make([]byte, 8)
	if _, err := io.ReadFull(f, head); err != nil || !bytes.Equal(head, []byte("PMTiles\x03")) {
		return "", problem.New(problem.Invalid, "basemap-invalid", "file", path)
	}
	return path, nil
}

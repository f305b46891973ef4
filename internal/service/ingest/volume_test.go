package ingest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// whole tells that real files are read whole and hostile ones are of full size:
// always without the race detector, which makes it ten times as long, and with it
// where HUONG_FULL=1.
func whole() bool { return !racing || os.Getenv("HUONG_FULL") == "1" }

// slower is by how much generated files are shorter where they are not whole.
func slower() int64 {
	if whole() {
		return 1
	}
	return 8
}

// partLines is how much of a real file is read where it is not read whole.
const partLines = 3000

// realFile is a file of the real data; of a long table only the beginning under
// the race detector, which is said, and lines is how many records that has, -1 for
// the whole file.
func realFile(t testing.TB, path string) (f File, lines int64) {
	t.Helper()
	name := shared(t, path)
	// The records of the procedures have line breaks.
	if whole() || !strings.HasSuffix(path, ".csv.gz") || strings.HasPrefix(path, "procedures/") {
		return PathFile(name), -1
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	in := bufio.NewReader(z)
	for lines = -1; lines < partLines; lines++ {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return PathFile(name), -1 // it is short
		}
		b.Write(line)
	}
	t.Logf("PART ONLY: %d lines of %s under the race detector; HUONG_FULL=1 reads it whole", lines, path)
	return bytesFile(strings.TrimSuffix(filepath.Base(path), ".gz"), b.Bytes()), lines
}

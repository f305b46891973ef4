package arch

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is compiled is what the templates say: make generate writes down both
// sides, and whoever edits one of them alone is told here, without the generator
// having to be built.
func TestTemplatesWereGenerated(t *testing.T) {
	folder := filepath.Join(root, "internal", "face", "ui")
	f, err := os.Open(filepath.Join(folder, "templates.sum"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	known := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		sum, name, ok := strings.Cut(lines.Text(), "  ")
		if !ok {
			t.Fatalf("templates.sum: %q", lines.Text())
		}
		known[name] = sum
	}
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		if !strings.HasSuffix(name, ".templ") && !strings.HasSuffix(name, "_templ.go") {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b)
		if hex.EncodeToString(sum[:]) != known[name] {
			t.Errorf("%s is not as make generate left it", name)
		}
		delete(known, name)
	}
	for name := range known {
		t.Errorf("%s is gone; make generate", name)
	}
}

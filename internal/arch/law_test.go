// Package arch keeps the law of ARCHITECTURE.md: who may import whom.
package arch

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module = "huong.city/huong/internal/"
	root   = "../.."
)

// blocks of ARCHITECTURE.md by their info string.
func block(t *testing.T, kind string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```" + kind + "\n(.*?)```").FindSubmatch(text)
	if m == nil {
		t.Fatalf("ARCHITECTURE.md has no block %q", kind)
	}
	return strings.Split(strings.TrimSpace(string(m[1])), "\n")
}

// readLaw returns what each package may import, and the names the law knows.
func readLaw(t *testing.T) (allowed map[string][]string, named map[string]bool) {
	allowed, named = map[string][]string{}, map[string]bool{}
	for _, line := range block(t, "law") {
		groups := strings.Split(line, "<")
		var below []string
		for i, g := range groups {
			names := strings.Fields(g)
			for _, n := range names {
				named[n] = true
				if i > 0 {
					allowed[n] = append(allowed[n], below...)
				}
			}
			below = append(below, names...)
		}
	}
	return allowed, named
}

func matches(pattern, pkg string) bool {
	if folder, ok := strings.CutSuffix(pattern, "/*"); ok {
		return strings.HasPrefix(pkg, folder+"/")
	}
	return pattern == pkg
}

// eachFile walks the Go files below internal, without tests.
func eachFile(t *testing.T, tests bool, fn func(pkg, file string, imports []string)) {
	t.Helper()
	base := filepath.Join(root, "internal")
	err := filepath.WalkDir(base, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") != tests {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(base, filepath.Dir(path))
		var imports []string
		for _, spec := range f.Imports {
			s, _ := strconv.Unquote(spec.Path.Value)
			imports = append(imports, s)
		}
		fn(filepath.ToSlash(rel), path, imports)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// testOnly tells packages that serve tests: they may import anything, and only
// tests may import them.
func testOnly(pkg string) bool {
	last := pkg[strings.LastIndex(pkg, "/")+1:]
	return pkg == "arch" || strings.HasSuffix(last, "test") || strings.Contains(pkg, "test/")
}

func TestImportLaw(t *testing.T) {
	allowed, named := readLaw(t)
	seen := map[string]bool{}
	eachFile(t, false, func(pkg, file string, imports []string) {
		seen[pkg] = true
		if testOnly(pkg) {
			return
		}
		if !named[pkg] {
			t.Errorf("%s: package %s is not named in the law", file, pkg)
		}
		for _, imp := range imports {
			target, ours := strings.CutPrefix(imp, module)
			if !ours {
				continue
			}
			if testOnly(target) {
				t.Errorf("%s imports %s, which only tests may", file, target)
			} else if !slices.ContainsFunc(allowed[pkg], func(p string) bool { return matches(p, target) }) {
				t.Errorf("%s: %s may not import %s", file, pkg, target)
			}
		}
	})
	for name := range named {
		if !strings.HasSuffix(name, "/*") && !seen[name] {
			t.Errorf("the law names %s, which does not exist", name)
		}
	}
}

func TestHeavyLibrariesHaveOneHome(t *testing.T) {
	for _, line := range block(t, "home") {
		lib, homes, _ := strings.Cut(line, ":")
		used := false
		eachFile(t, false, func(pkg, file string, imports []string) {
			for _, imp := range imports {
				if imp != lib && !strings.HasPrefix(imp, lib+"/") {
					continue
				}
				used = true
				if !testOnly(pkg) && !slices.Contains(strings.Fields(homes), pkg) {
					t.Errorf("%s: %s belongs to %s", file, lib, homes)
				}
			}
		})
		if !used {
			t.Errorf("%s is named but not used", lib)
		}
	}
}

// Clocks, randomness and the environment are read in app, cli and cmd alone.
func TestNothingBelowReadsTheWorld(t *testing.T) {
	forbidden := regexp.MustCompile(`\b(time\.Now|time\.Since|os\.Getenv|os\.LookupEnv|os\.Exit|slog\.Default|log\.Print\w*|log\.Fatal\w*)\b`)
	eachFile(t, false, func(pkg, file string, _ []string) {
		if pkg == "app" || pkg == "cli" || testOnly(pkg) {
			return
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(b), "\n") {
			code, _, _ := strings.Cut(line, "//")
			if m := forbidden.FindString(code); m != "" {
				t.Errorf("%s:%d: %s below app", file, i+1, m)
			}
		}
	})
}

func TestFilesStaySmall(t *testing.T) {
	eachFile(t, false, func(_, file string, _ []string) {
		if strings.HasSuffix(file, "_templ.go") {
			return
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(b), "\n"); n > 600 {
			t.Errorf("%s has %d lines; 600 are enough", file, n)
		}
	})
}

package dataset

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"huong.city/huong/internal/core/problem"
)

var update = flag.Bool("update", false, "write golden files anew")

// TestWrong reads every wrong file and compares the whole list of faults, in
// both languages, with the golden list beside it.
func TestWrong(t *testing.T) {
	read := map[string]func(string, []byte) error{
		"wrong":         func(f string, b []byte) error { _, err := Parse(f, b); return err },
		"wrong-mapping": func(f string, b []byte) error { _, err := ParseMapping(f, b); return err },
	}
	for dir, parse := range read {
		files, err := filepath.Glob("testdata/" + dir + "/*.yaml")
		if err != nil || len(files) == 0 {
			t.Fatal("no files", err)
		}
		for _, file := range files {
			t.Run(filepath.Base(file), func(t *testing.T) {
				b, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				err = parse(filepath.Base(file), b)
				if problem.KindOf(err) != problem.Invalid {
					t.Fatalf("want an Invalid error, got %v", err)
				}
				var got bytes.Buffer
				for _, v := range problem.As(err).Violations {
					for _, lang := range []string{"en", "vi"} {
						text := v.In(lang)
						if strings.Contains(text, v.Code) && v.Args != nil {
							t.Errorf("code %s has no words", v.Code)
						}
						got.WriteString(text + "\n")
					}
				}
				golden := strings.TrimSuffix(file, ".yaml") + ".txt"
				if *update {
					if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(want, got.Bytes()) {
					t.Errorf("faults differ from %s:\n%s", golden, got.String())
				}
			})
		}
	}
}

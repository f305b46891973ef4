package dataset

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"huong.city/huong/internal/core/declare"
	"huong.city/huong/internal/core/problem"
)

// TestHostileDeclarations feeds files that are meant to take all memory. What
// was allocated in all bounds what was held at once.
func TestHostileDeclarations(t *testing.T) {
	if racing {
		t.Skip("one goroutine, and much memory: scripts/test runs it without the race detector")
	}
	laughs := []byte("a0: &a0 [ha, ha]\n")
	for i := 1; i <= 40; i++ {
		laughs = fmt.Appendf(laughs, "a%d: &a%d [*a%d, *a%d]\n", i, i, i-1, i-1)
	}
	merged := []byte("a0: &a0 {k: ha}\n")
	for i := 1; i <= 40; i++ {
		merged = fmt.Appendf(merged, "a%d: &a%d {<<: [*a%d, *a%d]}\n", i, i, i-1, i-1)
	}
	for name, b := range map[string][]byte{
		"billion laughs":      laughs,
		"merged laughs":       merged,
		"100 MB":              bytes.Repeat([]byte("name: x\n"), 13<<20),
		"100 MB of depth":     bytes.Repeat([]byte("{a: "), 25<<20),
		"a full file of [":    bytes.Repeat([]byte("["), declare.MaxBytes),
		"a full file of {a: ": bytes.Repeat([]byte("{a: "), declare.MaxBytes/4),
		"a full file of -":    bytes.Repeat([]byte("- "), declare.MaxBytes/2),
		"a full scalar":       append([]byte("name: "), bytes.Repeat([]byte("x"), declare.MaxBytes-6)...),
		"a full quoted one":   append([]byte("name: \""), bytes.Repeat([]byte(`\u1EBF`), (declare.MaxBytes-7)/6)...),
		"a full file of keys": bytes.Repeat([]byte("a: 1\n"), declare.MaxBytes/5),
		"a full list":         append([]byte("name: ["), bytes.Repeat([]byte("1,"), (declare.MaxBytes-7)/2)...),
	} {
		t.Run(name, func(t *testing.T) {
			for _, read := range []func([]byte) error{
				func(b []byte) error { _, err := Parse("x.yaml", b); return err },
				func(b []byte) error { _, err := ParseMapping("x.yaml", b); return err },
				func(b []byte) error { _, err := FromJSON(b); return err },
			} {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				err := read(b)
				runtime.ReadMemStats(&after)
				if problem.KindOf(err) != problem.Invalid {
					t.Errorf("%v", err)
				}
				if n := after.TotalAlloc - before.TotalAlloc; n > 1<<30 {
					t.Errorf("%d MiB were allocated for %d bytes", n>>20, len(b))
				} else {
					t.Logf("%d MiB were allocated for %d bytes: %s", n>>20, len(b), problem.As(err).Code)
				}
			}
		})
	}
}

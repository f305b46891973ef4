package indicator_test

import (
	"flag"
	"os"
	"strconv"
	"testing"
)

// slower is how many times fewer records are counted under the race detector,
// unless HUONG_FULL=1.
func slower() int {
	if !racing || os.Getenv("HUONG_FULL") == "1" {
		return 1
	}
	return 12
}

// cases bounds how many random stories a check tells, each of which opens a city
// of its own: few, and fewer under the race detector; HUONG_CASES says how many
// instead. What the command line says of rapid goes before.
func cases(t testing.TB, few, raced int) {
	t.Helper()
	f := flag.Lookup("rapid.checks")
	before, n := f.Value.String(), few
	if before != f.DefValue {
		return
	}
	if racing {
		n = raced
	}
	if asked, err := strconv.Atoi(os.Getenv("HUONG_CASES")); err == nil && asked > 0 {
		n = asked
	}
	if err := f.Value.Set(strconv.Itoa(n)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Value.Set(before); err != nil {
			t.Error(err)
		}
	})
}

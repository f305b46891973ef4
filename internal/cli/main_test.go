package cli

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"huong.city/huong/internal/canarytest"
)

// watch looks for the patients of TestKillWhileReading in what commands print and
// servers log.
var watch = canarytest.New(map[string]string{"name": patientName})

type watched struct{ *testing.M }

// Run implements testscript.TestingM.
func (w watched) Run() int { return watch.End(w.M.Run(), "output", "log", "answer") }

// TestMain makes the test binary the program itself when a script or a test
// starts it as "huong".
func TestMain(m *testing.M) {
	if os.Getenv("HUONG_AS_PROGRAM") == "1" {
		os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	testscript.Main(watched{m}, map[string]func(){
		"huong": func() { os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

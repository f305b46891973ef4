package cli

import (
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"huong.city/huong/internal/store/postgres/pgtest"
)

// TestScripts runs testdata/script: each file is a story of the command line,
// told by the program itself in processes of its own.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, scripts("testdata/script", "--data", "data"))
}

// TestAcceptanceSQLite and TestAcceptancePostgres run testdata/acceptance on
// both stores, in the words that users are given: $WHERE and $PLACE are
// --data DIR or --database URL.
func TestAcceptanceSQLite(t *testing.T) {
	t.Parallel()
	testscript.Run(t, scripts("testdata/acceptance", "--data", "data"))
}

func TestAcceptancePostgres(t *testing.T) {
	t.Parallel()
	cluster := pgtest.New(pgtest.Settings{})
	t.Cleanup(cluster.Stop)
	testscript.Run(t, scripts("testdata/acceptance", "--database", cluster.Database(t)))
}

func scripts(dir, where, place string) testscript.Params {
	return testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			root, err := filepath.Abs("../..")
			e.Setenv("EXAMPLES", filepath.Join(root, "examples"))
			e.Setenv("CITY", filepath.Join(root, "city", "hue"))
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, "config")) // where a database's secret is kept
			e.Setenv("WHERE", where)
			e.Setenv("PLACE", place)
			e.Setenv("GORACE", "atexit_sleep_ms=0") // else each command of a race build ends with a second's sleep
			e.Values[processesKey{}] = processes{}
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start": startCommand, "sees": seesCommand, "finish": finishCommand,
			"http": httpCommand, "lastline": lastLineCommand, "keep": keepCommand,
			"encode": encodeCommand, "spoil": spoilCommand,
		},
	}
}

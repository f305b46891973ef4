// Package cli is Huong's command line: thin commands over app and the
// repository. Main can be run in a test like the program itself.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"huong.city/huong/internal/app"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailed  = 1 // the command could not do what was asked
	exitUsage   = 2 // the command line is wrong
	exitRefused = 3 // done as far as possible; some input was refused (see the output)
)

// where is shared by all commands that open a city.
type where struct {
	Data     string `help:"Folder of the data (SQLite)." placeholder:"DIR" env:"HUONG_DATA"`
	Database string `help:"PostgreSQL with PostGIS instead of a folder." placeholder:"URL" env:"HUONG_DATABASE"`
	Zone     string `help:"The city's time zone." default:"Asia/Ho_Chi_Minh" env:"HUONG_ZONE"`
	Release  int64  `name:"release-above" help:"How many personal records of a dataset an account may read in bulk within 24 hours before a second person of the owner must approve." default:"1000" env:"HUONG_RELEASE_ABOVE"`
	Secret   string `help:"File with the installation's secret; made at the first start in the folder of the data, or for a database in the user's configuration folder, when not given." placeholder:"FILE" env:"HUONG_SECRET_FILE"`
}

func (w where) app() app.Where {
	return app.Where{Data: w.Data, Database: w.Database, Zone: w.Zone, Secret: w.Secret, ReleaseAbove: w.Release}
}

// commands is the grammar of the command line.
type commands struct {
	Lang string `help:"Language of messages: vi or en." enum:"vi,en" default:"en" env:"HUONG_LANG"`

	Apply      applyCommand      `cmd:"" help:"Turn a folder of declarations into commits."`
	Import     importCommand     `cmd:"" help:"Import files into a dataset."`
	Export     exportCommand     `cmd:"" help:"Write a dataset, or a selection of it, to a file or standard output."`
	Serve      serveCommand      `cmd:"" help:"Serve the pages and the API."`
	Demo       demoCommand       `cmd:"" help:"Fill a generated city and keep it moving."`
	Account    accountCommand    `cmd:"" help:"Create, list, disable and recover accounts; give and end capacities."`
	Token      tokenCommand      `cmd:"" help:"Create, list and revoke access tokens."`
	Erase      eraseCommand      `cmd:"" help:"Erase a record for good, in the present, in history and in the log."`
	Expire     expireCommand     `cmd:"" help:"Tell or erase the reports of citizens that are over their term."`
	Quarantine quarantineCommand `cmd:"" help:"List, replay and dismiss refused rows."`
	Areas      areasCommand      `cmd:"" help:"Bring in the borders of areas."`
	Log        logCommand        `cmd:"" help:"Show the commit log."`
	Diff       diffCommand       `cmd:"" help:"Show what differs between two states of a dataset."`
	Rebuild    rebuildCommand    `cmd:"" help:"Make a follower derive everything anew at the next start."`
	Verify     verifyCommand     `cmd:"" help:"Check the log against tables and history."`
	Proof      proofCommand      `cmd:"" help:"Prove that a commit is in the log, or check such a proof."`
	Backup     backupCommand     `cmd:"" help:"Write a consistent copy while the city works."`
	Restore    restoreCommand    `cmd:"" help:"Make a new city from a backup."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
}

// session is what a running command has at hand.
type session struct {
	ctx      context.Context
	in       io.Reader
	out, err io.Writer
	lang     string
	log      *slog.Logger
}

// Main runs one command and returns the program's exit code. It ends cleanly on
// SIGINT and SIGTERM; a second signal ends at once.
func Main(args []string, in io.Reader, out, errs io.Writer) int {
	var c commands
	code := -1
	parser, err := kong.New(&c,
		kong.Name("huong"),
		kong.Description("Huong, a city's shared data platform."),
		kong.Writers(out, errs),
		kong.Exit(func(n int) { code = n }),
		kong.UsageOnError(),
	)
	if err != nil {
		fmt.Fprintln(errs, "huong:", err)
		return exitFailed
	}
	command, err := parser.Parse(spreadLists(args))
	if code >= 0 {
		return code
	}
	if err != nil {
		fmt.Fprintln(errs, "huong:", err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from then on a second signal has its default effect
	s := &session{ctx: ctx, in: in, out: out, err: errs, lang: c.Lang,
		log: slog.New(slog.NewTextHandler(errs, &slog.HandlerOptions{Level: slog.LevelInfo}))}
	err = command.Run(s)
	return s.report(err)
}

// report tells an error to the person at the terminal and chooses the exit code.
func (s *session) report(err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errRefused):
		return exitRefused
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(s.err, "huong:", problem.Text(s.lang, "interrupted", nil))
		return exitFailed
	}
	if p, ok := errors.AsType[*problem.Error](err); ok && p.Kind != problem.Internal {
		fmt.Fprintln(s.err, "huong:", p.In(s.lang))
		for _, v := range p.Violations {
			fmt.Fprintln(s.err, "  ", v.In(s.lang))
		}
		return exitFailed
	}
	fmt.Fprintln(s.err, "huong:", err)
	return exitFailed
}

// errRefused ends a command whose output already says what was refused.
var errRefused = errors.New("refused")

// open opens the city of a command; the command closes it. A place without a
// city is refused: a mistyped folder must not look like a clean, empty one.
func (s *session) open(w where) (*repo.Repository, error) {
	there, err := w.app().Exists(s.ctx)
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, problem.New(problem.NotFound, "city-missing")
	}
	return s.openOrMake(w)
}

// openOrMake is open for commands with which a city may begin.
func (s *session) openOrMake(w where) (*repo.Repository, error) {
	return w.app().Open(s.ctx, s.log)
}

// spreadLists lets a list option take several words, as in
// "--read water-level rain-reading --write *".
func spreadLists(args []string) []string {
	var out []string
	option := ""
	for i, a := range args {
		switch {
		case a == "--":
			return append(out, args[i:]...)
		case a == "--read" || a == "--write":
			option = a
			if i+1 >= len(args) || strings.HasPrefix(args[i+1], "-") {
				out = append(out, a) // kong tells what is missing
			}
		case strings.HasPrefix(a, "-"):
			option = ""
			out = append(out, a)
		case option != "":
			out = append(out, option+"="+a)
		default:
			out = append(out, a)
		}
	}
	return out
}

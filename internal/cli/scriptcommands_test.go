package cli

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
)

// patience bounds the wait of a script for what must come.
const patience = 30 * time.Second

// processes are the ones that a script has started, by name.
type processes map[string]*started

// processesKey is where a script keeps its processes.
type processesKey struct{}

// started is a process and what it has printed so far.
type started struct {
	cmd  *exec.Cmd
	errs bytes.Buffer  // complete when the process has ended
	done chan struct{} // closed when all output is read

	mu    sync.Mutex
	lines []string
	came  chan struct{} // closed and replaced at each line
}

func (p *started) read(out io.Reader) {
	defer close(p.done)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		p.mu.Lock()
		p.lines = append(p.lines, lines.Text())
		close(p.came)
		p.came = make(chan struct{})
		p.mu.Unlock()
	}
}

// find returns the submatches of the first line that matches, waiting for it;
// nil when it does not come.
func (p *started) find(re *regexp.Regexp) []string {
	late := time.After(patience)
	for next := 0; ; {
		p.mu.Lock()
		lines, came := p.lines[next:], p.came
		p.mu.Unlock()
		for _, line := range lines {
			if m := re.FindStringSubmatch(line); m != nil {
				return m
			}
		}
		next += len(lines)
		select {
		case <-came:
		case <-p.done:
			p.mu.Lock()
			last := len(p.lines) == next
			p.mu.Unlock()
			if last {
				return nil
			}
		case <-late:
			return nil
		}
	}
}

// running finds a process that the script has started.
func running(ts *testscript.TestScript, name string) *started {
	p := ts.Value(processesKey{}).(processes)[name]
	if p == nil {
		ts.Fatalf("no process %s was started", name)
	}
	return p
}

// startCommand: start NAME ARG... runs huong in the background until finish or
// the end of the script.
func startCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: start NAME ARG...")
	}
	p := &started{cmd: exec.Command(os.Args[0], args[1:]...), done: make(chan struct{}), came: make(chan struct{})}
	p.cmd.Dir = ts.MkAbs(".")
	p.cmd.Env = append(os.Environ(), "HUONG_AS_PROGRAM=1", "GORACE=atexit_sleep_ms=0")
	p.cmd.Stderr = &p.errs
	out, err := p.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(p.cmd.Start())
	go p.read(out)
	ts.Value(processesKey{}).(processes)[args[0]] = p
	ts.Defer(func() {
		p.cmd.Process.Kill() // no harm when it has ended
		<-p.done
		p.cmd.Wait()
	})
}

// seesCommand: sees NAME REGEXP [VARIABLE] waits for a line of the process and
// keeps its first group.
func seesCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: sees NAME REGEXP [VARIABLE]")
	}
	p := running(ts, args[0])
	m := p.find(regexp.MustCompile(args[1]))
	if m == nil {
		p.cmd.Process.Kill()
		<-p.done
		p.cmd.Wait()
		ts.Fatalf("%s never printed %s, but\n%s\n%s", args[0], args[1], strings.Join(p.lines, "\n"), p.errs.String())
	}
	if len(args) > 2 {
		ts.Setenv(args[2], m[1])
	}
}

// finishCommand: finish NAME ends a process by SIGTERM, which it must obey with
// exit code 0; finish -kill NAME ends it by SIGKILL.
func finishCommand(ts *testscript.TestScript, neg bool, args []string) {
	kill := len(args) == 2 && args[0] == "-kill"
	if neg || len(args) == 0 || len(args) == 2 && !kill {
		ts.Fatalf("usage: finish [-kill] NAME")
	}
	p := running(ts, args[len(args)-1])
	signal := syscall.SIGTERM
	if kill {
		signal = syscall.SIGKILL
	}
	ts.Check(p.cmd.Process.Signal(signal))
	select {
	case <-p.done:
	case <-time.After(patience):
		ts.Fatalf("it does not end")
	}
	if err := p.cmd.Wait(); err != nil && !kill {
		ts.Fatalf("an orderly stop: %v\n%s", err, p.errs.String())
	}
}

// httpCommand: http [-soon] [-token T] [-type MEDIA] METHOD URL STATUS [FILE]
// makes a request, checks its status and prints the body. -soon is for what
// another process did, which a server learns within half a second: it asks
// again until the status is right.
func httpCommand(ts *testscript.TestScript, neg bool, args []string) {
	header := http.Header{"Accept-Language": {"en"}}
	soon := len(args) > 0 && args[0] == "-soon"
	if soon {
		args = args[1:]
	}
	for len(args) > 1 && strings.HasPrefix(args[0], "-") {
		switch args[0] {
		case "-token":
			header.Set("Authorization", "Bearer "+args[1])
		case "-type":
			header.Set("Content-Type", args[1])
		}
		args = args[2:]
	}
	if neg || len(args) < 3 {
		ts.Fatalf("usage: http [-soon] [-token T] [-type MEDIA] METHOD URL STATUS [FILE]")
	}
	want, err := strconv.Atoi(args[2])
	ts.Check(err)
	body := ""
	if len(args) > 3 {
		body = ts.ReadFile(args[3])
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		q, err := http.NewRequestWithContext(ctx, args[0], args[1], strings.NewReader(body))
		ts.Check(err)
		q.Header = header
		res, err := http.DefaultClient.Do(q)
		ts.Check(err)
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		ts.Check(err)
		if header.Get("Authorization") == "" {
			watch.Search("answer", args[0]+" "+args[1], b)
		}
		if soon && res.StatusCode != want {
			continue
		}
		ts.Stdout().Write(b)
		if res.StatusCode != want {
			ts.Fatalf("%s %s: %d, want %d\n%s", args[0], args[1], res.StatusCode, want, b)
		}
		return
	}
}

// lastLineCommand: lastline TEXT checks the last line printed, to the letter.
func lastLineCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: lastline TEXT")
	}
	out := strings.TrimSuffix(ts.ReadFile("stdout"), "\n")
	if last := out[strings.LastIndexByte(out, '\n')+1:]; last != args[0] {
		ts.Fatalf("the last line is %q, want %q", last, args[0])
	}
}

// keepCommand: keep VARIABLE REGEXP keeps the first group of what was printed.
func keepCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: keep VARIABLE REGEXP")
	}
	m := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if m == nil {
		ts.Fatalf("nothing matches %s", args[1])
	}
	ts.Setenv(args[0], m[1])
}

// encodeCommand: encode FORM FROM TO writes a UTF-8 text file in another form:
// bom-crlf, windows-1258 or gzip.
func encodeCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: encode FORM FROM TO")
	}
	text := ts.ReadFile(args[1])
	switch args[0] {
	case "bom-crlf":
		text = "\ufeff" + strings.ReplaceAll(text, "\n", "\r\n")
	case "windows-1258":
		var err error
		text, err = charmap.Windows1258.NewEncoder().String(tonesApart(text))
		ts.Check(err)
	case "gzip":
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		io.WriteString(w, text)
		ts.Check(w.Close())
		text = b.String()
	default:
		ts.Fatalf("no form %s", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(text), 0o644))
}

// tonesApart writes Vietnamese as windows-1258 does: ă â ê ô ơ ư as one letter,
// tones as marks after it.
func tonesApart(s string) string {
	var out strings.Builder
	letter, tones := "", ""
	end := func() {
		out.WriteString(norm.NFC.String(letter) + tones)
		letter, tones = "", ""
	}
	for _, r := range norm.NFD.String(s) {
		switch r {
		case 0x300, 0x301, 0x303, 0x309, 0x323: // grave, acute, tilde, hook, dot below
			tones += string(r)
		case 0x302, 0x306, 0x31b: // circumflex, breve, horn
			letter += string(r)
		default:
			end()
			letter = string(r)
		}
	}
	end()
	return out.String()
}

// spoilCommand: spoil FILE OLD NEW N overwrites the Nth OLD that a record of the
// SQLite file holds by NEW, which is as long: what a failing disk or a careless
// hand does to a database. What SQLite has left behind in the room between
// records does not count, for nobody reads it.
func spoilCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 || len(args[1]) != len(args[2]) {
		ts.Fatalf("usage: spoil FILE OLD NEW N")
	}
	n, err := strconv.Atoi(args[3])
	ts.Check(err)
	file := []byte(ts.ReadFile(args[0]))
	var places []int
	for at := 0; ; {
		next := bytes.Index(file[at:], []byte(args[1]))
		if next < 0 {
			break
		}
		if at += next; inRecord(file, at) {
			places = append(places, at)
		}
		at += len(args[1])
	}
	if n < 1 || n > len(places) {
		ts.Fatalf("%s holds %s %d times", args[0], args[1], len(places))
	}
	copy(file[places[n-1]:], args[2])
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), file, 0o600))
}

// inRecord tells whether a byte of a SQLite file lies in a cell of a leaf of a
// table or an index (sqlite.org/fileformat2.html, section 1.6).
func inRecord(file []byte, at int) bool {
	size := int(binary.BigEndian.Uint16(file[16:]))
	if size == 1 {
		size = 1 << 16
	}
	page := file[at/size*size:][:size]
	head := 0
	if at < size {
		head = 100 // the file's own header
	}
	kind := page[head]
	if kind != 0x0d && kind != 0x0a {
		return false
	}
	for i := range int(binary.BigEndian.Uint16(page[head+3:])) {
		start := int(binary.BigEndian.Uint16(page[head+8+2*i:]))
		end := start
		varint := func() (v int) {
			for range 9 {
				b := page[end]
				end++
				if v = v<<7 | int(b&0x7f); b < 0x80 {
					break
				}
			}
			return v
		}
		payload := varint()
		if kind == 0x0d {
			varint() // the row's number
		}
		if end += payload; at%size >= start && at%size < end {
			return true
		}
	}
	return false
}

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"runtime/metrics"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"huong.city/huong/internal/app"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/ingest"
)

// openCity opens a store and declares in it, when it is new, the city of Huế
// and the measured datasets.
func openCity(ctx context.Context, w app.Where) (*repo.Repository, error) {
	w.Zone = "Asia/Ho_Chi_Minh"
	r, err := w.Open(ctx, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	if err != nil {
		return nil, err
	}
	if _, err := r.Entry(repo.Operator(), plain); err == nil {
		return r, nil
	}
	city, err := app.LoadCity("city/hue")
	if err != nil {
		return nil, err
	}
	for _, name := range []string{plain, placed, narrow} {
		d, err := declaration(name)
		if err != nil {
			return nil, err
		}
		city.Datasets = append(city.Datasets, d)
	}
	plan, err := r.Plan(ctx, repo.Operator(), city.Datasets)
	if err == nil {
		_, err = r.Apply(ctx, repo.Operator(), plan)
	}
	if err == nil {
		_, err = city.ApplyRecords(ctx, r, repo.Operator(), false)
	}
	return r, err
}

func where(store string) app.Where {
	if strings.HasPrefix(store, "postgres:") {
		return app.Where{Database: store}
	}
	return app.Where{Data: store}
}

// greeting is what a child process says once it answers; farewell, at its end.
type greeting struct {
	Address string
	Tokens  []string // the server counts what is in flight by token; measured clients take turns with them
}

func (g greeting) token(i int) string { return g.Tokens[i%len(g.Tokens)] }

type farewell struct {
	Heap     uint64 // most bytes in spans in use
	Resident int64  // VmHWM, bytes
	Read     int64  // rows, of an import
	Seconds  float64
}

// child runs one of the roles that need a process of their own:
//
//	serve STORE                  a server on a free port, until standard input ends
//	import STORE DATASET ROWS    ingest.Run of so many generated CSV rows
func child(ctx context.Context, role string, args []string, profile string) error {
	r, err := openCity(ctx, where(args[0]))
	if err != nil {
		return err
	}
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	var end farewell
	measured := watchHeap()
	out := json.NewEncoder(os.Stdout)
	began := time.Now()
	switch role {
	case "serve":
		var hello greeting
		for range 16 {
			token, err := r.CreateToken(ctx, repo.Operator(), "bench", []string{"*"}, []string{"*"}, "", time.Time{})
			if err != nil {
				return err
			}
			hello.Tokens = append(hello.Tokens, token)
		}
		ctx, stop := context.WithCancel(ctx)
		go func() {
			io.Copy(io.Discard, os.Stdin)
			stop()
		}()
		err = app.Serve(ctx, r, app.ServeOptions{Listen: "127.0.0.1:0", Version: "bench", Log: slog.New(slog.DiscardHandler)}, func(address string) {
			hello.Address = address
			out.Encode(hello)
		})
		if err != nil {
			return err
		}
	case "import":
		n, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		sum, err := ingest.Run(ctx, r, repo.Operator(), ingest.Job{Dataset: args[1], Files: []ingest.File{{
			Name: "rows.csv", Open: func() (io.ReadCloser, error) { return newCSVStream(args[1], n), nil },
		}}})
		if err == nil && sum.Accepted != int64(n) {
			err = fmt.Errorf("imported %d of %d rows", sum.Accepted, n)
		}
		if err != nil {
			return err
		}
		end.Read = sum.Read
		if err := r.Close(ctx); err != nil {
			return err
		}
	}
	end.Seconds = time.Since(began).Seconds()
	end.Heap = measured()
	end.Resident, err = peakResident("self")
	if err != nil {
		return err
	}
	return out.Encode(end)
}

// watchHeap samples the heap in use until it is asked for the highest.
func watchHeap() (peak func() uint64) {
	var most uint64
	stop := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			metrics.Read(samples)
			most = max(most, samples[0].Value.Uint64()+samples[1].Value.Uint64())
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	return func() uint64 { close(stop); done.Wait(); return most }
}

// peakResident is the most memory that a process ever had resident.
func peakResident(pid string) (int64, error) {
	b, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("no VmHWM of %s", pid)
}

// process is a child of this one.
type process struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	hello greeting
}

// start runs a program, kept from outliving this one by its standard input.
func start(name string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(name, args...)}
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt is for the parent alone
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	return p, p.cmd.Start()
}

// serve starts a Huong server on a store and waits until it answers.
func serve(store, profile string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p, err := start(self, "-profile="+profile, "serve", store)
	if err != nil {
		return nil, err
	}
	return p, p.greet()
}

func (p *process) greet() error {
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("%s says nothing: %w", p.cmd.Path, errOr(p.cmd.Wait(), err))
	}
	return json.Unmarshal(line, &p.hello)
}

func errOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// end lets the child finish and returns what it says last.
func (p *process) end() (farewell, error) {
	var f farewell
	p.in.Close()
	b, err := io.ReadAll(p.out)
	if e := p.cmd.Wait(); err == nil {
		err = e
	}
	if err == nil && len(b) > 0 {
		err = json.Unmarshal(b, &f)
	}
	return f, err
}

// cpu is the processor time that a process has used, in seconds.
func cpu(pid int) float64 {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return float64(user+system) / 100 // USER_HZ
}

// importing runs the import of n rows in a process of its own.
func importing(store, name string, n int) (farewell, error) {
	self, err := os.Executable()
	if err != nil {
		return farewell{}, err
	}
	p, err := start(self, "import", store, name, strconv.Itoa(n))
	if err != nil {
		return farewell{}, err
	}
	return p.end()
}

func interrupted() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

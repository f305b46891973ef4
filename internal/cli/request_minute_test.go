package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"huong.city/huong/internal/store/postgres/pgtest"
)

// A thousand reports a minute, as in a storm: three seconds of them in the ordinary
// run, HUONG_MINUTES minutes of them in a soak.
const reportEvery = time.Minute / 1000

func TestAThousandReportsAMinuteSQLite(t *testing.T) {
	t.Parallel()
	stormStory(t, "--data", t.TempDir())
}

func TestAThousandReportsAMinutePostgres(t *testing.T) {
	t.Parallel()
	cluster := pgtest.New(pgtest.Settings{Durable: true})
	t.Cleanup(cluster.Stop)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, bytes.Repeat([]byte("k"), 32), 0o600); err != nil {
		t.Fatal(err)
	}
	stormStory(t, "--secret", secret, "--database", cluster.Database(t))
}

// stormStory sends reports at that pace from all over the city, kills the server in
// the middle and starts it anew. Devices keep what has no receipt and send it again:
// in the end each report is there once, under the code of its receipt.
func stormStory(t *testing.T, place ...string) {
	many := 50
	if s := os.Getenv("HUONG_MINUTES"); s != "" {
		minutes, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		many = 1000 * minutes
	}
	run(t, append([]string{"apply", "../../city/hue"}, place...)...)
	wards := wardsOfHue(t)
	seed := rand.Uint64()
	var address atomic.Value
	process, at := server(t, place...)
	address.Store(at)
	client := &http.Client{Timeout: 10 * time.Second}
	codes := make([]string, many)
	var again atomic.Int64
	var sending sync.WaitGroup
	next := make(chan int)
	textOf := func(i int) string { return fmt.Sprintf("Cây đổ số %d", i) }
	took := make([]time.Duration, many)
	for range 16 {
		sending.Go(func() {
			pause := time.NewTicker(50 * time.Millisecond) // between tries, as a device waits
			defer pause.Stop()
			for i := range next {
				form := url.Values{"key": {fmt.Sprintf("storm-%016x-%08d", seed, i)}, "category": {"road"}, "text": {textOf(i)}, "area": {wards[i%len(wards)]}}
				for {
					began := time.Now()
					if codes[i] = submitReport(client, address.Load().(string), form, fmt.Sprintf("%032d", i)); codes[i] != "" {
						took[i] = time.Since(began)
						break
					}
					again.Add(1)
					<-pause.C
				}
			}
		})
	}
	began := time.Now()
	half := make(chan struct{})
	go func() {
		pace := time.NewTicker(reportEvery)
		defer pace.Stop()
		for i := range many {
			if i == many/2 {
				close(half)
			}
			<-pace.C
			next <- i
		}
		close(next)
	}()
	<-half
	process.Process.Kill()
	process.Wait()
	process, at = server(t, place...)
	address.Store(at)
	sending.Wait()
	lasted := time.Since(began)
	process.Process.Signal(os.Interrupt)
	if err := process.Wait(); err != nil {
		t.Errorf("an orderly stop: %v", err)
	}
	stored := map[string][]string{}
	for line := range strings.SplitSeq(strings.TrimSpace(run(t, append([]string{"export", "service-request", "--format", "ndjson"}, place...)...)), "\n") {
		var row struct{ Code, Description string }
		if json.Unmarshal([]byte(line), &row) == nil && row.Code != "" {
			stored[row.Description] = append(stored[row.Description], row.Code)
		}
	}
	for i, code := range codes {
		if got := stored[textOf(i)]; len(got) != 1 || got[0] != code {
			t.Errorf("report %d has the receipt of %s and is stored as %v", i, code, got)
		}
	}
	if len(stored) != many {
		t.Errorf("%d reports are stored of %d", len(stored), many)
	}
	run(t, append([]string{"verify"}, place...)...) // fails where tables, history and log disagree
	slices.Sort(took)
	t.Logf("%d reports in %s, %d tries more, the last try of each within %s at 95 %%", many, lasted.Round(time.Second), again.Load(), took[many*95/100].Round(time.Millisecond))
}

// wardsOfHue are the codes of the city's wards and communes.
func wardsOfHue(t *testing.T) (codes []string) {
	b, err := os.ReadFile("../../city/hue/areas.csv")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		if row[3] == "phuong" || row[3] == "xa" {
			codes = append(codes, row[0])
		}
	}
	return codes
}

package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestKillWhileReportsAreSent kills the server again and again while people send
// reports. Each device keeps its key until it has a receipt: in the end each report
// is there once, under the code of its receipt.
func TestKillWhileReportsAreSent(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	run(t, "apply", "../../city/hue", "--data", data)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))

	var address atomic.Value // of the server that is up; "" while there is none
	address.Store("")
	var mu sync.Mutex
	receipts := map[string]string{} // code by text
	first := make(chan struct{}, 1)
	ended := make(chan struct{})
	client := &http.Client{Timeout: 10 * time.Second}
	var devices sync.WaitGroup
	var again atomic.Int64
	for w := range 6 {
		devices.Go(func() {
			pause := time.NewTicker(20 * time.Millisecond) // between tries, as a device waits
			defer pause.Stop()
			for i := 0; ; i++ {
				select {
				case <-ended:
					return
				default:
				}
				text := fmt.Sprintf("Ổ gà %d của máy %d", i, w)
				form := url.Values{"key": {fmt.Sprintf("kill-%016x-%d-%06d", seed, w, i)}, "category": {"road"}, "text": {text}, "area": {"19789"}}
				for {
					if code := submitReport(client, address.Load().(string), form, fmt.Sprintf("%016d%016d", w, i)); code != "" {
						mu.Lock()
						receipts[text] = code
						mu.Unlock()
						select {
						case first <- struct{}{}:
						default:
						}
						break
					}
					again.Add(1)
					<-pause.C
				}
			}
		})
	}
	rounds := max(3, kills(t)/2)
	for range rounds {
		process, at := server(t, "--data", data)
		select {
		case <-first: // left from the round before, perhaps
		default:
		}
		address.Store(at)
		select {
		case <-first:
		case <-time.After(time.Minute):
			process.Process.Kill()
			process.Wait()
			t.Fatal("no receipt within a minute")
		}
		time.Sleep(time.Duration(20+rng.IntN(200)) * time.Millisecond) // the moment of the kill, not a wait for anything
		process.Process.Kill()
		process.Wait()
	}
	process, at := server(t, "--data", data)
	address.Store(at)
	close(ended) // each device ends with the report that it has in hand
	devices.Wait()
	process.Process.Kill()
	process.Wait()

	stored := map[string][]string{}
	for line := range strings.SplitSeq(strings.TrimSpace(run(t, "export", "service-request", "--data", data, "--format", "ndjson")), "\n") {
		var row struct{ Code, Description string }
		if json.Unmarshal([]byte(line), &row) == nil && row.Code != "" {
			stored[row.Description] = append(stored[row.Description], row.Code)
		}
	}
	for text, code := range receipts {
		if got := stored[text]; len(got) != 1 || got[0] != code {
			t.Errorf("%s has the receipt of %s and is stored as %v", text, code, got)
		}
	}
	for text := range stored {
		if receipts[text] == "" {
			t.Errorf("%s is stored and nobody has its receipt", text)
		}
	}
	run(t, "verify", "--data", data) // fails where tables, history and log disagree
	if again.Load() == 0 {
		t.Error("nobody had to try again: the test shows nothing")
	}
	t.Logf("%d reports through %d kills, %d tries more", len(receipts), rounds, again.Load())
}

// submitReport sends a report as the page's script does: the code of its receipt,
// "" where none came.
func submitReport(client *http.Client, address string, form url.Values, device string) string {
	if address == "" {
		return ""
	}
	q, err := http.NewRequest(http.MethodPost, address+"/report", strings.NewReader(form.Encode()))
	if err != nil {
		return ""
	}
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.Header.Set("Accept", "application/json")
	q.AddCookie(&http.Cookie{Name: "device", Value: device})
	res, err := client.Do(q)
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	var got struct{ Code string }
	if err != nil || res.StatusCode != http.StatusOK || json.Unmarshal(b, &got) != nil {
		return ""
	}
	return got.Code
}

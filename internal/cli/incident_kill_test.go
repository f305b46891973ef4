package cli

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKillWhileDeadlinesPass kills the server again and again while it carries
// out what time has brought to many incidents: each reminder, missed deadline and
// escalation, and each notification of it, is there once in the end.
func TestKillWhileDeadlinesPass(t *testing.T) {
	t.Parallel()
	folder, data := t.TempDir(), t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "workflows"), 0o755); err != nil {
		t.Fatal(err)
	}
	workflow, err := os.ReadFile("../../city/hue/workflows/incident.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"workflows/incident.yaml": string(workflow),
		"agencies.csv":            "code,name,kind\nward,Phường,committee\n",
		"areas.csv":               "code,name,kind,location,parent\n46,Thành phố,city,,\n1,Phường,phuong,\"107.5, 16.45\",46\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run(t, "apply", folder, "--data", data)
	const many = 400
	begin := time.Now().UTC().Add(-time.Hour).Format(time.RFC3339)
	var records, entries strings.Builder
	for i := range many {
		fmt.Fprintf(&records, `{"id":"sc-%d","title":"Sự cố %d","kind":"other","severity":"high","state":"detected","over":false,"level":"ward","agency":"ward","area":"1","entries":1,"detectedAt":%q,"nextAt":%[3]q,"updatedAt":%[3]q}`+"\n", i, i, begin)
		fmt.Fprintf(&entries, `{"incident":"sc-%d","number":1,"at":%q,"kind":"open","name":"detected","facts":{"severity":"high"},"agency":"ward","area":"1"}`+"\n", i, begin)
	}
	for name, text := range map[string]string{"incident-entry": entries.String(), "incident": records.String()} {
		file := filepath.Join(folder, name+".ndjson")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		run(t, "import", name, file, "--data", data)
	}
	count := func(name string, key func(row map[string]any) string) map[string]int {
		seen := map[string]int{}
		for line := range strings.SplitSeq(strings.TrimSpace(run(t, "export", name, "--data", data, "--format", "ndjson")), "\n") {
			var row map[string]any
			if json.Unmarshal([]byte(line), &row) == nil {
				if k := key(row); k != "" {
					seen[k]++
				}
			}
		}
		return seen
	}
	fired := func(row map[string]any) string {
		if row["kind"] != "fire" {
			return ""
		}
		return fmt.Sprint(row["incident"], " ", row["name"])
	}
	const each = 5 // half time, 80 %, missed, to the department, to the city
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	between := 0
	for range kills(t) * 4 {
		process, _ := server(t, "--data", data)
		time.Sleep(time.Duration(950+rng.IntN(500)) * time.Millisecond) // the moment of the kill, not a wait for anything
		process.Process.Kill()
		process.Wait()
		if n := len(count("incident-entry", fired)); n == many*each {
			break
		} else if n > 0 {
			between++
		}
	}
	for try := 0; len(count("incident-entry", fired)) < many*each; try++ {
		if try == 30 {
			t.Fatal("the clocks are never done")
		}
		process, _ := server(t, "--data", data)
		time.Sleep(2 * time.Second) // to be done at the latest after some such times
		process.Process.Kill()
		process.Wait()
	}
	for what, n := range count("incident-entry", fired) {
		if n != 1 {
			t.Errorf("%s happened %d times", what, n)
		}
	}
	told := count("notification", func(row map[string]any) string {
		return fmt.Sprint(row["aboutKey"], " ", row["titleEn"], " ", row["to"])
	})
	total := 0
	for what, n := range told {
		total += n
		if want := map[bool]int{true: 2, false: 1}[strings.Contains(what, "Due soon")]; n != want {
			t.Errorf("%s: told %d times, want %d", what, n, want)
		}
	}
	if want := many * 6; total != want {
		t.Errorf("%d notifications, want %d", total, want)
	}
	run(t, "verify", "--data", data) // fails where tables, history and log disagree
	if between == 0 {
		t.Error("no kill came while the clocks were at work: the test shows little")
	}
	t.Logf("%d kills came between", between)
}

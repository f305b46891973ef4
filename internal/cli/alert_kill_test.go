package cli

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const gaugeDataset = `name: gauge
title: {vi: Mực nước, en: Water level}
kind: series
owner: office
classification: open
time: at
schema:
  primaryKey: [station, at]
  fields:
    - {name: station, type: string}
    - {name: at, type: datetime}
    - {name: ward, type: string}
    - {name: level, type: number}
place: {areaCode: ward}
`

const gaugeRules = `title: {vi: Sông, en: Rivers}
owner: office
routes:
  low: [{level: ward, to: ["agency:office", "role:officer@{area}"], within: 2 h}]
alerts:
  - name: high-water
    kind: threshold
    title: {vi: "Nước tại {station} {value} m", en: "Water at {station} {value} m"}
    advice: {vi: Xem., en: Look.}
    cause: flood
    dataset: gauge
    value: level
    unit: m
    levels: {low: 2}
`

const wardReport = `title: {vi: Báo cáo ngày, en: Daily report}
owner: office
for: wards
period: day
at: "00:00"
form:
  symbol: BC
  signer: {vi: Chủ tịch, en: Chair}
  recipients: [{vi: Lưu, en: Archive}]
sections:
  - title: {vi: Tình hình, en: State}
    blocks:
      - {kind: text, text: {vi: "Có {alerts} cảnh báo.", en: "{alerts} alerts."}}
      - {kind: events, of: alerts, title: {vi: Cảnh báo, en: Alerts}, limit: 20}
`

// TestKillWhileAlertsAreRaised kills the server at any moment while readings rise
// and fall and while periodic reports are due: each rise is told once to each
// addressee, what fell is over, each report is computed once and told once.
func TestKillWhileAlertsAreRaised(t *testing.T) {
	t.Parallel()
	const wards = 60
	folder, data := t.TempDir(), t.TempDir()
	workflow, err := os.ReadFile("../../city/hue/workflows/report.yaml")
	if err != nil {
		t.Fatal(err)
	}
	areas := "code,name,kind,location,parent\n46,Thành phố,city,,\n"
	for i := range wards {
		areas += fmt.Sprintf("%d,Phường %d,phuong,\"107.%[1]d, 16.45\",46\n", 101+i, i+1)
	}
	for name, text := range map[string]string{
		"datasets/gauge.yaml": gaugeDataset, "alerts/rivers.yaml": gaugeRules, "reports/ward-day.yaml": wardReport, "workflows/report.yaml": string(workflow),
		"agencies.csv": "code,name,kind\noffice,Văn phòng,committee\nvpubnd,Văn phòng Ủy ban,committee\n", "areas.csv": areas,
	} {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run(t, "apply", folder, "--data", data)
	run(t, "account", "create", "mai", "--name", "Mai", "--agency", "office", "--role", "officer", "--area", "46", "--data", data)
	token := strings.TrimSpace(run(t, "token", "create", "--read", "gauge", "--write", "gauge", "--data", data))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))

	// What the city told, in its order; a batch is sent until it is acknowledged.
	var high [wards]bool
	rises, sent := 0, 0
	begin := time.Now().UTC().Truncate(time.Second).Add(-50 * time.Minute)
	batch := ""
	next := func() {
		var b strings.Builder
		at := begin.Add(time.Duration(sent) * 200 * time.Millisecond)
		sent++
		for i := range wards {
			now := high[i]
			if rng.IntN(4) == 0 {
				now = !now
			}
			level := 1.0 + rng.Float64()*0.9
			if now {
				level += 1
			}
			if now && !high[i] {
				rises++
			}
			high[i] = now
			fmt.Fprintf(&b, `{"station":"s%d","at":%q,"ward":"%d","level":%.2f}`+"\n", i+1, at.Format(time.RFC3339Nano), 101+i, level)
		}
		batch = b.String()
	}
	send := func(address string) bool {
		q, err := http.NewRequest("POST", address+"/api/v1/datasets/gauge/records", strings.NewReader(batch))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Content-Type", "application/x-ndjson")
		q.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(q)
		if err != nil {
			return false // the server is gone
		}
		defer res.Body.Close()
		var got struct{ Accepted, Unchanged int }
		if json.NewDecoder(res.Body).Decode(&got) != nil {
			return false
		}
		if got.Accepted+got.Unchanged != wards {
			t.Errorf("of %d readings %+v are taken, %d", wards, got, res.StatusCode)
		}
		return true
	}
	rows := func(name string) (list []map[string]any) {
		for line := range strings.SplitSeq(strings.TrimSpace(run(t, "export", name, "--data", data, "--format", "ndjson")), "\n") {
			var row map[string]any
			if json.Unmarshal([]byte(line), &row) == nil {
				list = append(list, row)
			}
		}
		return list
	}
	// Most lives are short, the others last until the clock of reports, which looks
	// every five seconds, is at work.
	lives := max(kills(t)/2, 2)
	between := 0 // kills with some reports computed and others not
	for life := range lives {
		process, address := server(t, "--data", data)
		span := time.Duration(200+rng.IntN(1400)) * time.Millisecond
		long, most := life%4 == 1, 100
		if long {
			span, most = 5*time.Second+time.Duration(rng.IntN(400))*time.Millisecond, 30
		}
		dies := time.AfterFunc(span, func() { process.Process.Kill() }) // the moment of the kill, not a wait for anything
		for n := 0; ; n++ {
			if batch == "" {
				next()
			}
			if !send(address) {
				break
			}
			if batch = ""; n >= most {
				break // enough for one life
			}
		}
		process.Wait()
		dies.Stop()
		if n := len(rows("report")); long && n > 0 && n < wards {
			between++
		}
	}
	process, address := server(t, "--data", data)
	for batch != "" && send(address) {
		batch = ""
	}
	if batch != "" {
		t.Fatal("the last server does not take readings")
	}
	var told, reports []map[string]any
	for deadline := time.Now().Add(time.Minute); ; {
		told, reports = rows("notification"), rows("report")
		if len(told) >= 2*rises+wards && len(reports) >= wards {
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("never done: %d notifications and %d reports, want %d and %d", len(told), len(reports), 2*rises+wards, wards)
			break
		}
	}
	process.Process.Signal(os.Interrupt)
	if err := process.Wait(); err != nil {
		t.Errorf("an orderly stop: %v", err)
	}
	told, reports = rows("notification"), rows("report") // all that will ever be
	of := map[string]int{}
	twice := map[string]int{}
	for _, n := range told {
		of[fmt.Sprint(n["aboutDataset"])]++
		twice[fmt.Sprint(n["aboutKey"], " ", n["titleEn"], " ", n["to"])]++
	}
	for what, n := range twice {
		if n != 1 {
			t.Errorf("%s is told %d times", what, n)
		}
	}
	if of["alert"] != 2*rises || of["report"] != wards {
		t.Errorf("told %v, want %d of alerts and %d of reports", of, 2*rises, wards)
	}
	open, lines := map[string]bool{}, rows("alert")
	for _, l := range lines {
		if l["state"] != "cleared" {
			open[fmt.Sprint(l["subject"])] = true
		}
	}
	for i := range wards {
		if name := fmt.Sprintf("s%d", i+1); open[name] != high[i] {
			t.Errorf("%s: its water is high: %v, its alert is open: %v", name, high[i], open[name])
		}
	}
	if len(lines) != rises {
		t.Errorf("%d alerts of %d rises", len(lines), rises)
	}
	if len(reports) != wards {
		t.Errorf("%d reports of %d wards", len(reports), wards)
	}
	seen := map[string]bool{}
	for _, r := range reports {
		if id := fmt.Sprint(r["name"], r["area"], r["from"]); seen[id] {
			t.Errorf("%s is computed twice", id)
		} else {
			seen[id] = true
		}
	}
	run(t, "verify", "--data", data) // fails where tables, history and log disagree
	t.Logf("%d lives, %d batches, %d rises, %d notifications, killed %d times among reports", lives, sent, rises, len(told), between)
	if rises == 0 {
		t.Error("nothing rose: the test shows nothing")
	}
}

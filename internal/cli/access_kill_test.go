package cli

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const patientDataset = `name: patient
title: {vi: Bệnh nhân, en: Patient}
kind: register
classification: personal
schema:
  primaryKey: [id]
  fields:
    - {name: id, type: string, title: {vi: Mã, en: Id}}
    - {name: number, type: string, title: {vi: Số định danh, en: Personal number}}
    - {name: named, type: string, title: {vi: Họ tên, en: Name}}
person: number
`

// patientName is part of every patient's name.
const patientName = "Tôn Nữ Kim Chi"

// TestKillWhileReading kills the server again and again while personal data is
// read. Each answer of which so much as one name arrived has its access record,
// found by the case that this one request named.
func TestKillWhileReading(t *testing.T) {
	t.Parallel()
	folder, data := t.TempDir(), t.TempDir()
	os.MkdirAll(filepath.Join(folder, "datasets"), 0o755)
	if err := os.WriteFile(filepath.Join(folder, "datasets", "patient.yaml"), []byte(patientDataset), 0o644); err != nil {
		t.Fatal(err)
	}
	var rows strings.Builder
	rows.WriteString("id,number,named\n")
	for i := range 300 {
		fmt.Fprintf(&rows, "p%d,%012d,%s %d\n", i, 46199000000+i, patientName, i)
	}
	file := filepath.Join(folder, "patients.csv")
	if err := os.WriteFile(file, []byte(rows.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, "apply", folder, "--data", data)
	run(t, "import", "patient", file, "--data", data)
	token := strings.TrimSpace(run(t, "token", "create", "--read", "patient", "--data", data))

	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	var mu sync.Mutex
	carried := map[string]string{}
	for round := range kills(t) {
		process, address := server(t, "--data", data)
		var readers sync.WaitGroup
		for w := range 6 {
			readers.Go(func() {
				for i := 0; ; i++ {
					number := fmt.Sprintf("case-%d-%d-%d", round, w, i)
					path := []string{
						fmt.Sprintf("records/p%d", i%300), "records?limit=50", "records?limit=300", "export?format=ndjson", "changes?cursor=start", fmt.Sprintf("records/p%d/history", i%300),
					}[(w+i)%6]
					q, err := http.NewRequest("GET", address+"/api/v1/datasets/patient/"+path, nil)
					if err != nil {
						t.Error(err)
						return
					}
					q.Header.Set("Authorization", "Bearer "+token)
					q.Header.Set("Huong-Case", number)
					res, err := http.DefaultClient.Do(q)
					if err != nil {
						return // the server is gone
					}
					body, err := io.ReadAll(res.Body) // as much as arrives
					res.Body.Close()
					if strings.Contains(string(body), patientName) {
						mu.Lock()
						carried[number] = path
						mu.Unlock()
					}
					if err != nil {
						return
					}
				}
			})
		}
		time.Sleep(time.Duration(20+rng.IntN(180)) * time.Millisecond) // the moment of the kill, not a wait for anything
		process.Process.Kill()
		process.Wait()
		readers.Wait()
	}
	recorded := run(t, "export", "access", "--data", data, "--format", "ndjson")
	for number, path := range carried {
		if !strings.Contains(recorded, `"`+number+`"`) {
			t.Errorf("a name left without a record: %s, %s", number, path)
		}
	}
	if len(carried) == 0 {
		t.Fatal("nothing was read: the test shows nothing")
	}
	t.Logf("%d answers carried names, each recorded", len(carried))
}

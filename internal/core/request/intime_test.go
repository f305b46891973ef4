package request_test

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"huong.city/huong/internal/core/calendar"
	"huong.city/huong/internal/core/request"
)

func TestInTime(t *testing.T) {
	day := calendar.Day{Year: 2022, Month: 6, Day: 1}
	end := request.EndOf(day, zone)
	if got := end.Format(time.DateTime); got != "2022-06-01 23:59:59" {
		t.Fatalf("end of the day: %s", got)
	}
	midnight := time.Date(2022, 6, 1, 0, 0, 0, 0, zone)
	for _, c := range []struct {
		name      string
		due, done time.Time
		want      bool
	}{
		{"nothing due", time.Time{}, midnight, true},
		{"at the moment", midnight, midnight, true},
		{"a second after", midnight, midnight.Add(time.Second), false},
		{"a date, on its morning", end, midnight.Add(11*time.Hour + 13*time.Minute), true}, // due 2022-06-01, answered 11:13 that day
		{"a date, in its last second", end, end, true},
		{"a date, the day after", end, midnight.AddDate(0, 0, 1), false},
		{"other zones", end, end.UTC(), true},
	} {
		if got := request.InTime(c.due, c.done); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// Of the reports that Boston got in the second half of 2011 and that have a
// target and a time of closing, the city's own word on each, in time or overdue,
// is what InTime says. 157 closed ones bear no word of the city; all were late.
func TestBostonsOwnFlags(t *testing.T) {
	shared := os.Getenv("HUONG_SHARED")
	if shared == "" {
		shared = "../../../../shared"
	}
	f, err := os.Open(filepath.Join(shared, "data/citizen-reports/boston_311_2011_h2.csv.gz"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("SKIPPED: the reports of Boston are not here; HUONG_SHARED names the folder that holds them")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	boston, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	rows := csv.NewReader(unzipped)
	head, err := rows.Read()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range head {
		column[name] = i
	}
	moment := func(s string) time.Time {
		at, err := time.ParseInLocation(time.DateTime, s, boston)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	seen, flagged, agree, unflagged, late := 0, 0, 0, 0, 0
	for {
		row, err := rows.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		target, closed, flag := row[column["target_dt"]], row[column["closed_dt"]], row[column["ontime"]]
		if target == "" || closed == "" {
			continue
		}
		seen++
		inTime := request.InTime(moment(target), moment(closed))
		switch flag {
		case "ONTIME", "OVERDUE":
			flagged++
			if inTime == (flag == "ONTIME") {
				agree++
			} else if flagged-agree < 10 {
				t.Errorf("%s: target %s, closed %s, flag %s", row[0], target, closed, flag)
			}
		case "":
			unflagged++
			if !inTime {
				late++
			}
		default:
			t.Errorf("%s: flag %q", row[0], flag)
		}
	}
	t.Logf("%d rows with target and closing; %d of %d flags agree; %d without flag, %d of them late", seen, agree, flagged, unflagged, late)
	if seen != 43821 || flagged != 43664 || agree != flagged || unflagged != 157 || late != unflagged {
		t.Error("not what the file holds")
	}
}

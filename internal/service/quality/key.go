package quality

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// moment is the key of a record: a subject and a time.
type moment struct {
	subject string // canonical bytes of the key without the time, in hex
	time    int64  // µs or days since 1970, as the time's column is
}

// touched is a record to look at, with its row when it was just created.
type touched struct {
	moment
	created []value.Value
}

func (m moment) compare(o moment) int {
	if c := strings.Compare(m.subject, o.subject); c != 0 {
		return c
	}
	return int(min(1, max(-1, m.time-o.time)))
}

// momentOf reads the key of a row.
func momentOf(t *dataset.Table, row []value.Value) moment {
	who := make([]value.Value, 0, 4)
	for _, k := range t.Key {
		if k != t.Time {
			who = append(who, row[k])
		}
	}
	return moment{hex.EncodeToString(value.AppendRow(nil, who)), ticks(row[t.Time])}
}

func ticks(v value.Value) int64 {
	if v.Kind() == value.Date {
		return v.Days()
	}
	return v.Micros()
}

func timeOf(t *dataset.Table, ticks int64) value.Value {
	if t.Columns[t.Time].Kind == value.Date {
		return value.OfDate(ticks)
	}
	return value.OfTime(ticks)
}

// key writes a moment as the key of a record, in the table's order.
func (m moment) key(t *dataset.Table) ([]value.Value, error) {
	b, err := hex.DecodeString(m.subject)
	if err != nil {
		return nil, err
	}
	others, rest, err := value.ReadRow(nil, b, len(t.Key)-1)
	if err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("quality: a finding of %s has no readable key", t.Name)
	}
	return slices.Insert(others, slices.Index(t.Key, t.Time), timeOf(t, m.time)), nil
}

// A finding is kept twice: by subject, to be compared with what a run of
// records shows, and newest first, to be listed. Datasets and rules are code
// words, subjects are hex, so that "/" ends every part.
const (
	bySubject = repo.Kept + "s/"
	byTime    = repo.Kept + "t/"
)

func subjectRange(name, rule, subject string) string {
	return bySubject + name + "/" + rule + "/" + subject + "/"
}

func timeRange(name, rule string) string { return byTime + name + "/" + rule + "/" }

// ascending writes ticks so that texts have the order of times; descending the
// other way round.
func ascending(ticks int64) string  { return fmt.Sprintf("%016x", uint64(ticks)^1<<63) }
func descending(ticks int64) string { return fmt.Sprintf("%016x", ^(uint64(ticks) ^ 1<<63)) }

func ticksOf(ascending string) (int64, error) {
	u, err := strconv.ParseUint(ascending, 16, 64)
	return int64(u ^ 1<<63), err
}

// after is the first key behind all that begin with a prefix that ends in "/".
func after(prefix string) string { return prefix[:len(prefix)-1] + "0" }

package sqlite

import (
	"database/sql/driver"
	"io"
	"strings"
	"testing"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
	"huong.city/huong/internal/store/storetest"
)

// database is a directory of a test.
type database struct{ dir string }

func (b *database) Open(t *testing.T) store.Driver {
	t.Helper()
	d, err := Open(b.dir, Options{WriterCache: 4 << 10, ReaderCache: 2 << 10})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return d
}

func (b *database) Restore(t *testing.T, backup io.Reader) storetest.Database {
	t.Helper()
	to := &database{t.TempDir()}
	if err := Restore(backup, to.dir, Options{}); err != nil {
		t.Fatalf("restore: %v", err)
	}
	return to
}

// falsify runs SQL on the file past the driver.
func (b *database) falsify(t *testing.T, sql string, key []value.Value) {
	t.Helper()
	c, err := dial(b.dir+"/"+File, 1<<10, false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	args := make([]driver.Value, len(key))
	for i, k := range key {
		args[i] = bind(k)
	}
	if err := c.exec(sql, args...); err != nil {
		t.Fatal(err)
	}
}

// otherThanKey picks a text column outside the key.
func otherThanKey(p *plan) string {
	for i, c := range p.t.Columns {
		if c.Kind == value.Text && !p.isKey(i) {
			return p.cols[i]
		}
	}
	return ""
}

func (b *database) TamperRow(t *testing.T, table *dataset.Table, key []value.Value) {
	p, err := newPlan(table)
	if err != nil {
		t.Fatal(err)
	}
	b.falsify(t, "UPDATE "+p.table+" SET "+otherThanKey(p)+"='tampered' WHERE "+p.keyWhere, key)
}

func (b *database) TamperHistory(t *testing.T, table *dataset.Table, key []value.Value) {
	p, err := newPlan(table)
	if err != nil {
		t.Fatal(err)
	}
	b.falsify(t, "UPDATE "+p.history+" SET "+otherThanKey(p)+"='tampered' WHERE "+p.keyWhere, key)
}

func (b *database) TamperLog(t *testing.T, seq int64) {
	b.falsify(t, "UPDATE _log SET reason='tampered' WHERE seq="+itoa(seq), nil)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Database { return &database{t.TempDir()} })
}

func TestDates(t *testing.T) {
	t.Parallel()
	for days := int64(-719528); days <= 2932896; days += 13 {
		s := isoDate(days)
		if want := value.OfDate(days).CalendarDay().Format("2006-01-02"); s != want {
			t.Fatalf("%d is %s, want %s", days, s, want)
		}
		if back, ok := parseISO(s); !ok || back != days {
			t.Fatalf("%s reads as %d, want %d", s, back, days)
		}
	}
	for _, s := range []string{"", "2025-1-01", "2025/01/01", strings.Repeat("9", 10), "２０２５-01-01"} {
		if _, ok := parseISO(s); ok {
			t.Errorf("%q is read as a date", s)
		}
	}
}

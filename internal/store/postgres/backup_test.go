package postgres

import (
	"bytes"
	"context"
	"testing"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/store"
)

// TestRestoreRefuses leaves no half database behind a bad backup, and touches
// none that is in use.
func TestRestoreRefuses(t *testing.T) {
	ds, tab, catalog := twoDrivers(t)
	ctx := context.Background()
	if out, err := ds[0].Append(ctx, catalog, []store.Item{set(tab, "a", 1)}); err != nil || out[0].Err != nil {
		t.Fatal(err, out)
	}
	var whole bytes.Buffer
	if err := ds[0].Backup(ctx, &whole, func(int64, int64) {}); err != nil {
		t.Fatal(err)
	}
	if err := Restore(ctx, bytes.NewReader(whole.Bytes()), ds[0].url, Options{}); problem.KindOf(err) != problem.Conflict {
		t.Errorf("a database in use: %v", err)
	}
	to := cluster.Database(t)
	altered := bytes.Clone(whole.Bytes())
	altered[len(altered)/2] ^= 0x10
	for what, b := range map[string][]byte{
		"nothing": nil, "text": []byte("not a backup"), "one cut short": whole.Bytes()[:whole.Len()-9], "half of one": whole.Bytes()[:whole.Len()/2], "an altered one": altered,
	} {
		if err := Restore(ctx, bytes.NewReader(b), to, Options{}); problem.KindOf(err) != problem.Invalid {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := Restore(ctx, &whole, to, Options{}); err != nil {
		t.Fatalf("after all that: %v", err)
	}
}

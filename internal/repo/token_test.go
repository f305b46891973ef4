package repo_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store/sqlite"
)

// A token that another process revokes ends here as well: with the next look at
// the head, and with the next commit of our own, after which the head alone
// would not tell that others have written.
func TestTokenRevokedByAnotherProcess(t *testing.T) {
	for _, by := range []string{"poll", "commit"} {
		t.Run(by, func(t *testing.T) {
			dir, c := t.TempDir(), newClock()
			poll := time.Millisecond
			if by == "commit" {
				poll = time.Hour
			}
			d, err := sqlite.Open(dir, sqlite.Options{})
			if err != nil {
				t.Fatal(err)
			}
			ours, err := repo.Open(t.Context(), repo.Config{Driver: d, Now: c.Now, Poll: poll})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { ours.Close(context.Background()) })
			declare(t, ours, stations)
			secret, err := ours.CreateToken(t.Context(), repo.Operator(), "x", []string{"*"}, nil, "", time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			p, err := ours.Authenticate(t.Context(), secret)
			if err != nil {
				t.Fatal(err)
			}
			theirs := openAt(t, dir, c)
			if err := theirs.RevokeToken(t.Context(), repo.Operator(), strings.TrimPrefix(p.Name, "token:")); err != nil {
				t.Fatal(err)
			}
			if by == "commit" {
				mustPut(t, ours, "station", `{"code":"A","name":"one"}`)
			}
			for deadline := time.Now().Add(10 * time.Second); ; {
				_, err := ours.Authenticate(t.Context(), secret)
				if err != nil || by == "commit" {
					wantKind(t, err, problem.Unauthenticated)
					return
				}
				if time.Now().After(deadline) {
					t.Fatal("the revocation was never noticed")
				}
			}
		})
	}
}

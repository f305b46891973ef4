package web

import (
	"net/http/httptest"
	"testing"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
)

func TestTheTaskOfARequest(t *testing.T) {
	kept := repo.Principal{Purpose: "inquiry", Case: "HS-1", HiddenUntil: 5}
	at := time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)
	for _, x := range []struct {
		why     string
		headers map[string]string
		want    repo.Principal
		code    string
	}{
		{"none", nil, kept, ""},
		{"another purpose is not hidden", map[string]string{PurposeHeader: "care"}, repo.Principal{Purpose: "care", Case: "HS-1"}, ""},
		{"hidden by the request", map[string]string{PurposeHeader: "inquiry", CaseHeader: "HS-2", HiddenHeader: "2027-01-02T07:00:00+07:00"}, repo.Principal{Purpose: "inquiry", Case: "HS-2", HiddenUntil: at.UnixMicro()}, ""},
		{"a day is no moment", map[string]string{HiddenHeader: "2027-01-02"}, kept, "hide-malformed"},
		{"before 1970", map[string]string{HiddenHeader: "1960-01-02T00:00:00Z"}, kept, "hide-malformed"},
	} {
		r := &Request{Request: httptest.NewRequest("GET", "/", nil), Principal: kept}
		for name, val := range x.headers {
			r.Header.Set(name, val)
		}
		err := r.task()
		if code := ""; err != nil {
			if code = problem.As(err).Code; code != x.code {
				t.Errorf("%s: %s", x.why, code)
			}
		} else if x.code != "" {
			t.Errorf("%s is taken", x.why)
		}
		p := r.Principal
		if p.Purpose != x.want.Purpose || p.Case != x.want.Case || p.HiddenUntil != x.want.HiddenUntil {
			t.Errorf("%s: %+v", x.why, p)
		}
	}
}

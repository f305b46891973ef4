package request_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/request"
)

const least = `name: requests
title: {vi: Danh mục, en: Catalogue}
desk: ioc
tracks: [{code: on-site, title: {vi: A, en: A}, law: L}]
groups: [{code: g, title: {vi: G, en: G}, categories: [{code: c, title: {vi: C, en: C}, description: {vi: D, en: D}}]}]
rules: [{code: all, title: {vi: T, en: T}, agency: ioc}]
`

// Where a city says nothing the usual terms hold, and what it says takes their place.
func TestUpkeep(t *testing.T) {
	c, err := request.Parse("requests.yaml", []byte(least))
	if err != nil || !reflect.DeepEqual(c.Upkeep, request.DefaultUpkeep()) {
		t.Fatalf("%+v: %v", c, err)
	}
	c, err = request.Parse("requests.yaml", []byte(least+`limits: {account: 5, area: 0}
strikes: {count: 2, then: pause, pause: 30d}
recheck: 10d
identity: 2y
retention: [{code: old, title: {vi: Cũ, en: Old}, states: [closed], after: 90d, basis: Luật}]
`))
	if err != nil {
		t.Fatal(err)
	}
	u := c.Upkeep
	if u.Limits != (request.Limits{Account: 5, Device: 10, Area: 0, Letters: 3}) || u.Strikes != (request.Strikes{Count: 2, Keep: request.Term{Days: 180}, Then: request.Pause, Pause: request.Term{Days: 30}}) ||
		u.Recheck != (request.Term{Days: 10}) || u.Identity != (request.Term{Years: 2}) || len(u.Retention) != 1 || u.Retention[0].After != (request.Term{Days: 90}) {
		t.Errorf("%+v", u)
	}
	at := time.Date(2024, 2, 29, 9, 0, 0, 0, time.UTC)
	if got := (request.Term{Years: 1}).Before(at); !got.Equal(time.Date(2023, 3, 1, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("a year before a leap day: %v", got)
	}
	for text, code := range map[string]string{"recheck: 4w": "requests-term", "identity: 0d": "requests-term", "strikes: {then: ban}": "declaration-word",
		"limits: {account: -1}": "", "retention: [{code: a}]": "declaration-missing"} {
		_, err := request.Parse("requests.yaml", []byte(least+text+"\n"))
		if err == nil {
			t.Errorf("%s: taken", text)
			continue
		}
		vs := problem.As(err).Violations
		if code != "" && vs[0].Code != code || vs[0].Position.Line != strings.Count(least, "\n")+1 {
			t.Errorf("%s: %+v", text, vs)
		}
	}
}

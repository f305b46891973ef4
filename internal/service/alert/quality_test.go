package alert_test

import (
	"testing"
	"time"

	core "huong.city/huong/internal/core/alert"
	"huong.city/huong/internal/service/alert"
)

func TestMeasure(t *testing.T) {
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	var list []alert.Line
	add := func(minutes int, s core.Severity, rule, group string, acknowledged int) {
		l := alert.Line{Group: group, Rule: rule, Peak: s, Severity: s, State: alert.Raised, RaisedAt: at(minutes), DueFirst: at(minutes + 10)}
		if acknowledged >= 0 {
			l.AcknowledgedFirst, l.State = at(acknowledged), alert.Acknowledged
		}
		list = append(list, l)
	}
	for i := range 12 {
		add(60+i/2, core.Low, "a", "g", 65+i) // an upset: 12 in six minutes
	}
	add(60, core.High, "b", "h", 100) // late
	add(75, core.High, "b", "h", -1)  // of the same upset
	add(80, core.Medium, "b", "h", -1)
	add(-5, core.Low, "a", "old", -1) // before the span
	list = append(list, alert.Line{Group: "x", Rule: "c", Peak: core.Low, State: alert.Cleared, RaisedAt: at(200), DueFirst: at(210), ClearedAt: at(205)})
	q := alert.Measure(list, start, start.Add(10*time.Hour), 2, at(2000))
	if q.Lines != 16 || q.PerTen != 16.0/2/60 || q.PeakTen != 6.5 || !q.PeakAt.Equal(at(60)) {
		t.Errorf("rates: %+v", q)
	}
	if q.AfterUpset != 6.5 || !q.UpsetAt.Equal(at(60)) {
		t.Errorf("after the upset: %v at %v", q.AfterUpset, q.UpsetAt)
	}
	if q.Shares[core.High] != 2.0/16 || q.Shares[core.Low] != 13.0/16 {
		t.Errorf("shares: %v", q.Shares)
	}
	if len(q.Chattering) != 2 || q.Chattering[0] != (alert.RuleCount{Name: "g", Count: 12}) || q.Chattering[1].Count != 3 {
		t.Errorf("chattering: %v", q.Chattering)
	}
	if q.Stale != 16 || q.Due != 15 || q.InTime != 11.0/15 {
		t.Errorf("stale %d, in time %v of %d", q.Stale, q.InTime, q.Due)
	}
	if len(q.Buckets) != 60 || q.Buckets[6] != 13 || q.Buckets[7] != 1 {
		t.Errorf("buckets: %v", q.Buckets)
	}
	if q.Top[0].Name != "a" || q.TopShare != 1 {
		t.Errorf("top: %v %v", q.Top, q.TopShare)
	}
	if empty := alert.Measure(nil, start, start, 0, start); empty.Lines != 0 || empty.PerTen != 0 || len(empty.Buckets) != 1 {
		t.Errorf("nothing: %+v", empty)
	}
}

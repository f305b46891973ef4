package sqlite

import (
	"syscall"
	"testing"
	"time"
)

// stopwatch times two things that are done in turns, so that a slow phase of
// the machine meets both. Processor time of the process is kept beside the
// clock's, since it is the steadier of the two where others use the machine.
type stopwatch struct {
	b     *testing.B
	spent [2]time.Duration
	cpu   [2]time.Duration
	times int
}

func newStopwatch(b *testing.B) *stopwatch { return &stopwatch{b: b} }

func (s *stopwatch) time(which int, fn func()) {
	begun, cpu := time.Now(), processor()
	fn()
	s.spent[which] += time.Since(begun)
	s.cpu[which] += processor() - cpu
	if which == 0 {
		s.times++
	}
}

func processor() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// report gives ours per second, µs per turn, and the speed of ours as a part of
// the bare way's, by the clock and by the processor.
func (s *stopwatch) report(rows int) {
	per := s.spent[0].Seconds() / float64(s.times)
	s.b.ReportMetric(float64(rows)/per, "rows/s")
	s.b.ReportMetric(per*1e6, "µs/op")
	s.b.ReportMetric(s.cpu[0].Seconds()/float64(s.times)*1e6/float64(rows), "cpu-µs/row")
	s.b.ReportMetric(0, "ns/op")
	if s.spent[1] > 0 {
		s.b.ReportMetric(s.spent[1].Seconds()/s.spent[0].Seconds(), "of-bare")
		s.b.ReportMetric(s.cpu[1].Seconds()/s.cpu[0].Seconds(), "of-bare-cpu")
	}
}

package ingest

import "time"

// localFault says why a wall-clock time names no one instant.
type localFault uint8

const (
	localFine  localFault = iota
	localGap              // clocks were set forward over it
	localTwice            // clocks were set back: it came twice
)

// instant turns a moment into microseconds since 1970 UTC. A time without an
// offset is read on the wall clocks of zone; one that they skipped or showed
// twice is a fault, since either guess would be an invention.
func (m *moment) instant(zone *time.Location) (micros int64, fault localFault) {
	naive := time.Date(m.year, time.Month(m.month), m.day, m.hour, m.minute, m.second, 0, time.UTC).Unix()
	if m.zoned {
		return (naive-int64(m.offset))*1_000_000 + int64(m.micros), localFine
	}
	before, after := offsetAt(zone, naive-86400), offsetAt(zone, naive+86400)
	first, second := naive-before, naive-after
	okFirst, okSecond := offsetAt(zone, first) == before, offsetAt(zone, second) == after
	switch {
	case before == after && okFirst:
		return first*1_000_000 + int64(m.micros), localFine
	case okFirst && okSecond && first != second:
		return 0, localTwice
	case okFirst:
		return first*1_000_000 + int64(m.micros), localFine
	case okSecond:
		return second*1_000_000 + int64(m.micros), localFine
	}
	return 0, localGap
}

// offsetAt returns the seconds east of UTC that zone's clocks show at an instant.
func offsetAt(zone *time.Location, unix int64) int64 {
	_, offset := time.Unix(unix, 0).In(zone).Zone()
	return int64(offset)
}

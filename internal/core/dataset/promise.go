package dataset

import "time"

// Promised is a service level that is a time, such as "frequency" or "latency";
// 0 when it is not declared. Months count 30 days and years 365.
func (d *Dataset) Promised(property string) time.Duration {
	units := map[string]time.Duration{"s": time.Second, "min": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour, "mo": 30 * 24 * time.Hour, "y": 365 * 24 * time.Hour}
	for _, s := range d.SLA {
		if s.Property != property {
			continue
		}
		n := 0.0
		switch x := s.Value.(type) {
		case int:
			n = float64(x)
		case int64:
			n = float64(x)
		case uint64:
			n = float64(x)
		case float64:
			n = x
		}
		if n > 0 && n < 1e5 {
			return time.Duration(n * float64(units[s.Unit]))
		}
	}
	return 0
}

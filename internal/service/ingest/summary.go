package ingest

import (
	"time"

	"huong.city/huong/internal/core/problem"
)

// Summary accounts for every row: Read = Accepted + Unchanged + Quarantined +
// Skipped. Updated rows are among the accepted ones.
type Summary struct {
	ID          string // of the import record; empty for Records
	Dataset     string
	State       string // done, failed, cancelled
	Read        int64
	Accepted    int64 // created or updated
	Updated     int64
	Unchanged   int64 // the record already was exactly that
	Quarantined int64
	Skipped     int64            // rows that the mapping says are no records
	Seq         int64            // of the last commit that this load made; where it made none, the head at which all was found unchanged
	Skips       map[string]int64 // by reason: no-value (a blank cell of a wide table), skip-N (the mapping's N-th skip condition)
	Flags       map[string]int64 // by mapping flag: accepted or unchanged rows that carry it
	Rules       map[string]int64 // by rule: rows sent to quarantine for it
	Files       []FileSummary
	Started     time.Time
	Finished    time.Time
}

// FileSummary is what one file gave.
type FileSummary struct {
	Name     string
	Format   string
	Digest   string              // SHA-256 of the file as stored, in hex
	Rows     int64               // rows read, before unpivoting
	Warnings []problem.Violation // columns that nothing uses, columns that the mapping names in vain, the line where a footer ended a table
	Fault    error               // why the file, or the rest of it, could not be read; nil when all was
}

// Progress is told about every quarter of a second.
type Progress struct {
	File  string
	Rows  int64         // rows read so far, of all files
	Bytes int64         // bytes of this file read as it is stored
	Total int64         // its size; 0 when unknown
	Rate  float64       // rows per second since the start
	Left  time.Duration // for this file, by bytes; 0 when unknown
}

func (s *Summary) rule(v []problem.Violation) {
	if s.Rules == nil {
		s.Rules = map[string]int64{}
	}
	s.Rules[ruleOf(v)]++
}

func (s *Summary) skip(reasons map[string]int64) {
	for reason, n := range reasons {
		if s.Skips == nil {
			s.Skips = map[string]int64{}
		}
		s.Skips[reason] += n
		s.Skipped += n
		s.Read += n
	}
}

func (s *Summary) flag(names []string) {
	for _, n := range names {
		if s.Flags == nil {
			s.Flags = map[string]int64{}
		}
		s.Flags[n]++
	}
}

// ruleOf names the rule that a refused row broke first: the quality rule's own
// name, else the code of the fault.
func ruleOf(vs []problem.Violation) string {
	if len(vs) == 0 {
		return ""
	}
	if vs[0].Code == "value-rule" && vs[0].Args["rule"] != "" {
		return vs[0].Args["rule"]
	}
	return vs[0].Code
}

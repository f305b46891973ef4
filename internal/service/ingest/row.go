package ingest

import (
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// Row is one row of a table as it was read. Its texts stay valid: nothing of
// it is reused by the reader.
type Row struct {
	Line  int                // 1-based line where the row begins, or row of a sheet
	Cells []Cell             // by the table's columns; may be shorter than Columns
	Fault *problem.Violation // why the row could not be read whole; nil for a good row
	Raw   string             // with Fault: what was read of the row, when its cells are unknown
}

// Cell is one cell. Null marks a cell that is not there (JSON null, an empty
// cell of a workbook) as opposed to an empty text.
type Cell struct {
	Text string
	Null bool
	Date bool // a date or time of a workbook, in ISO 8601
	JSON bool // the text of a JSON value that is no string
}

// table is one table of a file.
type table interface {
	// columns returns the names in order. JSON tables may gain columns while
	// they are read; existing ones keep their index.
	columns() []string
	// next reads the next row or returns io.EOF. Any other error ends the
	// table: its syntax is lost and nothing after can be trusted.
	next(row *Row) error
}

// footer ends a table at the first row whose leading cell matches pattern. A nil
// one never does.
type footer struct {
	pattern *regexp.Regexp
	line    int // of the row that ended the present table; 0 while none has
}

func (f *footer) ends(row *Row) bool {
	if f == nil || len(row.Cells) == 0 || !f.pattern.MatchString(strings.TrimSpace(row.Cells[0].Text)) {
		return false
	}
	f.line = row.Line
	return true
}

// rawCut bounds what is kept of a row whose cells cannot be told apart.
const rawCut = 64 << 10

func cutRaw(b []byte) string {
	if len(b) > rawCut {
		b = b[:rawCut]
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

// nfc normalises text to Unicode form C.
func nfc(s string) string {
	if value.IsCommonText(s) {
		return s
	}
	return norm.NFC.String(s)
}

// columnNames makes the header cells usable as names: trimmed, NFC, an empty
// one named by its place ("#3"), a repeated one numbered ("name (2)").
func columnNames(cells []string) []string {
	names := make([]string, len(cells))
	seen := make(map[string]int, len(cells))
	for i, c := range cells {
		n := strings.TrimSpace(nfc(strings.ToValidUTF8(c, "\uFFFD")))
		if n == "" {
			n = "#" + strconv.Itoa(i+1)
		}
		for base := n; seen[n] > 0; {
			seen[base]++
			n = base + " (" + strconv.Itoa(seen[base]) + ")"
		}
		seen[n]++
		names[i] = n
	}
	return names
}

func violation(code string, column int, kv ...any) *problem.Violation {
	v := problem.Violate(code, "", kv...)
	v.Position.Column = column
	return &v
}

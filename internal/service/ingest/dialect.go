package ingest

import (
	"bytes"

	"huong.city/huong/internal/core/problem"
)

// dialect is how a delimited text separates its cells.
type dialect struct {
	delimiter  byte
	newline    byte
	transcoded bool
}

// sniff reads the dialect from the beginning of the decoded text. header is
// the 1-based line of the header; what stands above it is not looked at.
func sniff(sample []byte, declared string, header int) (dialect, error) {
	d := dialect{delimiter: ',', newline: '\n'}
	if bytes.IndexByte(sample, '\n') < 0 && bytes.IndexByte(sample, '\r') >= 0 {
		d.newline = '\r'
	}
	switch {
	case declared == `\t` || declared == "tab":
		d.delimiter = '\t'
		return d, nil
	case len(declared) == 1 && declared[0] < 0x80 && declared != "\"" && declared != "\n" && declared != "\r":
		d.delimiter = declared[0]
		return d, nil
	case declared != "":
		return d, problem.New(problem.Invalid, "intake-delimiter", "found", declared)
	}
	for range header - 1 {
		i := bytes.IndexByte(sample, d.newline)
		if i < 0 {
			break
		}
		sample = sample[i+1:]
	}
	best := 0
	for _, c := range []byte{',', ';', '\t', '|'} {
		if s := consistency(sample, c, d.newline); s > best {
			best, d.delimiter = s, c
		}
	}
	return d, nil
}

// consistency scores a delimiter: how many of the first records have exactly as
// many delimiters outside quotes as the header, weighted above their number.
func consistency(sample []byte, delim, newline byte) int {
	quoted := false
	count, header, agree, records := 0, -1, 0, 0
	end := func() {
		if header < 0 {
			header = count
		} else if count == header {
			agree++
		}
		records++
		count = 0
	}
	for i := 0; i < len(sample) && records < 100; i++ {
		switch c := sample[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == delim:
			count++
		case c == newline:
			end()
		}
	}
	if records == 0 {
		end()
	}
	if header <= 0 {
		return 0
	}
	return 1000*(agree+1)/(records+1) + min(header, 900)
}

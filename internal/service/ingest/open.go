package ingest

import (
	"archive/zip"
	"bufio"
	"bytes"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"

	"github.com/klauspost/compress/gzip"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
)

// File is one input. Name is what positions and errors show.
type File struct {
	Name string
	Size int64 // bytes as stored; 0 when unknown
	Open func() (io.ReadCloser, error)
}

// PathFile is a file of the local disk. Shown under its base name.
func PathFile(name string) File {
	f := File{Name: path.Base(strings.ReplaceAll(name, `\`, "/"))}
	if info, err := os.Stat(name); err == nil {
		f.Size = info.Size()
	}
	f.Open = func() (io.ReadCloser, error) {
		r, err := os.Open(name)
		if err != nil {
			if os.IsNotExist(err) {
				return nil, problem.Wrap(err, problem.NotFound, "not-found", "what", f.Name)
			}
			return nil, problem.Wrap(err, problem.Invalid, "intake-open", "file", f.Name)
		}
		return r, nil
	}
	return f
}

// Source reads the tables of one input, one after the other: one for a text
// file or a workbook, one per member of an archive. It is used by one goroutine.
type Source struct {
	name    string
	format  string
	mapping *dataset.Mapping
	limits  Limits
	wanted  []string // JSON Pointers into records that a mapping asks for
	count   *counter
	closers []func() error
	members []*zip.File
	member  string
	current table
	sheet   string
	opened  bool
	first   func() (table, error)
	footer  *footer
}

// sampleSize is how much of a text is looked at to tell format, encoding and dialect.
const sampleSize = 64 << 10

// Open looks at the beginning of an input and prepares to read it. The format
// comes from the mapping, else from the content, else from the name. m may be nil.
func Open(f File, m *dataset.Mapping, l Limits) (*Source, error) {
	if m == nil {
		m = &dataset.Mapping{}
	}
	s := &Source{name: f.Name, mapping: m}
	if m.Footer != "" {
		re, err := regexp.Compile(m.Footer)
		if err != nil {
			return nil, problem.New(problem.Invalid, "intake-pattern", "what", "footer", "pattern", m.Footer)
		}
		s.footer = &footer{pattern: re}
	}
	s.wanted = pointers(m)
	s.limits = l.withDefaults()
	rc, err := f.Open()
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, rc.Close)
	if err := s.open(rc); err != nil {
		s.Close()
		return nil, s.locate(err)
	}
	return s, nil
}

func (s *Source) open(rc io.Reader) error {
	s.count = &counter{r: rc}
	in := bufio.NewReaderSize(s.count, sampleSize)
	head, err := peek(in)
	if err != nil {
		return err
	}
	name := strings.ToLower(s.name)
	switch {
	case len(head) == 0:
		return problem.New(problem.Invalid, "intake-empty")
	case bytes.HasPrefix(head, []byte{0x1F, 0x8B}):
		gz, err := gzip.NewReader(in)
		if err != nil {
			return problem.Wrap(err, problem.Invalid, "intake-packed")
		}
		in = bufio.NewReaderSize(&guard{r: gz, packed: s.count, limits: s.limits}, sampleSize)
		if head, err = peek(in); err != nil {
			return err
		}
		if len(head) == 0 {
			return problem.New(problem.Invalid, "intake-empty")
		}
		name = strings.TrimSuffix(name, ".gz")
	}
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return s.openZip(rc, in)
	case bytes.HasPrefix(head, []byte{0xD0, 0xCF, 0x11, 0xE0}):
		return problem.New(problem.Invalid, "intake-old-workbook")
	}
	s.first = func() (table, error) { return s.text(in, head, name) }
	return nil
}

// openZip opens a workbook or an archive, which can only be read with random
// access: a plain file is used in place, anything else is kept aside.
func (s *Source) openZip(rc io.Reader, in io.Reader) error {
	at, size, err := s.randomAccess(rc, in)
	if err != nil {
		return err
	}
	z, err := zip.NewReader(at, size)
	if err != nil {
		return problem.Wrap(err, problem.Invalid, "intake-packed")
	}
	for _, m := range z.File {
		if m.Name == "xl/workbook.xml" {
			s.format = "xlsx"
			s.first = func() (table, error) {
				t, sheet, err := openWorkbook(z, s.mapping, s.footer, s.limits)
				s.sheet = sheet
				return t, err
			}
			return nil
		}
	}
	s.members = s.choose(z.File)
	if len(s.members) == 0 {
		return problem.New(problem.Invalid, "intake-archive-empty", "sheet", s.mapping.Sheet)
	}
	return nil
}

// choose picks the members of an archive: those that Sheet names by path, base
// name or pattern; without Sheet, all that hold rows by their extension.
func (s *Source) choose(all []*zip.File) []*zip.File {
	var chosen []*zip.File
	for _, m := range all {
		base := path.Base(m.Name)
		if m.Mode()&fs.ModeType != 0 || strings.HasPrefix(base, ".") || strings.HasPrefix(m.Name, "__MACOSX/") {
			continue
		}
		if want := s.mapping.Sheet; want != "" {
			whole, _ := path.Match(want, m.Name)
			part, _ := path.Match(want, base)
			if m.Name == want || base == want || whole || part {
				chosen = append(chosen, m)
			}
			continue
		}
		switch strings.ToLower(path.Ext(base)) {
		case ".csv", ".tsv", ".txt", ".json", ".ndjson", ".jsonl", ".geojson":
			chosen = append(chosen, m)
		}
	}
	return chosen
}

func (s *Source) randomAccess(rc io.Reader, in io.Reader) (io.ReaderAt, int64, error) {
	if f, ok := rc.(*os.File); ok && s.count.r == rc {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			var magic [2]byte
			if _, err := f.ReadAt(magic[:], 0); err == nil && magic == [2]byte{'P', 'K'} {
				return &countedAt{f, s.count}, info.Size(), nil
			}
		}
	}
	tmp, err := os.CreateTemp("", "huong-intake-*")
	if err != nil {
		return nil, 0, err
	}
	s.closers = append(s.closers, tmp.Close)
	if err := os.Remove(tmp.Name()); err != nil {
		return nil, 0, err
	}
	n, err := io.Copy(tmp, io.LimitReader(in, s.limits.Spool+1))
	if err != nil {
		return nil, 0, err
	}
	if n > s.limits.Spool {
		return nil, 0, problem.New(problem.TooLarge, "too-large", "limit", bytesText(s.limits.Spool))
	}
	return tmp, n, nil
}

// text opens one text of rows.
func (s *Source) text(in *bufio.Reader, head []byte, name string) (table, error) {
	out, _, transcoded, err := decode(in, head, s.mapping.Encoding)
	if err != nil {
		return nil, err
	}
	buf := bufio.NewReaderSize(out, sampleSize)
	if head, err = peek(buf); err != nil {
		return nil, err
	}
	format := s.mapping.Format
	if format == "" || format == "xlsx" || format == "zip" {
		format = formatOf(name, head)
	}
	s.format = format
	switch format {
	case "json", "geojson", "ndjson":
		return newJSON(buf, format, s.mapping.Records, s.wanted, s.limits)
	case "csv", "tsv":
		header := 1
		if s.mapping.Header != nil {
			header = max(1, *s.mapping.Header)
		}
		delim := s.mapping.Delimiter
		if delim == "" && s.mapping.Format == "tsv" {
			delim = "\t"
		}
		d, err := sniff(head, delim, header)
		if err != nil {
			return nil, err
		}
		d.transcoded = transcoded
		return newCSV(buf, d, header, s.footer, s.limits)
	}
	return nil, problem.New(problem.Invalid, "intake-format", "format", format)
}

// formatOf tells the format of a text by its name, else by its first character.
func formatOf(name string, head []byte) string {
	switch path.Ext(name) {
	case ".csv":
		return "csv"
	case ".tsv", ".tab":
		return "tsv"
	case ".json":
		return "json"
	case ".geojson":
		return "geojson"
	case ".ndjson", ".jsonl":
		return "ndjson"
	}
	switch t := bytes.TrimLeft(head, " \t\r\n"); {
	case bytes.HasPrefix(t, []byte("[")):
		return "json"
	case bytes.HasPrefix(t, []byte("{")):
		if i := bytes.IndexByte(t, '\n'); i > 0 && bytes.HasSuffix(bytes.TrimRight(t[:i], " \t\r"), []byte("}")) {
			return "ndjson"
		}
		return "json"
	}
	return "csv"
}

// Footer is the line at which the mapping's footer ended the present table; 0
// when it has not.
func (s *Source) Footer() int {
	if s.footer == nil {
		return 0
	}
	return s.footer.line
}

// NextTable moves to the next table; io.EOF after the last. An error other than
// io.EOF concerns that table: the next may still be asked for.
func (s *Source) NextTable() error {
	s.current = nil
	if s.footer != nil {
		s.footer.line = 0
	}
	if s.first != nil {
		open := s.first
		s.first = nil
		t, err := open()
		if err != nil {
			return s.locate(err)
		}
		s.current = t
		return nil
	}
	if len(s.members) == 0 {
		return io.EOF
	}
	m := s.members[0]
	s.members = s.members[1:]
	s.member = m.Name
	rc, err := m.Open()
	if err != nil {
		return s.locate(problem.Wrap(err, problem.Invalid, "intake-packed"))
	}
	s.closers = append(s.closers, rc.Close)
	in := bufio.NewReaderSize(&guard{r: rc, size: int64(m.CompressedSize64), limits: s.limits}, sampleSize)
	head, err := peek(in)
	if err == nil && len(head) == 0 {
		err = problem.New(problem.Invalid, "intake-empty")
	}
	if err != nil {
		return s.locate(err)
	}
	t, err := s.text(in, head, strings.ToLower(m.Name))
	if err != nil {
		return s.locate(err)
	}
	s.current = t
	return nil
}

// Format is the format of the current table.
func (s *Source) Format() string { return s.format }

// Columns lists the current table's columns; those of JSON grow while reading.
func (s *Source) Columns() []string { return s.current.columns() }

// Next reads the next row of the current table; io.EOF at its end.
func (s *Source) Next(row *Row) error {
	err := s.current.next(row)
	if err != nil && err != io.EOF {
		return s.locate(err)
	}
	return err
}

// Position says where in the input a row stands.
func (s *Source) Position(line int) problem.Position {
	p := problem.Position{File: s.name, Sheet: s.sheet, Line: line}
	if s.member != "" {
		p.Sheet = s.member
	}
	return p
}

// BytesRead counts the bytes taken from the input as it is stored (packed).
func (s *Source) BytesRead() int64 { return s.count.n.Load() }

// Close frees what the source holds.
func (s *Source) Close() error {
	var first error
	for i := len(s.closers) - 1; i >= 0; i-- {
		if err := s.closers[i](); err != nil && first == nil {
			first = err
		}
	}
	s.closers = nil
	return first
}

// locate gives an error the file's name.
func (s *Source) locate(err error) error {
	e := problem.As(unpackError(err))
	out := *e
	if len(out.Violations) == 0 && out.Kind != problem.Internal {
		out.Violations = []problem.Violation{{Code: out.Code, Args: out.Args, Position: s.Position(0)}}
	} else {
		out.Violations = append([]problem.Violation(nil), out.Violations...)
		for i := range out.Violations {
			p := s.Position(out.Violations[i].Position.Line)
			p.Column = out.Violations[i].Position.Column
			p.Offset = out.Violations[i].Position.Offset
			out.Violations[i].Position = p
		}
	}
	return &out
}

func peek(in *bufio.Reader) ([]byte, error) {
	head, err := in.Peek(sampleSize)
	if err != nil && err != io.EOF && len(head) == 0 {
		return nil, err
	}
	return head, nil
}

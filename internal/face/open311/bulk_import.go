package open311

import (
	"encoding/csv"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"huong.city/huong/internal/core/problem"
)

// batchRows is how many rows are taken at once.
const batchRows = 500

// mostRejections bounds what is told of rows that were not taken; they are
// counted beyond it. The rows are the sender's, who still has them.
const mostRejections = 10_000

// rowBytes bounds one row, so that a quote that is never closed does not fill the
// memory.
const rowBytes = 1 << 20

// rationed reads a body no further than it is allowed to for one row.
type rationed struct {
	body io.Reader
	left int
}

func (r *rationed) Read(b []byte) (int, error) {
	if r.left <= 0 {
		return 0, problem.New(problem.TooLarge, "too-large", "limit", "1 MiB")
	}
	n, err := r.body.Read(b[:min(len(b), r.left)])
	r.left -= n
	return n, err
}

// intake is one bulk file on its way in.
type intake struct {
	face                                *Face
	call                                *call
	read, accepted, unchanged, rejected int64
	rejections                          []problem.Violation
	batch                               []Past
	cells                               [][]string      // of the batch, as they came
	refused                             []Refused       // since the last batch
	names                               []string        // of the columns
	ids                                 map[string]bool // in the batch
}

// bulk takes requests of the past from CSV, as who may write requests. Rows that
// are good are taken, the others told with line, column and reason and kept in
// quarantine until a file brings them repaired; rows that are there already exactly
// so are unchanged, so sending a file again is safe.
func (f *Face) bulk(c *call) error {
	c.only()
	if err := c.faults(); err != nil {
		return err
	}
	switch {
	case c.who.Name == "":
		return problem.New(problem.Denied, "georeport-key-missing")
	case !f.Repo.MayWrite(c.who, Dataset):
		return problem.New(problem.Denied, "georeport-denied")
	}
	kind, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != "text/csv" || params["charset"] != "" && params["charset"] != "utf-8" && params["charset"] != "UTF-8" {
		return problem.New(problem.Invalid, "georeport-csv-type")
	}
	body := &rationed{body: c.r.Body, left: rowBytes}
	in := csv.NewReader(body)
	in.FieldsPerRecord = -1
	in.ReuseRecord = true
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return problem.New(problem.Invalid, "body-empty")
	}
	if err != nil {
		return c.broken(err, nil)
	}
	rows, err := f.reader(c, header, in.FieldPos)
	if err != nil {
		return err
	}
	k := &intake{face: f, call: c, ids: map[string]bool{}, names: namesOf(header)}
	for {
		body.left = rowBytes
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if e := k.flush(); e != nil {
				return e
			}
			return c.broken(err, k)
		}
		if err := k.take(rows, cells, in.FieldPos); err != nil {
			return err
		}
	}
	if err := k.flush(); err != nil {
		return err
	}
	return c.answer(http.StatusOK, k.summary())
}

// broken tells where the syntax of a file was lost, and what became of the rows
// before.
func (c *call) broken(err error, k *intake) error {
	lost, ok := errors.AsType[*csv.ParseError](err)
	if !ok {
		return err
	}
	taken := int64(0)
	var vs []problem.Violation
	if k != nil {
		taken, vs = k.accepted+k.unchanged, k.rejections
	}
	v := problem.Violate("georeport-csv-syntax", "", "taken", taken).At(problem.Position{Line: lost.Line, Column: lost.Column})
	return problem.InvalidWith("georeport-refused", append([]problem.Violation{v}, vs...))
}

func (k *intake) take(rows *past, cells []string, place func(int) (int, int)) error {
	k.read++
	x, vs := rows.row(cells, place)
	if x.ID != "" && k.ids[x.ID] {
		line, column := place(rows.at["service_request_id"])
		vs = append(vs, problem.Violate("georeport-csv-duplicate", "service_request_id").At(problem.Position{Line: line, Column: column}))
	}
	if len(vs) > 0 {
		k.reject(x, slices.Clone(cells), vs)
	} else {
		k.ids[x.ID] = true
		k.batch, k.cells = append(k.batch, x), append(k.cells, slices.Clone(cells))
	}
	if len(k.batch)+len(k.refused) < batchRows {
		return nil
	}
	return k.flush()
}

func (k *intake) reject(x Past, cells []string, vs []problem.Violation) {
	k.rejected++
	k.refused = append(k.refused, Refused{ID: x.ID, Names: k.names, Cells: cells, Line: x.Line, Faults: vs})
	k.rejections = append(k.rejections, vs[:min(len(vs), mostRejections-len(k.rejections))]...)
}

// namesOf are the names of the columns, which stay valid.
func namesOf(header []string) []string {
	names := make([]string, len(header))
	for i, name := range header {
		names[i] = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\uFEFF")))
	}
	return names
}

// flush hands the rows read so far to the desk, and then those that were not taken,
// which are kept until they are repaired.
func (k *intake) flush() error {
	if err := k.hand(); err != nil {
		return err
	}
	if len(k.refused) == 0 {
		return nil
	}
	err := k.face.Desk.Keep(k.call.ctx(), k.call.who, k.refused)
	k.refused = k.refused[:0]
	return err
}

func (k *intake) hand() error {
	if len(k.batch) == 0 {
		return nil
	}
	outcomes, err := k.face.Desk.Import(k.call.ctx(), k.call.who, k.batch)
	if err != nil {
		return err
	}
	for i, o := range outcomes {
		switch {
		case o.Err != nil:
			e := problem.As(o.Err)
			if e.Kind == problem.Internal {
				return o.Err
			}
			vs := e.Violations
			if len(vs) == 0 {
				vs = []problem.Violation{{Code: e.Code, Args: e.Args}}
			}
			for n := range vs {
				vs[n].Position = problem.Position{Line: k.batch[i].Line}
			}
			k.reject(k.batch[i], k.cells[i], vs)
		case o.Unchanged:
			k.unchanged++
		default:
			k.accepted++
		}
	}
	k.batch, k.cells = k.batch[:0], k.cells[:0]
	clear(k.ids)
	return nil
}

func (k *intake) summary() node {
	var items []node
	for _, v := range k.rejections {
		column := node{name: "column"}
		if v.Position.Column > 0 {
			column = whole("column", int64(v.Position.Column))
		}
		items = append(items, record("rejection", whole("line", int64(v.Position.Line)), column, some("field", v.Field),
			some("code", v.Code), some("description", problem.Text(k.call.lang, v.Code, v.Args))))
	}
	return record("import", whole("read", k.read), whole("accepted", k.accepted), whole("unchanged", k.unchanged), whole("rejected", k.rejected),
		array("rejections", items...))
}

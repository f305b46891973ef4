package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// pipe sends many statements of one connection without waiting between them,
// and hands their rows to the callbacks in order when it is flushed.
// Statements are prepared once per connection, within the same pipeline.
type pipe struct {
	ctx   context.Context
	conn  *pgx.Conn
	pl    *pgconn.Pipeline
	queue []expected
	known *prepared
}

// prepared is what one connection has prepared.
type prepared struct {
	names map[string]string // SQL text → name
	made  int               // names never come twice
}

type expected struct {
	sql     string               // what the server will answer
	name    string               // set when the answer is of preparing it
	rows    func([][]byte) error // gets each row; the bytes are valid during the call
	dropped bool                 // set when the answer is of dropping it
}

// maxPrepared bounds what one connection keeps prepared.
const maxPrepared = 600

func newPipe(ctx context.Context, conn *pgx.Conn) *pipe {
	data := conn.PgConn().CustomData()
	k, ok := data["huong"].(*prepared)
	if !ok {
		k = &prepared{names: map[string]string{}}
		data["huong"] = k
	}
	return &pipe{ctx: ctx, conn: conn, known: k}
}

func (p *pipe) start() {
	if p.pl == nil {
		p.pl = p.conn.PgConn().StartPipeline(p.ctx)
	}
}

var binaryFormat = []int16{1}

// exec queues a statement that is prepared once. Parameters and results are binary.
func (p *pipe) exec(sql string, params [][]byte, rows func([][]byte) error) {
	p.start()
	name, ok := p.known.names[sql]
	if !ok {
		if len(p.known.names) >= maxPrepared {
			p.forget()
		}
		name = fmt.Sprintf("h%d", p.known.made)
		p.known.made++
		p.pl.SendPrepare(name, sql, nil)
		p.queue = append(p.queue, expected{sql: sql, name: name})
		p.known.names[sql] = name
	}
	p.pl.SendQueryPrepared(name, params, binaryFormat, binaryFormat)
	p.queue = append(p.queue, expected{sql: sql, rows: rows})
}

// once queues a statement that will not come again, such as a DDL.
func (p *pipe) once(sql string) {
	p.start()
	p.pl.SendQueryParams(sql, nil, nil, binaryFormat, binaryFormat)
	p.queue = append(p.queue, expected{sql: sql})
}

// send lets the server begin with what is queued, and waits for nothing.
func (p *pipe) send() error {
	if p.pl == nil {
		return nil
	}
	return p.pl.Flush()
}

// flush sends what is queued, waits for all answers and returns the first
// error. After an error the server has skipped the rest.
func (p *pipe) flush() error {
	if p.pl == nil {
		return nil
	}
	defer func() { p.pl, p.queue = nil, p.queue[:0] }()
	first := p.pl.Sync()
	for i := 0; first == nil && i < len(p.queue); i++ {
		first = p.answer(p.queue[i])
	}
	if first != nil {
		// Whatever was to be prepared after the error was not.
		for _, e := range p.queue {
			if e.name != "" {
				delete(p.known.names, e.sql)
			}
		}
	}
	if err := p.pl.Close(); first == nil && err != nil {
		first = err
	}
	return first
}

func (p *pipe) answer(e expected) error {
	got, err := p.pl.GetResults()
	if err != nil {
		return err
	}
	rr, ok := got.(*pgconn.ResultReader)
	if !ok {
		if e.name == "" && !e.dropped {
			return fmt.Errorf("postgres: unexpected answer %T", got)
		}
		return nil
	}
	var failed error
	for rr.NextRow() {
		if failed == nil && e.rows != nil {
			failed = e.rows(rr.Values())
		}
	}
	_, err = rr.Close()
	return errors.Join(err, failed)
}

// copy streams rows in COPY's binary format to sql, a COPY FROM STDIN, after
// what is queued. It waits for the server.
func (p *pipe) copy(sql string, rows io.Reader) error {
	if err := p.flush(); err != nil {
		return err
	}
	_, err := p.conn.PgConn().CopyFrom(p.ctx, rows, sql)
	return err
}

// forget gives up what the connection has prepared, so that a server with very
// many tables does not grow for ever.
func (p *pipe) forget() {
	for sql, name := range p.known.names {
		p.pl.SendDeallocate(name)
		p.queue = append(p.queue, expected{sql: sql, dropped: true})
	}
	clear(p.known.names)
}

// rollback ends a transaction that failed; the connection is dropped when even
// that does not work.
func (p *pipe) rollback(ctx context.Context) {
	if p.conn.IsClosed() {
		return
	}
	if _, err := p.conn.PgConn().Exec(ctx, "ROLLBACK").ReadAll(); err != nil {
		_ = p.conn.Close(ctx) // the pool makes another
	}
}

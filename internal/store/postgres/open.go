package postgres

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/store"
)

// Options of a driver. The zero Options suit a production server.
type Options struct {
	Readers      int           // most connections that read at once; default 16
	ReadLifetime time.Duration // longest that one read may take, its consumer included; default 10 min
	Random       io.Reader     // source of a new database's epoch and of each commit's seed; default crypto/rand
	// WithoutTree appends without seals and tree, to measure what they cost. What
	// is appended so does not verify; nothing but a measurement may set it.
	WithoutTree bool
	// Upgrading is told how far the log of an older database has been hashed,
	// while Open does it.
	Upgrading func(done, total int64)
}

// Driver is one PostgreSQL database. It is safe for concurrent use.
type Driver struct {
	n       names
	url     string
	options Options
	write   *pgxpool.Pool // Append only, so that readers never keep a commit waiting
	read    *pgxpool.Pool
	catalog atomic.Pointer[catalog]
	codec   *codec

	payloads sync.Pool // of *store.Payload: their memory goes from one Append to the next

	mu         sync.Mutex
	partitions map[string]bool // partitions known to exist
	fresh      map[string]int  // by dataset, see hope
}

var _ store.Driver = (*Driver)(nil)

// Open connects to the database that url names, and creates what is missing:
// the extension postgis, the schemas huong and city, Huong's own tables. A
// search_path in url names another schema instead of huong; datasets then lie
// in <schema>_city. The database must be encoded in UTF-8. Kinds: Invalid (not
// a database that Huong can use), Unavailable (no server there).
func Open(ctx context.Context, url string, o Options) (*Driver, error) {
	if o.Readers == 0 {
		o.Readers = 16
	}
	if o.ReadLifetime == 0 {
		o.ReadLifetime = 10 * time.Minute
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	c, err := pgxpool.ParseConfig(url)
	if err != nil {
		// The parser's own words may hold the password.
		return nil, problem.New(problem.Invalid, "database-address")
	}
	d := &Driver{n: namesFor(c.ConnConfig.RuntimeParams["search_path"]), url: url, options: o, partitions: map[string]bool{}, fresh: map[string]int{}}
	params := c.ConnConfig.RuntimeParams
	// PostGIS lies in public unless an administrator put it elsewhere.
	params["search_path"] = "public"
	params["timezone"] = "UTC"
	params["application_name"] = "huong"
	params["standard_conforming_strings"] = "on"
	params["jit"] = "off"
	params["idle_in_transaction_session_timeout"] = "0"
	read := c.Copy()
	read.MaxConns = int32(o.Readers)

	write := c.Copy()
	write.MaxConns = 2
	write.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	for k, v := range map[string]string{
		"synchronous_commit": "on", // acknowledged means durable
		// Every lookup of an Append goes by an index on a few known keys, and
		// its tables may not have been analysed yet: no plan but that one.
		"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
		"plan_cache_mode": "force_generic_plan",
	} {
		write.ConnConfig.RuntimeParams[k] = v
	}
	if d.codec, err = newCodec(); err != nil {
		return nil, problem.Wrap(err, problem.Internal, "internal")
	}
	epoch := make([]byte, 8)
	if _, err := io.ReadFull(o.Random, epoch); err != nil {
		return nil, problem.Wrap(err, problem.Internal, "internal")
	}
	if err := d.prepare(ctx, c.ConnConfig, hex.EncodeToString(epoch)); err != nil {
		return nil, translate(ctx, err)
	}
	if d.write, err = pgxpool.NewWithConfig(ctx, write); err != nil {
		return nil, translate(ctx, err)
	}
	if d.read, err = pgxpool.NewWithConfig(ctx, read); err != nil {
		d.write.Close()
		return nil, translate(ctx, err)
	}
	return d, nil
}

func namesFor(searchPath string) names {
	schema, _, _ := strings.Cut(searchPath, ",")
	schema = strings.Trim(strings.TrimSpace(schema), `"`)
	if schema == "" || schema == "huong" || schema == "public" {
		return names{meta: quote("huong"), city: quote("city")}
	}
	return names{meta: quote(schema), city: quote(schema + "_city")}
}

func (d *Driver) prepare(ctx context.Context, c *pgx.ConnConfig, epoch string) error {
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return err
	}
	err = d.migrate(ctx, conn, epoch)
	if e := conn.Close(ctx); err == nil {
		err = e
	}
	return err
}

// Close waits for what is running and closes all connections.
func (d *Driver) Close() error {
	d.write.Close()
	d.read.Close()
	return nil
}

// Head returns the log's end and the version of the catalog.
func (d *Driver) Head(ctx context.Context) (store.Head, error) {
	var h store.Head
	var peaks []byte
	err := d.read.QueryRow(ctx, "SELECT epoch,seq,at,catalog,peaks FROM "+d.n.meta+".head").Scan(&h.Epoch, &h.Seq, &h.At, &h.Catalog, &peaks)
	store.OpenHead(&h, peaks)
	return h, translate(ctx, err)
}

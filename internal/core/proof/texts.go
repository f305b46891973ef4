package proof

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// TileHeight is the height of tiles in C2SP tlog-tiles: 256 hashes each.
const TileHeight = 8

// TileWidth is how many hashes or entries a full tile has.
const TileWidth = 1 << TileHeight

// ParseTile reads what follows "tile/" in a path of C2SP tlog-tiles:
// "<L>/<N>[.p/<W>]", or "entries/<N>[.p/<W>]", which has level -1. There is one
// spelling of each tile.
func ParseTile(path string) (t tlog.Tile, ok bool) {
	level, rest, found := strings.Cut(path, "/")
	if !found || level == "data" {
		return t, false
	}
	if level == "entries" {
		level = "data"
	}
	t, err := tlog.ParseTilePath("tile/8/" + level + "/" + rest)
	return t, err == nil && t.L <= 63/TileHeight
}

// TilePath is the path of a tile behind "tile/".
func TilePath(t tlog.Tile) string {
	path := strings.TrimPrefix(t.Path(), "tile/8/")
	if rest, entries := strings.CutPrefix(path, "data/"); entries {
		return "entries/" + rest
	}
	return path
}

// TileHolds tells whether a tile is in a tree of size leaves: full, or exactly
// as wide as the tree has made it, or as it was while it grew.
func TileHolds(t tlog.Tile, size int64) bool {
	level := max(t.L, 0)
	return size>>(TileHeight*level) >= t.N<<TileHeight+int64(t.W)
}

// AppendBundle adds an entry's text to an entries tile: its length in two
// bytes, big-endian, and the text.
func AppendBundle(b []byte, e *Entry) []byte {
	at := len(b)
	b = e.Append(append(b, 0, 0))
	binary.BigEndian.PutUint16(b[at:], uint16(len(b)-at-2))
	return b
}

// Checkpoint is a tree's size and root, as C2SP tlog-checkpoint has it.
type Checkpoint struct {
	Origin string // who keeps the log, and which
	Size   int64
	Root   Hash
}

func (c *Checkpoint) text() string {
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + c.Root.String() + "\n"
}

// Key signs checkpoints under an origin.
type Key struct {
	signer   note.Signer
	verifier string
}

// NewKey makes the Ed25519 key of a seed. The origin must not hold spaces or '+'.
func NewKey(origin string, seed [ed25519.SeedSize]byte) (*Key, error) {
	public, ok := ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
	if !ok {
		return nil, ErrText
	}
	v, err := note.NewEd25519VerifierKey(origin, public)
	if err != nil {
		return nil, err
	}
	known, err := note.NewVerifier(v)
	if err != nil {
		return nil, err
	}
	const algEd25519 = 1 // of signed-note
	private := base64.StdEncoding.EncodeToString(append([]byte{algEd25519}, seed[:]...))
	signer, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", origin, known.KeyHash(), private))
	if err != nil {
		return nil, err
	}
	return &Key{signer, v}, nil
}

// Origin is the name that the key signs under.
func (k *Key) Origin() string { return k.signer.Name() }

// Verifier is the public key in the text form of signed-note: origin, key hash
// and key, joined by '+'. It is for handing out.
func (k *Key) Verifier() string { return k.verifier }

// Fingerprint is what people compare public keys by: the SHA-256 of the key as
// Key.Verifier writes it, in hex, in groups of four.
func Fingerprint(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	var groups []string
	for i := 0; i < len(sum); i += 2 {
		groups = append(groups, hex.EncodeToString(sum[i:i+2]))
	}
	return strings.Join(groups, " ")
}

// Sign makes the signed note of a tree.
func (k *Key) Sign(size int64, root Hash) ([]byte, error) {
	c := Checkpoint{k.Origin(), size, root}
	return note.Sign(&note.Note{Text: c.text()}, k.signer)
}

// Open reads a signed checkpoint and checks its signature by a key in the form
// of Key.Verifier, whose name must be the checkpoint's origin.
func Open(signed []byte, verifier string) (c Checkpoint, err error) {
	v, err := note.NewVerifier(verifier)
	if err != nil {
		return c, err
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return c, err
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) < 4 || lines[0] != v.Name() {
		return c, ErrText
	}
	c.Origin = lines[0]
	if c.Size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || c.Size < 0 {
		return c, ErrText
	}
	if c.Root, err = tlog.ParseHash(lines[2]); err != nil {
		return c, ErrText
	}
	if !strings.HasPrefix(n.Text, c.text()) {
		return c, ErrText
	}
	return c, nil
}

// Inclusion shows that an entry is in a signed tree. It needs nothing beside
// it but the log's public key.
type Inclusion struct {
	Index      int64  `json:"index"` // of the leaf, from 0; the entry's seq less one
	Size       int64  `json:"size"`  // of the tree
	Entry      string `json:"entry"` // the leaf's data
	Leaf       Hash   `json:"leaf"`
	Hashes     []Hash `json:"hashes"`     // RFC 6962 audit path, from the leaf up
	Checkpoint string `json:"checkpoint"` // the signed note
	Key        string `json:"key"`        // the log's public key, to compare with the one published
}

// Prove makes the proof of an entry in the tree of a signed checkpoint.
func Prove(e Entry, c Checkpoint, signed []byte, key string, r tlog.HashReader) (*Inclusion, error) {
	path, err := tlog.ProveRecord(c.Size, e.Seq-1, r)
	if err != nil {
		return nil, err
	}
	leaf := e.Leaf()
	if err := tlog.CheckRecord(path, c.Size, c.Root, e.Seq-1, leaf); err != nil {
		return nil, err
	}
	if path == nil {
		path = []Hash{}
	}
	return &Inclusion{e.Seq - 1, c.Size, string(e.Append(nil)), leaf, path, string(signed), key}, nil
}

// Check tells whether the proof holds under a public key.
func (p *Inclusion) Check(key string) (Entry, error) {
	c, err := Open([]byte(p.Checkpoint), key)
	if err != nil {
		return Entry{}, err
	}
	e, err := ParseEntry([]byte(p.Entry))
	if err != nil {
		return e, err
	}
	if e.Seq != p.Index+1 || c.Size != p.Size || e.Leaf() != p.Leaf {
		return e, ErrText
	}
	return e, tlog.CheckRecord(p.Hashes, c.Size, c.Root, p.Index, p.Leaf)
}

// Text is the proof in the form of C2SP tlog-proof; its extra data is the
// entry's text.
func (p *Inclusion) Text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "c2sp.org/tlog-proof@v1\nextra %s\nindex %d\n", base64.StdEncoding.EncodeToString([]byte(p.Entry)), p.Index)
	for _, h := range p.Hashes {
		fmt.Fprintln(&b, h)
	}
	b.WriteString("\n" + p.Checkpoint)
	return b.Bytes()
}

// Tile is a piece of the tree, or with level -1 a bundle of entries.
type Tile = tlog.Tile

// Hashes reads stored hashes by their places.
type Hashes func(places []int64) ([]Hash, error)

// ReadHashes implements tlog.HashReader.
func (f Hashes) ReadHashes(places []int64) ([]Hash, error) { return f(places) }

// TileData gives the bytes of a tile of hashes.
func TileData(t Tile, r Hashes) ([]byte, error) { return tlog.ReadTileData(t, r) }

// RootAt gives the root that the tree had at a size.
func RootAt(size int64, r Hashes) (Hash, error) { return tlog.TreeHash(size, r) }

package tlog_test

// An independent verifier: written from RFC 6962, C2SP tlog-checkpoint and
// signed-note alone, with the standard library and nothing of Huong's.

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// receipt is the proof as it is handed out.
type receipt struct {
	Index      uint64   `json:"index"`
	Size       uint64   `json:"size"`
	Entry      string   `json:"entry"`
	Hashes     [][]byte `json:"hashes"`
	Checkpoint string   `json:"checkpoint"`
}

var errProof = errors.New("the proof does not hold")

// verify checks a proof by the log's public key and returns the entry's text.
func verify(proof []byte, key string) (entry string, err error) {
	var p receipt
	if err := json.Unmarshal(proof, &p); err != nil {
		return "", err
	}
	origin, size, root, err := openCheckpoint(p.Checkpoint, key)
	if err != nil {
		return "", err
	}
	if name, _, _ := strings.Cut(key, "+"); origin != name || size != p.Size || p.Index >= size {
		return "", errProof
	}
	leaf := sha256.Sum256(append([]byte{0}, p.Entry...))
	got, ok := rootOf(leaf[:], p.Index, p.Size, p.Hashes)
	if !ok || string(got) != string(root) {
		return "", errProof
	}
	if lines := strings.Split(p.Entry, "\n"); len(lines) != 6 || lines[1] != strconv.FormatUint(p.Index+1, 10) {
		return "", errProof
	}
	return p.Entry, nil
}

// openCheckpoint checks the note's Ed25519 signature. A key reads
// name+hash+base64(1, public key); a signature line "— name base64(hash, signature)".
func openCheckpoint(note, key string) (origin string, size uint64, root []byte, err error) {
	name, rest, _ := strings.Cut(key, "+")
	_, encoded, _ := strings.Cut(rest, "+")
	public, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(public) != 1+ed25519.PublicKeySize || public[0] != 1 {
		return "", 0, nil, errProof
	}
	id := sha256.Sum256(append([]byte(name+"\n"), public...))
	at := strings.LastIndex(note, "\n\n")
	if at < 0 {
		return "", 0, nil, errProof
	}
	text := note[:at+1]
	signed := false
	for line := range strings.Lines(note[at+2:]) {
		encoded, of := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "— "+name+" ")
		sig, err := base64.StdEncoding.DecodeString(encoded)
		if of && err == nil && len(sig) == 4+ed25519.SignatureSize && binary.BigEndian.Uint32(sig) == binary.BigEndian.Uint32(id[:]) {
			signed = signed || ed25519.Verify(public[1:], []byte(text), sig[4:])
		}
	}
	lines := strings.Split(text, "\n")
	if !signed || len(lines) < 4 {
		return "", 0, nil, errProof
	}
	if size, err = strconv.ParseUint(lines[1], 10, 64); err != nil {
		return "", 0, nil, err
	}
	root, err = base64.StdEncoding.DecodeString(lines[2])
	return lines[0], size, root, err
}

// rootOf walks up the audit path (RFC 9162 section 2.1.3.2).
func rootOf(hash []byte, index, size uint64, path [][]byte) ([]byte, bool) {
	node := func(left, right []byte) []byte {
		h := sha256.Sum256(append(append([]byte{1}, left...), right...))
		return h[:]
	}
	n, last := index, size-1
	for _, p := range path {
		if last == 0 || len(p) != sha256.Size {
			return nil, false
		}
		if n&1 == 1 || n == last {
			hash = node(p, hash)
			for n&1 == 0 && n != 0 {
				n, last = n>>1, last>>1
			}
		} else {
			hash = node(hash, p)
		}
		n, last = n>>1, last>>1
	}
	return hash, last == 0
}

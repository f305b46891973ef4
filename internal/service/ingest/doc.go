// Package ingest turns files and request bodies into commits: bytes to rows of
// cells, cells to typed records by a mapping, good records to the repository
// in chunks, bad ones whole into quarantine with their place and reason. It
// knows file formats, dialects, encodings and mappings. It knows no HTTP, no
// SQL and no schedule: whoever has bytes calls it.
//
// The path of a file is Open (container, format, encoding, dialect) → Source
// (rows with positions, constant memory) → mapper (typed records and flags) →
// loader (chunks, commits, quarantine, exact accounts). Request bodies that
// already use field names take a shorter path through package record.
package ingest

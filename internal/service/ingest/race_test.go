//go:build race

package ingest

const racing = true

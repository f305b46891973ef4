//go:build race

package app

// racing tells that the race detector watches, which makes a long story longer
// than it may be.
const racing = true

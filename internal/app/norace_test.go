//go:build !race

package app

// racing tells that the race detector watches.
const racing = false

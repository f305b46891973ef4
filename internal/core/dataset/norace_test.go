//go:build !race

package dataset

// racing tells that the race detector watches.
const racing = false

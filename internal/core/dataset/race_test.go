//go:build race

package dataset

// racing tells that the race detector watches, which makes a long sum ten
// times as long.
const racing = true

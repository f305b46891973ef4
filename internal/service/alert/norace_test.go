//go:build !race

package alert_test

// racing tells that the race detector watches.
const racing = false

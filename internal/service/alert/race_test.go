//go:build race

package alert_test

// racing tells that the race detector watches, which makes a long story longer
// than it may be.
const racing = true

//go:build race

package grant_test

// slower is how many times fewer cases are tried under the race detector.
const slower = 10

//go:build race

package indicator_test

// slower is how many times fewer records are counted under the race detector.
const slower = 8

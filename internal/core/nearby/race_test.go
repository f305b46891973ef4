//go:build race

package nearby_test

// thin is by how much less is done under the race detector: it is ten times slower
// and there is one goroutine to watch.
const thin = 20

//go:build race

package geom

// thin leaves out most points of the slowest test under the race detector.
const thin = 25

//go:build !race

package hotspot_test

const thin = 1

//go:build !race

package nearby_test

const thin = 1

//go:build !race

package textclass_test

const thin = 1

//go:build !race

package privacy_test

const thin = 1

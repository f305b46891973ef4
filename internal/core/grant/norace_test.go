//go:build !race

package grant_test

const slower = 1

//go:build !race

package indicator_test

const racing = false

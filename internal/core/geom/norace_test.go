//go:build !race

package geom

const thin = 1

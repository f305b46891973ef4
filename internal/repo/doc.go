// Package repo is the repository: the one concrete type through which every
// face and service reads and writes. It knows the catalog, validation, who may
// do what, group commit, reading, as-of, following. It knows no SQL and no HTTP.
package repo

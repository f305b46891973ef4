// Package verify checks the public log from outside; all of it is tests.
package verify

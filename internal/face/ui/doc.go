// Package ui is the face for people: the pages of Huong, rendered on the
// server, readable without script, in Vietnamese and English. It knows pages,
// words, number and date formats, drawings and addresses; it knows no SQL and
// holds no rule: what a reader may see and change the repository decides.
//
// A page is a handler that gathers (home.go, records.go …), a templ component
// that shows (the .templ file of the same name) and words (words_*.go).
package ui

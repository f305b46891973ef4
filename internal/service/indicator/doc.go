// Package indicator keeps the city's indicators: figures that follow from records
// by a declaration (core/indicator). A follower of the log keeps rollups of every
// measure by area, category and bucket of time, in all the grains that were asked
// for, so that a figure is one short read however many records it is of. The
// rollups always equal a recount of the table at the commit they are saved to:
// sums are exact, quantiles and different values are of counted multisets, and
// what a correction, a deletion or a moved area takes away was added before.
//
// A new or changed definition is computed beside what is served: the table as of
// one commit is read in parts, commits after it are applied at once, and when both
// are through the new figures take the place of the old ones. An erasure takes
// away what a figure would have to be corrected by; the indicators of its dataset
// are then computed anew in the same way.
//
// Figures are shown by the rights of the reader: rollups to whoever sees all that
// they are made of in every record; to others the same measure of the records
// they may count, where the repository can tell it; else nothing.
package indicator

// Package quality finds the records that break a rule beside the record before
// them of the same subject: the same key without the time, by event time. Such a
// rule (one with previous) cannot be checked while a row is written, for what
// stands before it may come late, be corrected or be deleted. A follower of the
// log looks again at every record that a change concerns, which is the record
// itself and the one after it, and keeps what it found as private state; the
// findings always equal a recount of the table at the commit they are saved to.
//
// Nothing of a table is held in memory: neighbours are looked up, findings are
// kept as keys without values, and their values are read when they are shown,
// with the rights of whoever looks.
package quality

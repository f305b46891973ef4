package store

import (
	"maps"
	"strconv"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/proof"
)

// LogAudit checks a log from its first entry: order, times, counts, that each
// entry is what its seal says, the tree, what erasures left, and the head. Both
// drivers feed it; it names one place for one altered byte.
type LogAudit struct {
	tell    func(Fault)
	sealer  Sealer
	tree    *proof.Auditor
	remains Remains
	size    int64
	at      int64
}

// NewLogAudit makes an audit that calls tell for each fault.
func NewLogAudit(tell func(Fault)) *LogAudit {
	a := &LogAudit{tell: tell, remains: Remains{}}
	a.tree = proof.NewAuditor(func(s proof.Suspect) {
		if s.Level < 0 {
			tell(Fault{Where: "log", Seq: s.Seq, What: "the entry is not the one in the tree"})
			return
		}
		tell(Fault{Where: "tree", Seq: s.Seq, What: "hash " + strconv.FormatInt(s.Index, 10) + " of level " + strconv.Itoa(s.Level) + " is missing or altered"})
	})
	return a
}

// Size is how many entries were passed.
func (a *LogAudit) Size() int64 { return a.size }

// stored asks for the hashes that leaf size brings.
func (a *LogAudit) stored(hashes func(n int) []proof.Hash) []proof.Hash {
	return hashes(int(proof.Stored(a.size+1) - proof.Stored(a.size)))
}

// Pass takes the next entry for what the tree says.
func (a *LogAudit) Pass(hashes func(n int) []proof.Hash) {
	a.tree.Next(proof.Hash{}, false, a.stored(hashes))
	a.size++
}

// Entry checks the next entry that is there; read tells whether it could be
// read at all. hashes gives the next n stored hashes of the tree.
func (a *LogAudit) Entry(e *commit.Entry, stored Seal, payload []byte, read bool, hashes func(n int) []proof.Hash) {
	say := func(what string) { a.tell(Fault{Where: "log", Seq: e.Seq, What: what}) }
	if e.Seq <= a.size {
		say("the entry comes twice")
		return
	}
	if e.Seq > a.size+1 {
		say("entries " + strconv.FormatInt(a.size+1, 10) + " to " + strconv.FormatInt(e.Seq-1, 10) + " are missing")
		if e.Seq-a.size > 1_000_000 {
			return // rather a wrong number than a million lost entries
		}
		for e.Seq > a.size+1 {
			a.Pass(hashes)
		}
	}
	c := Checked{}
	if read {
		c = a.sealer.Check(e, payload, stored, a.remains)
	}
	switch {
	case !c.Readable:
		say("the entry cannot be read or was altered")
		a.Pass(hashes)
	case c.Seal != stored:
		say("the entry is not what its seal says")
		a.Pass(hashes)
	default:
		p := stored.Entry(e.Seq, e.At)
		a.tree.Next(p.Leaf(), true, a.stored(hashes))
		a.size++
		sum := 0
		for _, n := range c.Counts {
			sum += n
		}
		if sum != e.Count || !maps.Equal(c.Counts, e.Counts) {
			say("the counts are not those of the changes")
		}
	}
	if e.At < a.at {
		say("the time goes backwards")
	}
	a.at = e.At
	if _, was := a.remains[e.Seq]; was && a.remains.Source(e.Seq) != e.Source {
		say("what this erasure left was altered")
	}
	delete(a.remains, e.Seq)
}

// Head checks the end: the head row with the peaks that it keeps, and the last
// entry with its time.
func (a *LogAudit) Head(h Head, edge proof.Frontier, sound bool, last, at int64) {
	if sound && h.Seq > a.size {
		a.tell(Fault{Where: "log", Seq: h.Seq, What: "entries " + strconv.FormatInt(a.size+1, 10) + " to " + strconv.FormatInt(h.Seq, 10) + " are missing"})
	}
	agrees := a.tree.End(edge)
	for by := range a.remains {
		a.tell(Fault{Where: "log", Seq: by, What: "an erasure is marked that was never recorded"})
	}
	if !sound || !agrees || h.Seq != last || h.At != at && last > 0 || h.Catalog > h.Seq {
		a.tell(Fault{Where: "head", Seq: h.Seq, What: "the head is not the end of the log, which is " + strconv.FormatInt(last, 10)})
	}
}

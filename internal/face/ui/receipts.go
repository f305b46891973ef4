package ui

import (
	"net/http"
	"strconv"
	"strings"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/proof"
	"huong.city/huong/internal/repo"
)

// receiptData is the receipt of one commit. It holds nothing of what was written.
type receiptData struct {
	Asked   string // the number as it was typed, where it is none
	Unknown bool   // there is no such commit
	Head    int64  // how far the log reaches
	repo.Deposit
	Key, Fingerprint string
}

// longestNumber bounds what is repeated of a number that was typed.
const longestNumber = 20

// receipts takes the number of a commit and leads to its receipt.
func (u *UI) receipts(v *view) error {
	typed := strings.TrimSpace(v.r.URL.Query().Get("number"))
	if typed == "" {
		return v.showReceipt(http.StatusOK, receiptData{})
	}
	// Numbers are shown grouped and with a hash sign: what is copied must work.
	plain := strings.NewReplacer("#", "", ".", "", ",", "", " ", "", "\u00a0", "", "\u202f", "").Replace(typed)
	if seq, err := strconv.ParseInt(plain, 10, 64); err == nil && seq > 0 {
		return v.seeOther(receiptPath(seq))
	}
	if n := []rune(typed); len(n) > longestNumber {
		typed = string(n[:longestNumber]) + "…"
	}
	return v.showReceipt(http.StatusUnprocessableEntity, receiptData{Asked: typed})
}

func (u *UI) receipt(v *view) error {
	seq, err := strconv.ParseInt(v.r.PathValue("seq"), 10, 64)
	if err != nil || seq < 1 {
		return v.noPage()
	}
	d := receiptData{Key: u.Repo.LogKey()}
	d.Fingerprint = proof.Fingerprint(d.Key)
	d.Deposit, err = u.Repo.Deposit(v.r.Context(), v.p, seq)
	if problem.KindOf(err) == problem.NotFound {
		d.Unknown, d.Seq = true, seq
		return v.showReceipt(http.StatusNotFound, d)
	}
	if err != nil {
		return err
	}
	return v.showReceipt(http.StatusOK, d)
}

func (v *view) showReceipt(status int, d receiptData) error {
	head, err := v.u.Repo.Head(v.r.Context())
	if err != nil {
		return err
	}
	v.nav, v.class, d.Head = "receipts", "narrow", head.Seq
	v.title = v.T("receipts.title")
	if d.Seq > 0 {
		v.title = v.T("receipt.title", "seq", v.N(d.Seq))
	}
	return v.show(status, receiptPage(v, d))
}

func receiptPath(seq int64) string { return "/receipts/" + strconv.FormatInt(seq, 10) }

// proofPath is where the proof of a commit is taken from.
func proofPath(seq int64, format string) string {
	return to("/api/v1/log/"+strconv.FormatInt(seq, 10)+"/proof", "format", format)
}

// proofFile is the name that a proof is saved under.
func proofFile(seq int64, extension string) string {
	return "huong-" + strconv.FormatInt(seq, 10) + extension
}

// erased says what an erasure took away.
func (v *view) erased(x *repo.Erasure) string {
	what := v.T("receipt.erased.whole")
	switch {
	case x.Whole:
	case len(x.Fields) > 0:
		what = v.T("receipt.erased.fields", "fields", v.fieldsOf(x.Dataset, x.Fields))
	default:
		what = v.T("receipt.erased.part")
	}
	if x.Dataset != "" {
		what += " · " + v.datasetTitle(x.Dataset)
	}
	return what
}

package api

import (
	"net/http"
	"strconv"

	"huong.city/huong/internal/core/problem"
)

func (a *API) proofOperations() []operation {
	return []operation{{
		method: "GET", path: "/api/v1/log/{seq}/proof", id: "getProof", tag: "changes",
		summary: words{"Bằng chứng một lần ghi có trong nhật ký", "Proof that a commit is in the log"},
		detail: words{
			"Bằng chứng gồm đường băm RFC 6962 và chứng thực đã ký của nhật ký; ai có khoá công khai (/log/key) đều tự kiểm tra được. Nó không cho biết nội dung đã ghi. Dạng text theo C2SP tlog-proof.",
			"An RFC 6962 audit path and the log's signed checkpoint, which anybody can check with the public key (/log/key). It says nothing of what was written. As text it has the form of C2SP tlog-proof."},
		params: []param{
			{name: "format", in: "query", typ: "string", enum: []string{"json", "text"}, def: "json", text: words{"Dạng của bằng chứng.", "Form of the proof."}},
			paramLang(),
		},
		answers:  []answer{{200, []string{mediaJSON, "text/plain"}, "Proof", words{"Bằng chứng", "The proof"}}},
		problems: []int{404, 503}, handle: a.proof,
	}}
}

func proofSchemas(obj func([]string, object) object, arr func(object) object) object {
	str, integer := object{"type": "string"}, object{"type": "integer"}
	return object{"Proof": obj([]string{"index", "size", "entry", "leaf", "hashes", "checkpoint", "key"}, object{
		"index": integer, "size": integer, "entry": str, "leaf": str, "hashes": arr(str), "checkpoint": str, "key": str})}
}

func (a *API) proof(c *call) error {
	seq, err := strconv.ParseInt(c.path("seq"), 10, 64)
	if err != nil || seq < 1 {
		return problem.New(problem.Invalid, "seq-invalid", "value", c.path("seq"))
	}
	p, err := a.repo.Inclusion(c.ctx(), seq)
	if err != nil {
		return err
	}
	c.set("Cache-Control", "no-store")
	if c.text("format") != "text" {
		return writeJSON(c, http.StatusOK, p)
	}
	c.set("Content-Type", "text/plain; charset=utf-8")
	_, err = c.w.Write(p.Text())
	return err
}

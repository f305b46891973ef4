package dataset

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"huong.city/huong/internal/core/problem"
)

const complaint = `name: complaint
title: {vi: Phản ánh, en: Complaint}
kind: register
classification: open
publicRows: "published = true AND ward <> 'x'"
schema:
  primaryKey: code
  fields:
    - {name: code, type: string}
    - {name: ward, type: string}
    - {name: published, type: boolean}
    - {name: note, type: string, classification: internal}
    - {name: home, type: geopoint, classification: personal}
place: {field: home}
`

func TestPublicRows(t *testing.T) {
	d := parsed(t, complaint)
	if d.PublicRows != "published = true AND ward <> 'x'" {
		t.Fatalf("publicRows %q", d.PublicRows)
	}
	again, err := FromJSON(d.JSON())
	if err != nil || !reflect.DeepEqual(stripped(d), stripped(again)) {
		t.Errorf("publicRows does not survive JSON: %v", err)
	}
	if !bytes.Contains(d.Contract(), []byte("property: publicRows")) {
		t.Errorf("the contract lacks publicRows:\n%s", d.Contract())
	}
	changes := Compare(d, parsed(t, strings.Replace(complaint, " AND ward <> 'x'", "", 1)))
	if len(changes) != 1 || changes[0].Narrowing {
		t.Errorf("a change of it: %+v", changes)
	}
}

// What is wrong with the condition is told where it stands.
func TestPublicRowsAreTold(t *testing.T) {
	const is = `"published = true AND ward <> 'x'"`
	for _, c := range []struct{ was, now, code string }{
		{is, `"note = 'n'"`, "declaration-public-rows-field"},
		{is, `"_area = '1'"`, "declaration-public-rows-field"},
		{is, `"_x > 107"`, "declaration-public-rows-field"},
		{is, `"publishd = true"`, ""},
		{is, `"published = "`, ""},
		{is, `"ward"`, ""},
		{is, `"previous(ward) = ward"`, "declaration-previous-place"},
		{"classification: open\n", "classification: internal\n", "declaration-public-rows-class"},
		{"classification: open\n", "", "declaration-public-rows-class"},
	} {
		_, err := Parse("complaint.yaml", []byte(strings.Replace(complaint, c.was, c.now, 1)))
		if err == nil {
			t.Errorf("%s: taken", c.now)
			continue
		}
		line := 5 - strings.Count(c.was, "\n") + strings.Count(c.now, "\n")
		vs := problem.As(err).Violations
		if len(vs) != 1 || c.code != "" && vs[0].Code != c.code || vs[0].Position.Line != line || vs[0].Field != "publicRows" {
			t.Errorf("%s: %+v", c.now, vs)
		}
	}
}

package dataset

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"huong.city/huong/internal/core/problem"
)

const patient = `name: patient
title: {vi: Người bệnh, en: Patient}
kind: register
classification: internal
person: personNumber
schema:
  primaryKey: id
  fields:
    - {name: id, type: string}
    - {name: personNumber, type: string, classification: personal}
    - {name: sealedNumber, type: string, classification: restricted}
    - {name: ward, type: string}
    - {name: born, type: date, classification: personal}
`

func TestPerson(t *testing.T) {
	d := parsed(t, patient)
	if d.Person != "personNumber" {
		t.Fatalf("person %q", d.Person)
	}
	again, err := FromJSON(d.JSON())
	if err != nil || !reflect.DeepEqual(stripped(d), stripped(again)) {
		t.Errorf("person does not survive JSON: %v", err)
	}
	if !bytes.Contains(d.Contract(), []byte("property: person\n    value: personNumber")) {
		t.Errorf("the contract lacks person:\n%s", d.Contract())
	}
	if !bytes.Contains(d.Descriptor(), []byte(`"person": "personNumber"`)) {
		t.Error("the descriptor lacks person")
	}
	parsed(t, strings.Replace(patient, "person: personNumber", "person: sealedNumber", 1))
	parsed(t, strings.NewReplacer("person: personNumber", "person: ward", "classification: internal", "classification: personal").Replace(
		strings.ReplaceAll(patient, ", classification: personal", "")))
}

func TestPersonIsToldWhenItIsWrong(t *testing.T) {
	for field, want := range map[string]string{
		"ward":         "declaration-person-class",
		"born":         "declaration-field-type",
		"nobody":       "declaration-unknown-field",
		"personnumber": "declaration-unknown-field-near",
		"[a]":          "declaration-want-text",
	} {
		_, err := Parse("d.yaml", []byte(strings.Replace(patient, "person: personNumber", "person: "+field, 1)))
		vs := problem.As(err).Violations
		if err == nil || len(vs) != 1 || vs[0].Code != want || vs[0].Field != "person" || vs[0].Position.Line != 5 {
			t.Errorf("person: %s gives %v, want %s", field, vs, want)
		}
	}
}

func TestChangeOfPerson(t *testing.T) {
	was := parsed(t, patient)
	now := parsed(t, strings.Replace(patient, "person: personNumber", "person: sealedNumber", 1))
	changes := Compare(was, now)
	if len(changes) != 1 || changes[0].Narrowing || !slices.ContainsFunc(changes, func(c Change) bool {
		return strings.Contains(c.In("en"), "“personNumber” to “sealedNumber”")
	}) {
		t.Errorf("changes %v", changes)
	}
}

package open311

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"strconv"
	"strings"
)

// A node is a part of an answer. In XML every node is an element; in JSON an
// object's parts are its members and a list is an array, whose items lose their
// names (the Spark convention of wiki.open311.org/JSON_and_XML_Conversion).
type node struct {
	name  string
	form  form
	value string // of a scalar
	parts []node // of an object; the items of a list
}

type form uint8

const (
	absent form = iota // null in JSON, an empty element in XML
	text
	literal // a number or a truth: the same letters in both
	object
	list
)

func some(name, s string) node {
	if s == "" {
		return node{name: name}
	}
	return node{name: name, form: text, value: plain(s)}
}

func truth(name string, b bool) node {
	return node{name: name, form: literal, value: strconv.FormatBool(b)}
}
func whole(name string, n int64) node {
	return node{name: name, form: literal, value: strconv.FormatInt(n, 10)}
}
func number(name string, f float64) node {
	return node{name: name, form: literal, value: strconv.FormatFloat(f, 'f', -1, 64)}
}
func record(name string, parts ...node) node { return node{name: name, form: object, parts: parts} }
func array(name string, items ...node) node  { return node{name: name, form: list, parts: items} }

// plain leaves out what XML 1.0 cannot hold (section 2.2), from both writings.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 {
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

func writeXML(b *bytes.Buffer, n node) {
	if n.form == absent || n.form >= object && len(n.parts) == 0 {
		b.WriteString("<" + n.name + "/>")
		return
	}
	b.WriteString("<" + n.name + ">")
	if n.form < object {
		xml.EscapeText(b, []byte(n.value)) // a buffer takes everything
	}
	for _, p := range n.parts {
		writeXML(b, p)
	}
	b.WriteString("</" + n.name + ">")
}

func writeJSON(b *bytes.Buffer, n node) {
	switch n.form {
	case absent:
		b.WriteString("null")
	case literal:
		b.WriteString(n.value)
	case text:
		quoted, _ := json.Marshal(n.value) // a string is always written
		b.Write(quoted)
	case list:
		b.WriteByte('[')
		for i, p := range n.parts {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, p)
		}
		b.WriteByte(']')
	case object:
		b.WriteByte('{')
		for i, p := range n.parts {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(strconv.Quote(p.name) + ":")
			writeJSON(b, p)
		}
		b.WriteByte('}')
	}
}

// Media types of the answers, by the ending of an address.
var media = map[string]string{"xml": "text/xml; charset=utf-8", "json": "application/json; charset=utf-8"}

// written is a document in a format, "xml" or "json".
func written(format string, n node) []byte {
	var b bytes.Buffer
	if format == "json" {
		writeJSON(&b, n)
	} else {
		b.WriteString(xml.Header)
		writeXML(&b, n)
	}
	b.WriteByte('\n')
	return b.Bytes()
}

package open311_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write the golden files anew, to be read line by line")

// calls are the documents of the seeded town, by the schema of their JSON form
// ("" where there is none).
var documents = []struct{ name, path, schema string }{
	{"discovery", "/discovery.%s", ""},
	{"services", "/services.%s", "services.json"},
	{"services-en", "/services.%s?locale=en", "services.json"},
	{"definition", "/services/road.%s", "service-definition.json"},
	{"definition-none", "/services/light.%s", "service-definition.json"},
	{"requests", "/requests.%s", "requests.json"},
	{"requests-empty", "/requests.%s?start_date=2020-01-01T00:00:00Z", "requests.json"},
	{"request", "/requests/PA-1.%s", "requests.json"},
	{"request-hidden", "/requests/PA-4.%s", "requests.json"},
	{"request-extended", "/requests/PA-1.%s?extensions=true", "requests.json"},
	{"request-closed-en", "/requests/PA-2.%s?locale=en&extensions=true", "requests.json"},
	{"updates", "/servicerequestupdates.%s", ""},
	{"errors", "/requests.%s?status=half&start_date=yesterday", ""},
}

// TestAnswers compares every document with its golden file in both formats, checks
// the JSON against the schemas of open311/schema-validation, and the XML against
// the JSON, field by field.
func TestAnswers(t *testing.T) {
	s := start(t)
	s.seed()
	schemas := compiled(t)
	for _, d := range documents {
		t.Run(d.name, func(t *testing.T) {
			bodies := map[string]string{}
			for format, media := range map[string]string{"xml": "text/xml; charset=utf-8", "json": "application/json; charset=utf-8"} {
				_, h, body := s.get(fmt.Sprintf(d.path, format))
				if got := h.Get("Content-Type"); got != media {
					t.Errorf("%s is told as %q", format, got)
				}
				body = strings.ReplaceAll(body, s.URL, "http://hue.example")
				bodies[format] = body
				golden(t, d.name+"."+format, body)
			}
			if d.schema != "" && schemas != nil {
				if err := schemas[d.schema].Validate(decoded(t, bodies["json"])); err != nil {
					t.Errorf("the schema %s: %v", d.schema, err)
				}
			}
			same(t, bodies["xml"], bodies["json"])
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s\n got %s\nwant %s", name, got, want)
	}
}

func decoded(t testing.TB, body string) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return v
}

// samples is the folder of the standard's samples; the test is skipped without it.
func samples(t testing.TB) string {
	root := os.Getenv("HUONG_SHARED")
	if root == "" {
		root = "../../../../shared"
	}
	folder := filepath.Join(root, "data/standards-samples/open311")
	if _, err := os.Stat(folder); err != nil {
		return ""
	}
	return folder
}

// compiled are the schemas of open311/schema-validation; nil where they are absent.
func compiled(t testing.TB) map[string]*jsonschema.Schema {
	t.Helper()
	folder := samples(t)
	if folder == "" {
		t.Log("SKIPPED: the schemas are absent; set HUONG_SHARED to the folder that holds data/standards-samples/open311")
		return nil
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	c.AssertFormat()
	all := map[string]*jsonschema.Schema{}
	names := []string{"service.json", "services.json", "service-definition.json", "request.json", "requests.json"}
	for _, name := range names {
		f, err := os.Open(filepath.Join(folder, "schemas", name))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(f)
		f.Close()
		if err == nil {
			err = c.AddResource("http://schemas.example/"+name, doc)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range names {
		schema, err := c.Compile("http://schemas.example/" + name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = schema
	}
	return all
}

// element is XML as read.
type element struct {
	name  string
	text  string
	parts []*element
}

func parsed(t testing.TB, doc string) *element {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(doc))
	root := &element{}
	stack := []*element{root}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in %s", err, doc)
		}
		top := stack[len(stack)-1]
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{name: token.Name.Local}
			top.parts = append(top.parts, e)
			stack = append(stack, e)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.text += string(token)
		}
	}
	return root.parts[0]
}

// same checks that XML says what the JSON says: a member is an element of its
// name, an array an element whose parts are the items, null an empty element.
func same(t testing.TB, doc, body string) {
	t.Helper()
	var compare func(path string, e *element, v any)
	compare = func(path string, e *element, v any) {
		switch v := v.(type) {
		case nil:
			if e.text != "" || len(e.parts) > 0 {
				t.Errorf("%s is null in JSON and %q in XML", path, e.text)
			}
		case []any:
			if len(e.parts) != len(v) {
				t.Errorf("%s has %d items in JSON, %d in XML", path, len(v), len(e.parts))
				return
			}
			for i := range v {
				if e.parts[i].name != e.parts[0].name {
					t.Errorf("%s mixes %s and %s", path, e.parts[0].name, e.parts[i].name)
				}
				compare(fmt.Sprintf("%s/%d", path, i), e.parts[i], v[i])
			}
		case map[string]any:
			if len(e.parts) != len(v) {
				t.Errorf("%s has %d members in JSON, %d in XML", path, len(v), len(e.parts))
			}
			for _, p := range e.parts {
				member, ok := v[p.name]
				if !ok {
					t.Errorf("%s/%s is not in the JSON", path, p.name)
					continue
				}
				compare(path+"/"+p.name, p, member)
			}
		default:
			if e.text != fmt.Sprint(v) {
				t.Errorf("%s is %v in JSON and %q in XML", path, v, e.text)
			}
		}
	}
	compare("", parsed(t, doc), decoded(t, body))
	if !strings.HasPrefix(doc, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n") {
		t.Error("the XML declaration is missing")
	}
}

// shapeOf is the names of the members that one example has.
func names(e *element) (list []string) {
	for _, p := range e.parts {
		list = append(list, p.name)
	}
	slices.Sort(list)
	return list
}

// TestSamples reads the published examples of others as ours are read: by the
// same roots, items and members, so that a client of theirs reads ours.
func TestSamples(t *testing.T) {
	folder := samples(t)
	if folder == "" {
		t.Skip("SKIPPED: the samples are absent; set HUONG_SHARED to the folder that holds data/standards-samples/open311")
	}
	s := start(t)
	s.seed()
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, c := range []struct{ sample, path string }{
		{"requests_many.xml", "/requests.xml"}, {"requests_single.xml", "/requests/PA-1.xml"}, {"services_giessen.xml", "/services.xml"},
	} {
		_, _, body := s.get(c.path)
		ours, theirs := parsed(t, body), parsed(t, read(c.sample))
		if ours.name != theirs.name || ours.parts[0].name != theirs.parts[0].name {
			t.Errorf("%s is %s of %s, ours %s of %s", c.sample, theirs.name, theirs.parts[0].name, ours.name, ours.parts[0].name)
		}
		for _, one := range theirs.parts {
			for _, name := range names(one) {
				if !slices.Contains(names(ours.parts[0]), name) {
					t.Errorf("%s: ours has no %s", c.sample, name)
				}
			}
		}
		if c.sample != "services_giessen.xml" && !reflect.DeepEqual(names(ours.parts[0]), names(theirs.parts[0])) {
			t.Errorf("%s: ours has %v, theirs %v", c.sample, names(ours.parts[0]), names(theirs.parts[0]))
		}
	}
	schemas := compiled(t)
	for _, c := range []struct{ sample, path, schema string }{{"service_list.json", "/services.json", "services.json"}, {"service_requests.json", "/requests.json", "requests.json"}} {
		_, _, body := s.get(c.path)
		var ours, theirs []map[string]any
		for _, d := range []struct {
			body string
			into *[]map[string]any
		}{{body, &ours}, {read(c.sample), &theirs}} {
			if err := json.NewDecoder(bytes.NewBufferString(d.body)).Decode(d.into); err != nil {
				t.Fatal(err)
			}
			if err := schemas[c.schema].Validate(decoded(t, d.body)); err != nil {
				t.Errorf("%s: %v", c.sample, err)
			}
		}
		for _, one := range theirs {
			for name, v := range one {
				of := ours[0][name]
				if _, ok := ours[0][name]; !ok || of != nil && reflect.TypeOf(of) != reflect.TypeOf(v) {
					t.Errorf("%s: %s is %T, ours %T", c.sample, name, v, of)
				}
			}
		}
	}
}

package api_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// openapiSchema is what OpenAPI 3.1 (section 4.8) demands of the parts that we
// use: nothing beside the names listed is allowed.
const openapiSchema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "required": ["openapi", "info", "paths", "components"],
  "additionalProperties": false,
  "properties": {
    "openapi": {"pattern": "^3\\.1\\.[0-9]+$"},
    "info": {"type": "object", "required": ["title", "version"], "properties": {"title": {"type": "string", "minLength": 1}, "version": {"type": "string", "minLength": 1}, "description": {"type": "string"}}, "additionalProperties": false},
    "servers": {"type": "array", "items": {"type": "object", "required": ["url"]}},
    "security": {"type": "array", "items": {"$ref": "#/$defs/requirement"}},
    "tags": {"type": "array", "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "description": {"type": "string", "minLength": 1}}}},
    "paths": {"type": "object", "propertyNames": {"pattern": "^/"}, "additionalProperties": {"type": "object", "minProperties": 1, "propertyNames": {"enum": ["get", "put", "post", "delete", "patch"]}, "additionalProperties": {"$ref": "#/$defs/operation"}}},
    "components": {"type": "object", "additionalProperties": false, "properties": {
      "schemas": {"$ref": "#/$defs/named"}, "responses": {"$ref": "#/$defs/named"}, "securitySchemes": {"$ref": "#/$defs/named"}}}
  },
  "$defs": {
    "named": {"type": "object", "propertyNames": {"pattern": "^[a-zA-Z0-9._-]+$"}, "additionalProperties": {"type": "object"}},
    "requirement": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
    "operation": {"type": "object", "required": ["operationId", "responses", "summary", "tags"], "additionalProperties": false, "properties": {
      "operationId": {"type": "string", "pattern": "^[a-zA-Z]+$"}, "summary": {"type": "string", "minLength": 1}, "description": {"type": "string"},
      "tags": {"type": "array", "items": {"type": "string"}},
      "parameters": {"type": "array", "uniqueItems": true, "items": {"type": "object", "required": ["name", "in", "schema"], "additionalProperties": false,
        "properties": {"name": {"type": "string"}, "in": {"enum": ["query", "header", "path"]}, "required": {"type": "boolean"}, "description": {"type": "string", "minLength": 1}, "schema": {"type": "object"}, "example": true},
        "if": {"properties": {"in": {"const": "path"}}}, "then": {"required": ["required"], "properties": {"required": {"const": true}}}}},
      "requestBody": {"type": "object", "required": ["content"], "properties": {"content": {"$ref": "#/$defs/content"}, "required": {"type": "boolean"}}, "additionalProperties": false},
      "responses": {"type": "object", "minProperties": 2, "propertyNames": {"pattern": "^([1-5][0-9][0-9]|default)$"}, "additionalProperties": {"oneOf": [
        {"type": "object", "required": ["$ref"], "maxProperties": 1},
        {"type": "object", "required": ["description"], "additionalProperties": false, "properties": {"description": {"type": "string", "minLength": 1}, "content": {"$ref": "#/$defs/content"}}}]}}
    }},
    "content": {"type": "object", "minProperties": 1, "propertyNames": {"pattern": "^[a-z]+/"}, "additionalProperties": {"type": "object", "required": ["schema"]}}
  }
}`

func TestOpenAPI(t *testing.T) {
	s := start(t, nil)
	compiler := jsonschema.NewCompiler()
	parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(openapiSchema))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiler.AddResource("openapi.json", parsed); err != nil {
		t.Fatal(err)
	}
	schema := compiler.MustCompile("openapi.json")
	for _, lang := range []string{"vi", "en"} {
		for _, token := range []string{"", s.writer} {
			r := s.must(200, "GET", "/api/v1/openapi.json?lang="+lang, token, "")
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(r.body))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(doc); err != nil {
				t.Errorf("%s: %v", lang, err)
			}
			checkReferences(t, r)
			_, closed := r.at("components.schemas").(map[string]any)["dataset.happening"]
			if closed != (token != "") {
				t.Errorf("closed dataset described: %v", closed)
			}
			station := r.at("components.schemas").(map[string]any)["dataset.station"].(map[string]any)
			properties := station["properties"].(map[string]any)
			if _, hidden := properties["keeper"]; hidden != (token != "") {
				t.Errorf("hidden field described: %v", hidden)
			}
			depth := properties["depth"].(map[string]any)
			want := map[string]string{"vi": "Độ sâu", "en": "Depth"}[lang]
			if depth["title"] != want || depth["x-unit"] != "m" || depth["maximum"] != 100.0 {
				t.Errorf("depth: %v", depth)
			}
		}
	}
}

// checkReferences finds $refs to nothing, in a document whose component names
// may hold dots.
func checkReferences(t *testing.T, r reply) {
	t.Helper()
	components := r.at("components").(map[string]any)
	for _, m := range regexp.MustCompile(`"\$ref":"#/components/(\w+)/([^"]+)"`).FindAllStringSubmatch(r.body, -1) {
		if group, ok := components[m[1]].(map[string]any); !ok || group[m[2]] == nil {
			t.Errorf("reference to nothing: %s/%s", m[1], m[2])
		}
	}
}

// TestEveryRouteIsDescribed walks the mux itself.
func TestEveryRouteIsDescribed(t *testing.T) {
	s := start(t, nil)
	paths := s.must(200, "GET", "/api/v1/openapi.json", "", "").at("paths").(map[string]any)
	routes := map[string]bool{}
	ids := map[string]string{}
	for _, route := range s.mux.Routes() {
		key := route.Method + " " + route.Pattern
		if routes[key] {
			t.Errorf("mounted twice: %s", key)
		}
		routes[key] = true
		item, _ := paths[route.Pattern].(map[string]any)
		op, _ := item[strings.ToLower(route.Method)].(map[string]any)
		if op == nil {
			t.Errorf("not described: %s", key)
			continue
		}
		id := fmt.Sprint(op["operationId"])
		if ids[id] != "" {
			t.Errorf("operation id %s: %s and %s", id, key, ids[id])
		}
		ids[id] = key
		for _, name := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(route.Pattern, -1) {
			if !slices.ContainsFunc(op["parameters"].([]any), func(p any) bool {
				return p.(map[string]any)["name"] == name[1] && p.(map[string]any)["in"] == "path"
			}) {
				t.Errorf("%s: path parameter %s not described", key, name[1])
			}
		}
	}
	for path, item := range paths {
		for method := range item.(map[string]any) {
			if !routes[strings.ToUpper(method)+" "+path] {
				t.Errorf("described but not mounted: %s %s", method, path)
			}
		}
	}
}

// TestAnswersFitTheirSchemas validates real answers against the components.
func TestAnswersFitTheirSchemas(t *testing.T) {
	s := start(t, nil)
	s.fill()
	s.must(200, "POST", "/api/v1/datasets/station/records", s.writer, `[{"code":"z"}]`)
	r := s.must(200, "GET", "/api/v1/openapi.json", s.writer, "")
	compiler := jsonschema.NewCompiler()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiler.AddResource("https://hue.example/openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	for path, name := range map[string]string{
		"/api/v1/datasets": "Catalog", "/api/v1/datasets/level": "DatasetDetail", "/api/v1/datasets/station/records": "RecordPage",
		"/api/v1/datasets/station/records/kimlong": "dataset.station", "/api/v1/datasets/level/records?limit=1": "RecordPage",
		"/api/v1/datasets/station/records/kimlong/history": "History", "/api/v1/datasets/station/difference?from=1": "Differences",
		"/api/v1/datasets/level/aggregate?by=station": "Groups", "/api/v1/commits": "Commits", "/api/v1/commits/2": "Commit",
		"/api/v1/status": "Status", "/api/v1/datasets/level/quality": "Quality", "/api/v1/datasets/nowhere": "Problem", "/api/v1/datasets/quarantine/records": "RecordPage",
		"/api/v1/datasets/area/records": "RecordPage", "/api/v1/datasets/happening/records": "RecordPage",
	} {
		schema, err := compiler.Compile("https://hue.example/openapi.json#/components/schemas/" + name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := s.do("GET", path, s.writer, "")
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(got.body))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err != nil {
			t.Errorf("%s: %v\n%.500s", path, err, got.body)
		}
	}
}

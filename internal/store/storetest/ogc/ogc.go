// Package ogc loads the test data of the CQL2 standard's abstract test suite (a
// GeoPackage and a table of predicates with the number of features that each
// must find), so that every evaluator of expressions can be held to it. It is
// used by tests only. It knows GeoPackage files; it knows no evaluator.
package ogc

import (
	"database/sql"
	"encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3" // GeoPackage files are SQLite databases

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/value"
)

// Collection is one feature table. Table describes its columns as a placed
// register would: fid is the key, then the fields, then the derived columns.
type Collection struct {
	Name  string
	Table *dataset.Table
	Rows  [][]value.Value
}

// Case is one line of predicates.csv.
type Case struct {
	Class      string
	Needs      string
	Collection string
	Predicate  string
	Expected   int
}

// Folders lists where cases are to be found: the shared data folder (named by
// HUONG_SHARED, or ../shared beside the repository root) and every folder of
// the list HUONG_CQL2_CASES, separated by colons. The test is skipped when the
// shared folder is absent.
func Folders(t testing.TB) []string {
	t.Helper()
	return append([]string{shared(t)}, filepath.SplitList(os.Getenv("HUONG_CQL2_CASES"))...)
}

func shared(t testing.TB) string {
	t.Helper()
	root := os.Getenv("HUONG_SHARED")
	if root == "" {
		dir, err := os.Getwd()
		for err == nil && dir != filepath.Dir(dir) {
			if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
				root = filepath.Join(filepath.Dir(dir), "shared")
				break
			}
			dir = filepath.Dir(dir)
		}
	}
	folder := filepath.Join(root, "data", "cql2")
	if _, err := os.Stat(filepath.Join(folder, "predicates.csv")); err != nil {
		t.Skip("the CQL2 test data is absent: set HUONG_SHARED to the folder that holds data/cql2")
	}
	return folder
}

// Load reads a folder with predicates.csv and a .gpkg file of any name; without
// one, the shared folder's is used. It fails the test on any fault.
func Load(t testing.TB, folder string) (map[string]*Collection, []Case) {
	t.Helper()
	packages, err := filepath.Glob(filepath.Join(folder, "*.gpkg"))
	if err == nil && len(packages) == 0 {
		packages, err = filepath.Glob(filepath.Join(shared(t), "*.gpkg"))
	}
	if err != nil || len(packages) == 0 {
		t.Fatalf("no GeoPackage for %s: %v", folder, err)
	}
	collections, err := readPackage(packages[0])
	if err != nil {
		t.Fatalf("%s: %v", packages[0], err)
	}
	cases, err := readCases(filepath.Join(folder, "predicates.csv"))
	if err != nil {
		t.Fatalf("%s: %v", folder, err)
	}
	return collections, cases
}

// readCases reads the table by its header, so columns may come in any order.
func readCases(file string) ([]Case, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, errors.New("predicates.csv is empty")
	}
	at := map[string]int{}
	for i, name := range rows[0] {
		at[strings.TrimPrefix(name, "\ufeff")] = i
	}
	for _, name := range []string{"collection", "predicate", "expected_count"} {
		if _, ok := at[name]; !ok {
			return nil, fmt.Errorf("predicates.csv has no column %s", name)
		}
	}
	cell := func(row []string, name string) string {
		if i, ok := at[name]; ok {
			return row[i]
		}
		return ""
	}
	var cases []Case
	for _, row := range rows[1:] {
		n, err := strconv.Atoi(strings.TrimSpace(cell(row, "expected_count")))
		if err != nil {
			return nil, err
		}
		cases = append(cases, Case{cell(row, "conformance_class"), cell(row, "also_needs"), cell(row, "collection"), cell(row, "predicate"), n})
	}
	return cases, nil
}

func readPackage(file string) (map[string]*Collection, error) {
	db, err := sql.Open("sqlite3", "file:"+(&url.URL{Path: file}).EscapedPath()+"?mode=ro&immutable=1")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.Query(`SELECT c.table_name, g.column_name FROM gpkg_contents c JOIN gpkg_geometry_columns g ON g.table_name = c.table_name WHERE c.data_type = 'features'`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	geometry := map[string]string{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			return nil, err
		}
		geometry[table] = column
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	all := map[string]*Collection{}
	for name, column := range geometry {
		if all[name], err = readCollection(db, name, column); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return all, nil
}

func readCollection(db *sql.DB, name, geometry string) (*Collection, error) {
	rows, err := db.Query(`SELECT * FROM "` + strings.ReplaceAll(name, `"`, `""`) + `" ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	c := &Collection{Name: name, Table: layout(name, geometry, types)}
	t := c.Table
	cells, targets := make([]any, len(types)), make([]any, len(types))
	for i := range cells {
		targets[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		row := make([]value.Value, t.Width())
		for i, cell := range cells {
			if row[i], err = convert(t.Columns[i].Kind, cell); err != nil {
				return nil, fmt.Errorf("%s: %w", t.Columns[i].Name, err)
			}
		}
		if lon, lat, ok := geom.PointOn(row[t.Geometry].WKB()); ok {
			row[t.X], row[t.Y] = value.OfFloat(lon), value.OfFloat(lat)
		}
		c.Rows = append(c.Rows, row)
	}
	return c, rows.Err()
}

func layout(name, geometry string, types []*sql.ColumnType) *dataset.Table {
	t := &dataset.Table{Name: strings.ReplaceAll(strings.ToLower(name), "_", "-"), Kind: dataset.Register, Key: []int{0}, Time: -1, Geometry: -1}
	add := func(name string, typ dataset.Type, derived bool) int {
		t.Columns = append(t.Columns, dataset.Column{Name: name, Type: typ, Kind: typ.Kind(), Derived: derived})
		return len(t.Columns) - 1
	}
	for i, c := range types {
		typ := fieldType(c.DatabaseTypeName())
		if c.Name() == geometry {
			typ, t.Geometry = dataset.GeoJSON, i
		}
		add(c.Name(), typ, false)
	}
	t.Area = add(dataset.AreaColumn, dataset.String, true)
	t.X = add(dataset.XColumn, dataset.Number, true)
	t.Y = add(dataset.YColumn, dataset.Number, true)
	t.Flags = add(dataset.FlagColumn, dataset.List, true)
	return t
}

// fieldType maps the column types of GeoPackage (OGC 12-128 table 1).
func fieldType(declared string) dataset.Type {
	declared, _, _ = strings.Cut(strings.ToUpper(declared), "(")
	switch declared {
	case "BOOLEAN":
		return dataset.Boolean
	case "TINYINT", "SMALLINT", "MEDIUMINT", "INT", "INTEGER":
		return dataset.Integer
	case "FLOAT", "DOUBLE", "REAL":
		return dataset.Number
	case "DATE":
		return dataset.DateType
	case "DATETIME":
		return dataset.DateTime
	}
	return dataset.String
}

func convert(k value.Kind, cell any) (value.Value, error) {
	switch x := cell.(type) {
	case nil:
		return value.Value{}, nil
	case bool:
		return value.OfBool(x), nil
	case int64:
		switch k {
		case value.Float:
			return value.OfFloat(float64(x)), nil
		case value.Bool:
			return value.OfBool(x != 0), nil
		}
		return value.OfInt(x), nil
	case float64:
		return value.OfFloat(x), nil
	case string:
		return value.OfText(x), nil
	case time.Time:
		if k == value.Date {
			return value.OfDate(x.Unix() / 86400), nil
		}
		return value.OfInstant(x), nil
	case []byte:
		if k != value.Geometry {
			return value.OfText(string(x)), nil
		}
		wkb, err := geometryOf(x)
		return value.OfGeometry(wkb), err
	}
	return value.Value{}, fmt.Errorf("unexpected %T", cell)
}

// geometryOf strips the header of a GeoPackage geometry (OGC 12-128 clause 2.1.3).
func geometryOf(b []byte) (string, error) {
	if len(b) < 8 || b[0] != 'G' || b[1] != 'P' {
		return "", errors.New("not a GeoPackage geometry")
	}
	var order binary.ByteOrder = binary.BigEndian
	if b[3]&1 != 0 {
		order = binary.LittleEndian
	}
	if srs := int32(order.Uint32(b[4:])); srs != 4326 {
		return "", fmt.Errorf("spatial reference %d", srs)
	}
	sizes := []int{0, 32, 48, 48, 64}
	envelope := int(b[3] >> 1 & 7)
	if envelope >= len(sizes) || len(b) < 8+sizes[envelope] {
		return "", errors.New("bad envelope of a GeoPackage geometry")
	}
	return geom.FromEWKBHex(hex.EncodeToString(b[8+sizes[envelope]:]))
}

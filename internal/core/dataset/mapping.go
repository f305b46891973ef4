package dataset

// Mapping says how columns of an outside file become fields. It stands in a
// declaration's sources or in a file of its own (huong import --map).
type Mapping struct {
	Format        string               `json:"format,omitempty"`   // csv tsv xlsx json ndjson geojson; detected when empty
	Encoding      string               `json:"encoding,omitempty"` // utf-8 windows-1258 …; detected when empty
	Delimiter     string               `json:"delimiter,omitempty"`
	Header        *int                 `json:"header,omitempty"` // 1-based line (row) of the header; default 1
	Sheet         string               `json:"sheet,omitempty"`
	Records       string               `json:"records,omitempty"` // JSON Pointer to the array of records
	Footer        string               `json:"footer,omitempty"`  // rows from the first whose leading cell matches this pattern on are left out
	MissingValues []string             `json:"missingValues,omitempty"`
	Map           map[string]FieldMap  `json:"map,omitempty"`    // by field; a field left out takes the column of its own name
	Ignore        []string             `json:"ignore,omitempty"` // columns known and left out; "*" ignores every unmapped one
	Codes         map[string]CodeTable `json:"codes,omitempty"`
	Unpivot       *Unpivot             `json:"unpivot,omitempty"`
	Flags         []Flag               `json:"flags,omitempty"`
	Skip          []string             `json:"skip,omitempty"` // CQL2 over the columns (as text): rows that are not records; counted, not quarantined
}

// FieldMap says where a field's value comes from. In YAML it may be one string
// "Column" or "Column|pattern|zone".
type FieldMap struct {
	Column      string   `json:"column,omitempty"`
	Columns     []string `json:"columns,omitempty"` // joined by Join, or filled into Template
	Join        string   `json:"join,omitempty"`
	Template    string   `json:"template,omitempty"` // "{year}-{month:02}-{day:02}T{hour:02}:00"
	Pattern     string   `json:"pattern,omitempty"`  // date pattern: yyyy MM dd HH mm ss SSS, quoted text in ''
	Zone        string   `json:"zone,omitempty"`     // IANA zone of the source's clock; required to read a local time
	Codes       string   `json:"codes,omitempty"`    // name of a code table
	Const       any      `json:"const,omitempty"`
	Trim        *bool    `json:"trim,omitempty"`  // default true
	Scale       *float64 `json:"scale,omitempty"` // value × scale + offset
	Offset      *float64 `json:"offset,omitempty"`
	DecimalChar string   `json:"decimalChar,omitempty"`
	GroupChar   string   `json:"groupChar,omitempty"`
	Strip       string   `json:"strip,omitempty"` // regular expression removed from the text
	Pad         int      `json:"pad,omitempty"`   // left-pad digits with zeros to this width, after dropping a trailing ".0"
	CRS         string   `json:"crs,omitempty"`   // EPSG:4326 (default) or EPSG:9214 (VN-2000 TM-3 107°00')
	Of          string   `json:"of,omitempty"`    // part of the converted place: x, y
	Empty       []string `json:"empty,omitempty"` // texts of this column that mean no value
	Lower       bool     `json:"lower,omitempty"`
}

// CodeTable turns outside codes into ours. Unknown codes go to quarantine
// unless Default is set.
type CodeTable struct {
	Values  map[string]string `json:"values"`
	Fold    bool              `json:"fold,omitempty"` // compare without case and marks
	Default *string           `json:"default,omitempty"`
}

// Unpivot turns wide columns into rows: each column that Columns matches gives
// one record; its named groups and value become columns of their own.
type Unpivot struct {
	Columns string `json:"columns"` // regular expression with named groups, e.g. "(?P<year>\\d{4}) (?P<kind>.+)"
	Value   string `json:"value"`   // name of the column that takes the cell
}

// Flag marks a record as doubtful without refusing it: the default point of a
// geocoder, a missing place. Where is CQL2 over the dataset's fields.
type Flag struct {
	Name  string   `json:"name"`
	Where string   `json:"where"`
	Field string   `json:"field,omitempty"` // a string or list field that takes the flag's name; else only counted
	Clear []string `json:"clear,omitempty"` // fields set to no value on such records
	Title Words    `json:"title,omitempty"`
}

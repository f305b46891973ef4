package store

import "errors"

// ErrCatalogMoved tells that the declarations changed since the caller read
// them: read them again, prepare the items again, append again.
var ErrCatalogMoved = errors.New("store: the catalog has moved")

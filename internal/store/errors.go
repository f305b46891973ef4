package store

import "errors"

// ErrCatalogMoved tells that the declarations changed since the caller read
// them: read them again, prepare the items again, append again.
var ErrCatalogMoved = errors.New("store: the catalog has moved")

// ErrStateMoved tells that private state is not what its writer took it to be:
// read it again and derive from that.
var ErrStateMoved = errors.New("store: the state has moved")

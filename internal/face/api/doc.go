// Package api is Huong's own HTTP interface under /api/v1: the catalog, records,
// history, aggregates, exports, bulk writes, the change feed, commits,
// quarantine, and the OpenAPI 3.1 document that describes them. It translates
// between HTTP and the repository; it holds no rule of the data, no SQL, and
// decides no access.
package api

// Package web is the plumbing that every HTTP face shares: one routing table,
// problems (RFC 9457), the reader's language, authentication, cross-origin
// protection, limits, compression, conditional requests, event streams, the
// access log and metrics. It knows HTTP and principals; it knows no dataset, no
// page and no protocol of a face. Faces hand it a list of Routes.
package web

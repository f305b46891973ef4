// Package open311 serves GeoReport v2 (wiki.open311.org/GeoReport_v2), by which
// programs of others list services, send reports and follow them, and the
// proposed bulk form of GeoReport as CSV. XML and JSON are two writings of one
// document, so they cannot differ in what they say.
package open311

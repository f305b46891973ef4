package repo

// Names of the system datasets of service requests; the requests themselves are
// a dataset of the city.
const (
	SystemRequestEntry    = "request-entry"
	SystemRequestReporter = "request-reporter"
	SystemRequestFollow   = "request-follow"
	SystemRequestStrike   = "request-strike"   // what the desk noted of false reports
	SystemRequestDeletion = "request-deletion" // how many were erased by which rule
)

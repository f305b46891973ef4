package repo

// Names of the system datasets of service requests; the requests themselves are
// a dataset of the city.
const (
	SystemRequestEntry    = "request-entry"
	SystemRequestReporter = "request-reporter"
	SystemRequestFollow   = "request-follow"
)

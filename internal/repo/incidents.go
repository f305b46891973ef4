package repo

// Names of the system datasets of incidents.
const (
	SystemIncident      = "incident"
	SystemIncidentEntry = "incident-entry"
	SystemStage         = "city-stage"
	SystemShift         = "shift-entry"
)

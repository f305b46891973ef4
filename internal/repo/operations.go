package repo

// Names of the system datasets of alerts.
const (
	SystemAlert        = "alert"
	SystemNotification = "notification"
)

package repo

// SystemReport is the system dataset of reports.
const SystemReport = "report"

package open311

import (
	"context"
	"io"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
)

// Desk is what the interface asks of the city's desk of reports. Records are
// read from the repository itself, as the asker.
type Desk interface {
	// Services lists what may be reported, in order, in a language ("vi" or "en");
	// what is no longer offered too.
	Services(ctx context.Context, lang string) ([]Service, error)
	// Submit takes a report. The same key of the same sender gives the first
	// receipt again.
	Submit(ctx context.Context, p repo.Principal, s Submission) (Receipt, error)
	// Updates lists the public entries of timelines, newest first.
	Updates(ctx context.Context, q UpdateQuery) ([]Update, error)
	// Import takes reports of the past with all that became of them, as p. There
	// is one outcome for each; nothing but what failed for all is an error.
	Import(ctx context.Context, p repo.Principal, reports []Past) ([]Outcome, error)
	// Keep keeps rows that were not taken, as p, until they come repaired: a report
	// that Import takes settles what was kept under its id.
	Keep(ctx context.Context, p repo.Principal, rows []Refused) error
}

// Service is a kind of report.
type Service struct {
	Code, Name, Description, Group string
	Notice                         string // what follows after sending
	Keywords                       []string
	Active                         bool
	Questions                      []Question
}

// Question is an attribute of a service definition.
type Question struct {
	Code, Description string
	Datatype          string // string, number, datetime, text, singlevaluelist, multivaluelist
	Hint              string // datatype_description
	Variable          bool   // false: a notice, not a question
	Required          bool
	Values            []Option
}

// Option is a value of a list.
type Option struct{ Key, Name string }

// Submission is a report as it came.
type Submission struct {
	Key                         string // idempotency: 64 letters that nobody else knows, the same for a repeat
	Service, Title, Description string
	Longitude, Latitude         *float64
	Address                     string
	MediaURL                    string              // a link that is kept and never followed
	Answers                     map[string][]string // by code of the question
	Media                       []File
	Name, Phone, Email, Lang    string
	Device, Account             string // as the sender calls them
}

// File is one file of a report; Open may be called more than once.
type File struct {
	Name string
	Size int64
	Open func() (io.ReadCloser, error)
}

// Receipt is the answer to a Submission.
type Receipt struct {
	ID       string
	Repeated bool
	Notice   string // in the sender's language; that of the service when empty
}

// UpdateQuery asks for entries of timelines; both ends count.
type UpdateQuery struct {
	From, Until time.Time // no bound when zero
	Requests    []string  // all when empty
	Limit       int
	Lang        string
}

// Update is one public entry of a timeline.
type Update struct {
	ID, Request string
	At          time.Time
	Kind        string // of the entry: a step's name, or note
	State       string // of the workflow, from then on; empty where it is not told
	Text        string
	MediaURL    string // path of a public picture
}

// Past is one report of a bulk file.
type Past struct {
	ID, Service          string
	Requested, Updated   time.Time
	Closed, Expected     time.Time // zero where there is none
	State                string    // of the workflow
	Outcome, Answer      string    // what the notes on the status say
	Channel, Description string
	Agency               string // its code; empty for none
	Published            bool   // the public may read it
	Address              string
	Longitude, Latitude  *float64
	Line                 int // of the file
}

// Refused is a row of a bulk file that was not taken, as it came.
type Refused struct {
	ID           string
	Names, Cells []string
	Line         int
	Faults       []problem.Violation
}

// Outcome is what became of a Past.
type Outcome struct {
	Unchanged bool
	Err       error // a problem.Error; its fields are named as Past's columns are
}

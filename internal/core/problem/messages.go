package problem

import "strings"

// Text renders the message of a code in a language ("vi", else English). A code
// without an entry renders as itself; a test forbids that for codes in use.
func Text(lang, code string, args map[string]string) string {
	m, ok := messages[code]
	if !ok {
		return code
	}
	s := m.en
	if lang == "vi" {
		s = m.vi
	}
	for k, v := range args {
		if k == "action" && lang == "vi" {
			v = actionVi(v)
		}
		s = strings.ReplaceAll(s, "{"+k+"}", v)
	}
	return s
}

// Codes lists every code of the message table, for tests and documentation.
func Codes() []string {
	codes := make([]string, 0, len(messages))
	for c := range messages {
		codes = append(codes, c)
	}
	return codes
}

type message struct{ vi, en string }

func merge(parts ...map[string]message) map[string]message {
	all := map[string]message{}
	for _, p := range parts {
		for code, m := range p {
			if _, twice := all[code]; twice {
				panic("problem: message code declared twice: " + code)
			}
			all[code] = m
		}
	}
	return all
}

// messages is assembled from one table per area, each in its own file, so that
// a new rule and its words stand side by side in review.
var messages = merge(general, operation, declarations, expressions, values, repository, storage, database, intake, interchange, grants, trust, accounts, proofs, hardening, sharing, rights, calendars, maps, definitions, workflows, indicators, dashboards, alerting, incidents, requestDesk, requestCatalogue, reports, georeport, hotspots, classifiers, redactions)

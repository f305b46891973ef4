package ui_test

import (
	"testing"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/service/account"
)

// pagesOfTheCenter are all pages of the operations center, each as somebody who
// works with it, and forms elsewhere that are shown to few. A new page joins by a
// line.
func (x *centre) pagesOfTheCenter(t testing.TB) []pageOf {
	t.Helper()
	public := x.reader(t)
	x.put(t, "purpose", "điều tra", []map[string]string{{"code": "inquiry", "name": "Điều tra", "nameEn": "Inquiry", "basis": "Bộ luật Tố tụng hình sự", "mayHide": "true", "hideDays": "60", "hideBasis": "Điều 177", "hideAgencies": "cath"}})
	x.staff(t, "dung.police", account.Capacity{Agency: "cath", Roles: []string{grant.Officer}})
	police := x.reader(t)
	police.signIn("dung.police")
	const onMap = "[data-marks-ready] [data-idle]"
	const opened = `document.querySelectorAll("main details:not(.drop)").forEach((d) => { d.open = true; })`
	return []pageOf{
		{"overview", "/", x.leader, "", ""},
		{"overview of the public", "/", public, "", ""},
		{"boards", "/boards", x.officer, "", ""},
		{"environment", "/boards/environment", x.leader, "", ""},
		{"transport", "/boards/transport", x.leader, "", ""},
		{"health", "/boards/health", x.leader, "", ""},
		{"security", "/boards/public-security", x.leader, "", ""},
		{"services", "/boards/public-services", x.leader, "", ""},
		{"social life", "/boards/social-life", public, "", ""},
		{"ward", "/boards/ward?area=19774&period=week", x.leader, "", ""},
		{"editor", "/boards/health/edit", x.admin, "", ""},
		{"history of a board", "/boards/health/history", x.admin, "", ""},
		{"wall", "/wall/city", x.leader, "", ""},
		{"wall far away", "/wall/environment?distance=8", x.leader, "", ""},
		{"map", "/map?layer=alert&layer=incident&by=none", x.leader, onMap, ""},
		{"alerts", "/alerts", x.leader, "", ""},
		{"no alerts", "/alerts?severity=low&area=19753&state=cleared", x.leader, "", ""},
		{"alert", "/alerts/a-0", x.leader, "", opened},
		{"quality of alerts", "/alerts/quality", x.leader, "", ""},
		{"notices", "/notices", x.officer, "", opened},
		{"incidents", "/incidents", x.officer, "", ""},
		{"no incidents", "/incidents?show=over", x.stranger, "", ""},
		{"an incident opened", "/incidents/new", x.officer, "", ""},
		{"incident", x.incident, x.officer, "", opened},
		{"review", x.incident + "/review", x.officer, "", ""},
		{"stage", "/stage", x.leader, "", opened},
		{"stage of the public", "/stage", public, "", ""},
		{"shift", "/shift", x.officer, "", opened},
		{"reports", "/reports", x.officer, "", ""},
		{"no reports", "/reports?period=month", x.stranger, "", ""},
		{"a report before it is made", "/reports/new?name=city-day", x.officer, "", ""},
		{"report", x.report, x.officer, "", opened},
		{"report of another agency", x.report, x.stranger, "", ""},
		{"indicators", "/indicators", public, "", ""},
		{"indicator", "/indicators/requests-open", x.leader, "", opened},
		{"indicator with a target", "/indicators/water-level-kim-long?period=week", public, "", opened},
		{"no indicator", "/indicators/nothing", public, "", ""},
		{"receipts", "/receipts", public, "", ""},
		{"receipt", "/receipts/4", public, "", ""},
		{"erasing", "/datasets/sector/records/health", x.officer, "", opened},
		{"recovery of an account", "/accounts/ha.officer", x.admin, "", opened},
		{"a task whose readings are hidden", "/profile", police, "", opened},
	}
}

// Every page of the center, in both languages, both themes, on a desk and on a
// phone: no fault of axe, nothing wider than the window, no errors.
func TestEveryPageOfTheCenter(t *testing.T) {
	t.Parallel()
	x := newCentre(t)
	x.atWork(t)
	x.see(t, x.pagesOfTheCenter(t), nil)
}

package problem

// Faults of calendars of working days.
var calendars = map[string]message{
	"calendar-date":       {"Ngày phải viết theo dạng năm-tháng-ngày, ví dụ 2026-09-02, nhưng gặp {found}.", "A day is written year-month-day, such as 2026-09-02; found {found}."},
	"calendar-hours":      {"Giờ làm việc viết dạng 07:30-11:30, theo thứ tự, không chồng nhau và không quá 24:00; gặp “{found}”.", "Working hours are written 07:30-11:30, in order, apart from each other and not beyond 24:00; found “{found}”."},
	"calendar-order":      {"Ngày này không được trước {before}.", "This day must not be before {before}."},
	"calendar-first-rule": {"Quy tắc đầu tiên phải có hiệu lực từ ngày đầu của lịch, {from}.", "The first rule holds from the calendar's first day, {from}."},
	"calendar-outside":    {"Ngày {day} nằm ngoài lịch ({from} đến {until}).", "The day {day} is outside of the calendar ({from} to {until})."},
	"calendar-span":       {"Kỳ nghỉ bắt đầu ngày {from} phải kết thúc từ ngày ấy trở đi và không dài quá {limit} ngày.", "A holiday that begins on {from} ends on or after that day and lasts at most {limit} days."},
	"calendar-not-off":    {"Ngày {day} không có trong các ngày nghỉ nên không có gì để làm bù.", "The day {day} is not among the holidays, so nothing is worked instead of it."},
}

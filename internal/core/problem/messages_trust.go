package problem

// Purposes, personal data, sign-in.
var trust = map[string]message{
	"purpose-needed":     {"{dataset} có dữ liệu cá nhân: hãy chọn mục đích xử lý trước khi xem.", "{dataset} holds personal data: choose a purpose before reading it."},
	"purpose-unknown":    {"Mục đích đã nêu không có trong danh mục hoặc không còn dùng.", "The purpose that was named is not on the list or no longer in use."},
	"purpose-needs-case": {"Mục đích {purpose} phải kèm số hồ sơ.", "The purpose {purpose} needs the number of a case."},
	"hide-purpose":       {"Mục đích này không cho phép tạm giấu lần xem với người liên quan.", "This purpose does not permit to hide readings from the person."},
	"hide-agency":        {"Cơ quan của bạn không được tạm giấu lần xem cho mục đích này.", "Your agency may not hide readings for this purpose."},
	"hide-past":          {"Thời điểm hết giấu phải ở tương lai.", "The time until which readings are hidden must lie ahead."},
	"hide-long":          {"Mục đích này chỉ cho phép giấu tối đa {days} ngày.", "For this purpose readings may be hidden for {days} days at most."},
	"hide-malformed":     {"Thời điểm hết giấu phải có dạng 2026-11-23T00:00:00Z.", "The time until which readings are hidden must read like 2026-11-23T00:00:00Z."},
	"aggregate-single":   {"Quyền tổng hợp với {dataset} không cho giá trị nhỏ nhất, lớn nhất: đó là giá trị của một bản ghi.", "An aggregate grant on {dataset} gives no smallest or largest value: each is one record's."},
	"aggregate-too-fine": {"Cách nhóm này cho hơn {limit} nhóm; hãy nhóm thô hơn.", "This makes more than {limit} groups; group more coarsely."},
}

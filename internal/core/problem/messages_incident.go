package problem

// Incidents, the city's stage and shifts.
var incidents = map[string]message{
	"incident-unknown":     {"Không tìm thấy sự cố này.", "This incident was not found."},
	"incident-staff":       {"Chỉ cán bộ, người vận hành và lãnh đạo đang làm việc cho một cơ quan mới xem và xử lý sự cố.", "Incidents are seen and handled by officers, operators and leaders who act for an agency."},
	"incident-no-workflow": {"Thành phố chưa khai báo quy trình xử lý sự cố.", "The city has not declared how incidents are handled."},
	"incident-stale":       {"Sự cố vừa được người khác cập nhật. Hãy xem lại rồi thực hiện bước này.", "The incident has just been changed by somebody else. Look at it again before taking this step."},
	"incident-invalid":     {"Chưa ghi được; hãy sửa các mục sau.", "This cannot be taken yet; please put the following right."},
	"incident-missing":     {"Mục này không được để trống.", "This must not be empty."},
	"incident-long":        {"Dài quá {limit} ký tự.", "Longer than {limit} characters."},
	"incident-word":        {"Cần một trong các giá trị: {allowed}.", "One of these is expected: {allowed}."},
	"incident-code":        {"Mã này không có trong danh mục.", "This code is not on the list."},
	"incident-elsewhere":   {"Địa bàn này không thuộc phạm vi của bạn; hãy giao cho cơ quan của bạn xử lý hoặc báo trung tâm điều hành.", "This area is not yours: let your own agency lead, or tell the operations centre."},
	"incident-amount":      {"Cần một con số.", "A number is expected."},
	"incident-line":        {"Kịch bản không có việc này.", "The playbook has no such line."},
	"incident-tick":        {"Việc này do vai trò khác đánh dấu.", "This line is for another role to tick off."},
	"stage-denied":         {"Chỉ lãnh đạo hoặc người vận hành phụ trách toàn thành phố mới đổi được cấp tình hình.", "The stage is changed by leaders and operators for the whole city."},
	"stage-same":           {"Thành phố đang ở cấp này rồi.", "The city is at this stage already."},
	"shift-denied":         {"Chỉ cán bộ, người vận hành và lãnh đạo của cơ quan trực mới dùng nhật ký ca trực.", "The shift log is for the officers, operators and leaders of the agency on duty."},
	"shift-taken":          {"Biên bản này đã có người nhận.", "This hand-over is taken already."},
	"shift-other":          {"Biên bản này giao cho người khác nhận.", "This hand-over is for somebody else to take."},
	"shift-unknown":        {"Không tìm thấy biên bản giao ca này.", "This hand-over was not found."},
	"file-unknown":         {"Không tìm thấy tệp này.", "This file was not found."},
}

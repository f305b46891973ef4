package problem

// Faults of reports' files, and of handling reports.
var reports = map[string]message{
	"report-invalid":         {"Tệp báo cáo {file} có {count} lỗi.", "The report file {file} has {count} faults."},
	"report-name":            {"“{found}” chưa đúng dạng: chữ thường không dấu và số, nối bằng gạch ngang.", "“{found}” must be lower-case letters and digits joined by hyphens."},
	"report-owner":           {"“{area}” trong owner chỉ dùng khi báo cáo lập cho từng xã, phường (for: wards).", "“{area}” in the owner is for reports of each ward (for: wards)."},
	"report-clock":           {"“{found}” không phải giờ trong ngày; xin viết như \"07:00\".", "“{found}” is no time of day; write \"07:00\"."},
	"report-symbol":          {"“{found}” không phải ký hiệu văn bản; xin viết như BC-VP.", "“{found}” is no symbol of a document; write BC-VP."},
	"report-hole":            {"Không điền được “{word}”. Có thể dùng: {allowed}.", "“{word}” cannot be filled in. There are: {allowed}."},
	"report-hole-near":       {"Không điền được “{word}”; có phải là “{near}”?", "“{word}” cannot be filled in; did you mean “{near}”?"},
	"report-twice":           {"Tên này đã dùng cho một mục khác.", "The name stands for another field already."},
	"report-many-blocks":     {"Một báo cáo có tối đa {limit} khối.", "A report has at most {limit} blocks."},
	"report-many-indicators": {"Ở đây có tối đa {limit} chỉ số.", "At most {limit} indicators stand here."},
	"report-by-ward":         {"Báo cáo của từng xã, phường không so sánh các xã, phường.", "A report of one ward does not compare wards."},
	"report-unknown":         {"Không có báo cáo này, hoặc bạn không được xem.", "There is no such report, or you may not see it."},
	"report-kind-unknown":    {"Thành phố chưa khai báo loại báo cáo này.", "The city declares no such report."},
	"report-staff":           {"Báo cáo dành cho cán bộ của cơ quan nhà nước.", "Reports are for the staff of public bodies."},
	"report-no-workflow":     {"Thành phố chưa khai báo quy trình báo cáo (workflows/report.yaml).", "The city declares no workflow of reports (workflows/report.yaml)."},
	"report-not-yours":       {"Báo cáo này do cán bộ của cơ quan lập báo cáo tạo.", "This report is made by the staff of the agency that issues it."},
	"report-area":            {"Xin chọn một xã, phường cho báo cáo này.", "Choose a ward for this report."},
	"report-input":           {"Chưa ghi được, còn {count} chỗ cần sửa.", "It cannot be saved; {count} places need correction."},
	"report-missing":         {"Xin điền mục này trước khi trình duyệt.", "Fill this in before the report goes on."},
	"report-long":            {"Tối đa {limit} ký tự.", "At most {limit} characters."},
	"report-field":           {"Báo cáo không có mục này.", "The report has no such field."},
	"report-fonts":           {"Bản cài đặt này thiếu phông chữ in; xin dựng lại phần giao diện (make web).", "This installation lacks the fonts for paper; build the browser side again (make web)."},
	"report-format":          {"Không có dạng tệp “{format}”. Có: {known}.", "There is no format “{format}”. There are: {known}."},
	"report-altered":         {"Tệp dựng lại khác tệp đã ban hành. Số liệu lưu không đổi; xin liên hệ quản trị viên.", "The file made again differs from the one issued. The archived figures are unchanged; contact an administrator."},
}

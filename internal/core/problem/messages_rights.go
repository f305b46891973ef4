package problem

// A person's rights over the data about them.
var rights = map[string]message{
	"self-citizen":      {"Chỉ người dân đăng nhập với tư cách cá nhân mới xem được dữ liệu về mình.", "Only a citizen signed in as themself sees what is held about them."},
	"self-assurance":    {"Cần đăng nhập bằng tài khoản định danh mức {level} để xem dữ liệu về mình.", "Sign in with assurance level {level} to see what is held about you."},
	"tracker-grant":     {"Hệ thống này chưa được cấp quyền xem nhật ký truy cập thay cho người dân.", "This system holds no grant to read access records on behalf of persons."},
	"tracker-person":    {"Cần số định danh cá nhân ở tiêu đề X-Road-UserId hoặc tham số userCode (12 chữ số, có thể kèm VN ở đầu).", "A personal number is needed in the header X-Road-UserId or the parameter userCode (12 digits, VN before them at will)."},
	"tracker-period":    {"Mốc thời gian phải theo RFC 3339.", "The bound must be a time of RFC 3339."},
	"right-invalid":     {"Chưa ghi được yêu cầu này; hãy sửa các mục sau.", "This request cannot be taken yet; please put the following right."},
	"right-unknown":     {"Không tìm thấy yêu cầu {id}.", "The request {id} was not found."},
	"right-kind":        {"Hãy chọn một loại yêu cầu: {allowed}.", "Choose one kind of request: {allowed}."},
	"right-owner":       {"Chỉ cán bộ quản lý dữ liệu của cơ quan chủ quản {owner} mới xử lý yêu cầu này.", "Only a steward of the owner {owner} handles this request."},
	"right-step":        {"Không thể thực hiện bước “{step}” khi yêu cầu {id} đang ở trạng thái “{state}”.", "The step “{step}” cannot follow on the state “{state}” of the request {id}."},
	"right-stale":       {"Yêu cầu {id} vừa được người khác cập nhật. Hãy xem lại trước khi quyết định.", "The request {id} has just been changed by somebody else. Look at it again before deciding."},
	"right-calendar":    {"Lịch ngày làm việc chưa có năm {year}; hãy cập nhật phần mềm.", "The calendar of working days does not know the year {year}; update the software."},
	"right-extended":    {"Yêu cầu đã được gia hạn một lần rồi.", "The request was extended once already."},
	"right-number-text": {"Đừng viết số định danh cá nhân vào nội dung; hệ thống đã biết bạn là ai.", "Do not write a personal number into the text; it is known who you are."},
}

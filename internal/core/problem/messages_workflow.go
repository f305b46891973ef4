package problem

// Tables of states, and the steps that follow them.
var workflows = map[string]message{
	"workflow-invalid":           {"Quy trình trong tệp {file} có {count} chỗ sai.", "The workflow {file} has {count} faults."},
	"workflow-twice":             {"“{name}” được khai báo hai lần.", "“{name}” is declared twice."},
	"workflow-one-state":         {"Mỗi bước chỉ dẫn tới một trạng thái.", "A step leads to one state."},
	"workflow-day":               {"Cần một ngày dạng 2026-01-31, nhưng gặp “{found}”.", "A day such as 2026-01-31 is expected, found “{found}”."},
	"workflow-span":              {"Cần một khoảng thời gian như 15m, 4h, 1h30m hay 2d, nhưng gặp “{found}”.", "A length of time such as 15m, 4h, 1h30m or 2d is expected, found “{found}”."},
	"workflow-whole-days":        {"Thời hạn tính theo ngày cần số ngày nguyên như 7d, nhưng gặp “{found}”.", "A term in days takes whole days such as 7d, found “{found}”."},
	"workflow-unreachable":       {"Không bước nào dẫn tới trạng thái “{state}”.", "No step leads to the state “{state}”."},
	"workflow-no-exit":           {"Từ trạng thái “{state}” không có đường nào tới trạng thái kết thúc.", "No way leads from the state “{state}” to a final one."},
	"workflow-rule-shadowed":     {"Thời hạn “{deadline}”: điều kiện ở dòng {line} đã bao trùm, nên điều kiện này không bao giờ được dùng.", "Deadline “{deadline}”: the rule at line {line} covers this one, which is never used."},
	"workflow-deadlines-overlap": {"Thời hạn “{deadline}” và “{other}” (dòng {line}) cùng chạy trong một trạng thái từ cùng một lúc; xin gộp thành một, phân biệt bằng điều kiện.", "The deadlines “{deadline}” and “{other}” (line {line}) run in one state from the same moment; make them one with rules."},
	"workflow-move-from":         {"Bước tự động “{move}” không đi được từ trạng thái “{state}” mà thời hạn này áp dụng.", "The step “{move}” cannot be taken from the state “{state}” in which this deadline runs."},
	"workflow-move-needs":        {"Bước tự động “{move}” đòi hỏi nội dung mà đồng hồ không có.", "The step “{move}” asks for what no clock can give."},
	"workflow-history":           {"Diễn biến thứ {event} không theo được quy trình {workflow}.", "Event {event} of the history does not follow the workflow {workflow}."},
	"workflow-step-unknown":      {"Quy trình {workflow} không có bước này.", "The workflow {workflow} has no such step."},
	"workflow-step":              {"Không thể thực hiện bước “{step}” khi vụ việc đang ở trạng thái “{state}”. Có thể người khác vừa xử lý; hãy tải lại trang.", "The step “{step}” cannot follow on the state “{state}”. Somebody may just have acted; load the page again."},
	"workflow-denied":            {"Vai trò hiện tại của bạn không được thực hiện bước “{step}”.", "The step “{step}” is not for the capacity in which you act."},
	"workflow-step-invalid":      {"Bước “{step}” chưa ghi được; hãy sửa các mục sau.", "The step “{step}” cannot be taken yet; please put the following right."},
	"workflow-outcome":           {"Cần nêu kết quả, một trong: {allowed}.", "The outcome must be named, one of {allowed}."},
	"workflow-field-missing":     {"Bước “{step}” cần mục này.", "The step “{step}” needs this."},
	"workflow-field-unknown":     {"Bước “{step}” không nhận mục này.", "The step “{step}” does not take this."},

	"playbook-invalid":     {"Kịch bản trong tệp {file} có {count} chỗ sai.", "The playbook {file} has {count} faults."},
	"playbook-empty":       {"Kịch bản không có bước nào.", "The playbook has no step."},
	"playbook-stage-order": {"Các cấp phải đủ từ 1 đến 5, theo thứ tự; gặp {stage}.", "The stages stand in order from 1 to 5, none left out; found {stage}."},
}

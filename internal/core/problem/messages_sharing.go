package problem

// Asking for grants and deciding on them.
var sharing = map[string]message{
	"share-unknown":     {"Không tìm thấy quyền chia sẻ {id}.", "The grant {id} was not found."},
	"share-invalid":     {"Chưa ghi được đề nghị này; hãy sửa các mục sau.", "This cannot be taken yet; please put the following right."},
	"share-staff":       {"Chỉ cán bộ đang làm việc cho một cơ quan mới đề nghị chia sẻ được.", "Only staff who act for an agency can ask for a grant."},
	"share-owner":       {"Chỉ người quản lý dữ liệu của cơ quan chủ quản {owner} mới làm được việc này.", "Only a steward of the owner {owner} can do this."},
	"share-grantee":     {"Chỉ cán bộ của cơ quan {agency} mới làm được việc này.", "Only staff of the agency {agency} can do this."},
	"share-two-persons": {"Người đề nghị hoặc người được cấp không tự quyết định; cần một người khác.", "Who asked or gains cannot decide; another person must."},
	"share-action":      {"Không có bước “{step}”.", "There is no step “{step}”."},
	"share-step":        {"Không thể thực hiện bước “{step}” khi quyền {id} đang ở trạng thái “{state}”.", "The step “{step}” cannot follow on the state “{state}” of the grant {id}."},
	"share-stale":       {"Quyền {id} vừa được người khác thay đổi. Hãy xem lại trước khi quyết định.", "The grant {id} has just been changed by somebody else. Look at it again before deciding."},
	"share-wider":       {"Mục này rộng hơn điều đã được đề nghị.", "This gives more than was asked for."},
	"share-purpose":     {"Có dữ liệu cá nhân, nên phải nêu ít nhất một mục đích.", "This covers personal data, so at least one purpose must be named."},
	"dataset-closed":    {"Hiện bạn chưa xem được gì của bộ dữ liệu {dataset}; có thể đề nghị cơ quan chủ quản chia sẻ.", "You see nothing of the dataset {dataset} at present; its owner may be asked for a grant."},
	"share-past":        {"Ngày kết thúc đã qua.", "The end has passed already."},
	"share-long":        {"Thời hạn tối đa là {years} năm; hết hạn có thể đề nghị lại.", "At most {years} years; it can be asked for again."},

	"release-needed":      {"Lần đọc này đưa số bản ghi dữ liệu cá nhân của {dataset} lên {count} trong 24 giờ, quá ngưỡng {limit}, nên cần người thứ hai của cơ quan chủ quản duyệt. Hãy xin duyệt, thu hẹp điều kiện, hoặc bỏ các trường cá nhân.", "With this reading it would be {count} personal records of {dataset} within 24 hours, above the limit of {limit}, so a second person of the owner must approve it. Ask for that, narrow the condition, or leave the personal fields out."},
	"release-unknown":     {"Không tìm thấy lần xin duyệt {id}.", "The request {id} was not found."},
	"release-invalid":     {"Chưa ghi được; hãy sửa các mục sau.", "This cannot be taken yet; please put the following right."},
	"release-impersonal":  {"Bộ dữ liệu này không có trường cá nhân mà bạn được xem, nên không cần duyệt.", "You see no personal fields of this dataset, so no approval is needed."},
	"release-two-persons": {"Người xin hoặc người sẽ đọc không tự duyệt; cần một người khác.", "Who asked or will read cannot decide; another person must."},
	"release-owner":       {"Chỉ người quản lý dữ liệu hoặc lãnh đạo của cơ quan chủ quản {owner} mới duyệt được.", "Only a steward or leader of the owner {owner} can decide this."},
	"release-decided":     {"Lần xin này đã được quyết định.", "This request has been decided already."},
	"release-field":       {"Trường {name} không phải trường cá nhân mà bạn được xem.", "The field {name} is none of the personal fields that you see."},
}

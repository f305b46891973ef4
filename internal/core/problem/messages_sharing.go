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
}

package problem

// What is wrong with a grant, why something is denied, and what would give more.
var grants = map[string]message{
	"grant-missing":            {"Chưa điền mục này.", "This must be filled in."},
	"grant-word":               {"“{found}” không dùng được ở đây. Chọn một trong: {allowed}.", "“{found}” is not known here. Choose one of: {allowed}."},
	"grant-other-dataset":      {"Quyền này nói về {found}, không phải {dataset}.", "This grant is about {found}, not {dataset}."},
	"grant-grantee":            {"Cần ghi rõ cấp cho ai: cơ quan, vai trò hoặc tài khoản.", "Say to whom it is granted: an agency, a role or an account."},
	"grant-minimum-cell":       {"Quyền tổng hợp phải đặt số bản ghi tối thiểu của mỗi nhóm, ít nhất là {least}.", "An aggregate grant sets the fewest records of a group, at least {least}."},
	"grant-minimum-cell-other": {"Chỉ quyền tổng hợp mới đặt số bản ghi tối thiểu.", "Only an aggregate grant sets the fewest records of a group."},
	"grant-field":              {"{dataset} không có trường {name}.", "{dataset} has no field {name}."},
	"grant-tag":                {"Không trường nào của {dataset} mang nhãn {name}.", "No field of {dataset} has the tag {name}."},
	"grant-nothing":            {"{dataset} không có trường nào ở mức mở hoặc nội bộ, nên phải nêu tên trường hoặc nhãn.", "{dataset} has no open or internal field, so fields or tags must be named."},
	"grant-rows-previous":      {"Điều kiện dòng không được hỏi bản ghi liền trước.", "A condition on rows cannot ask for the record before."},
	"grant-own-areas":          {"{dataset} không có vị trí, nên không giới hạn theo địa bàn được.", "{dataset} has no place, so it cannot be limited to areas."},
	"grant-own-agency":         {"Trường {name} không phải chuỗi ký tự, nên không chứa được mã cơ quan.", "The field {name} is no text, so it cannot hold the code of an agency."},
	"grant-mask-action":        {"Chỉ quyền đọc mới che giá trị.", "Only a grant to read masks values."},
	"grant-mask-target":        {"Mỗi cách che nêu một trường hoặc một nhãn, không phải cả hai.", "A mask names a field or a tag, not both."},
	"grant-mask-unused":        {"Quyền này không gồm {name}, nên không có gì để che.", "This grant does not cover {name}, so there is nothing to mask."},
	"grant-mask-twice":         {"Trường {name} có hai cách che khác nhau.", "The field {name} has two different masks."},
	"grant-mask-fit":           {"Không che được trường {name} kiểu {type} theo cách {how}.", "The field {name} of type {type} cannot be masked by {how}."},
	"grant-mask-area":          {"Trường {name} không phải vị trí của bản ghi, nên không thay bằng địa bàn được.", "The field {name} is not the place of a record, so no area can stand for it."},
	"grant-until":              {"Ngày kết thúc phải sau ngày bắt đầu.", "The end must come after the beginning."},

	"write-denied":        {"Không có quyền ghi bản ghi này của {dataset}.", "You may not write this record of {dataset}."},
	"write-fields-denied": {"Không có quyền ghi các trường {fields} của {dataset}.", "You may not write the fields {fields} of {dataset}."},

	"lack-everything": {"Chưa có quyền nào cho việc này với {dataset}; xin gửi yêu cầu tới cơ quan chủ quản {owner}.", "Nothing allows this on {dataset} yet; ask its owner {owner}."},
	"lack-fields":     {"Các trường {fields} cần cơ quan chủ quản {owner} cấp quyền; xin gửi yêu cầu.", "The fields {fields} need a grant of the owner {owner}; ask for one."},
	"lack-purpose":    {"Chọn mục đích phù hợp để xem các trường {fields}.", "Choose a fitting purpose to see the fields {fields}."},
	"lack-purpose-of": {"Quyền {grant} chỉ dùng cho các mục đích {purposes}; xin chọn một mục đích đó hoặc xin mở rộng.", "The grant {grant} is for the purposes {purposes} only; choose one of them or ask for more."},
	"lack-areas":      {"Tài khoản chưa được giao địa bàn nào; xin quản trị viên giao địa bàn.", "This account acts in no area; ask an administrator for one."},
	"lack-areas-of":   {"Quyền {grant} chỉ gồm địa bàn được giao, mà tài khoản chưa có địa bàn nào.", "The grant {grant} is limited to one's own areas, and this account has none."},
	"lack-agency-of":  {"Quyền {grant} chỉ gồm bản ghi của cơ quan mình, mà tài khoản không thuộc cơ quan nào.", "The grant {grant} is limited to records of one's own agency, and this account has none."},
	"lack-assurance":  {"Đăng nhập với mức xác thực {level} để xem dữ liệu về chính mình.", "Sign in with assurance level {level} to see what is held about you."},
	"lack-begins":     {"Quyền {grant} có hiệu lực từ {at}.", "The grant {grant} begins on {at}."},
	"lack-ended":      {"Quyền {grant} đã hết hạn ngày {at}; xin gia hạn nếu còn cần.", "The grant {grant} ended on {at}; ask for a new one if it is still needed."},
	"lack-unfit":      {"Quyền {grant} không còn khớp với khai báo của bộ dữ liệu; xin cơ quan chủ quản sửa lại.", "The grant {grant} no longer fits the dataset's declaration; ask the owner to correct it."},
}

package problem

// storage holds what a database says of a commit that cannot stand beside what
// is stored already.
var storage = map[string]message{
	"commit-invalid":     {"Thay đổi gửi lên chưa hợp lệ.", "The submitted changes are not valid."},
	"commit-conflict":    {"Thay đổi gửi lên mâu thuẫn với dữ liệu đã có.", "The submitted changes contradict what is stored."},
	"commit-stale":       {"Bản ghi đã được người khác thay đổi; xin đọc lại rồi gửi lại.", "A record was changed by someone else; read it again and send the change again."},
	"commit-too-large":   {"Một lần ghi vượt giới hạn {limit}; xin chia nhỏ.", "One commit is over the limit of {limit}; send it in parts."},
	"key-twice":          {"Khóa này đã có ở thay đổi số {first} trong cùng lần gửi.", "This key was already used by change {first} of the same request."},
	"key-null":           {"Thiếu giá trị của khóa.", "A part of the key has no value."},
	"key-exists":         {"Đã có bản ghi với khóa này.", "A record with this key exists already."},
	"record-absent":      {"Không có bản ghi với khóa này.", "No record has this key."},
	"version-stale":      {"Phiên bản hiện tại là {current}, không phải {expected}.", "The current version is {current}, not {expected}."},
	"version-absent":     {"Bản ghi được chờ đợi không còn nữa.", "The record that was expected is not there."},
	"unique-taken":       {"Giá trị này phải là duy nhất nhưng đã thuộc về một bản ghi khác.", "This value must be unique but belongs to another record."},
	"reference-missing":  {"Không có bản ghi tương ứng trong {dataset}.", "There is no such record in {dataset}."},
	"reference-held":     {"Bản ghi còn được {dataset} tham chiếu.", "The record is still referred to by {dataset}."},
	"layout-unknown":     {"Không rõ cấu trúc của bộ dữ liệu {dataset}.", "The layout of dataset {dataset} is not known."},
	"layout-unfit":       {"Hàng có {got} cột, cấu trúc có {want}.", "The row has {got} columns, the layout has {want}."},
	"value-kind":         {"Giá trị thuộc kiểu {got}, cột cần {want}.", "The value is of kind {got}, the column needs {want}."},
	"value-out-of-range": {"Giá trị nằm ngoài phạm vi lưu trữ được.", "The value lies outside what can be stored."},
	"dataset-name-unfit": {"Tên bộ dữ liệu {dataset} không dùng làm tên bảng được.", "Dataset name {dataset} cannot be the name of a table."},
	"backup-unreadable":  {"Bản sao lưu không đọc được hoặc không phải của Huong.", "The backup cannot be read or is not one of Huong's."},
	"restore-occupied":   {"Thư mục đích đã có dữ liệu.", "The target directory already holds data."},
	"store-newer":        {"Dữ liệu do phiên bản mới hơn của chương trình tạo ra.", "The data was written by a newer version of the program."},
}

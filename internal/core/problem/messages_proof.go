package problem

// The public log, its proofs, and erasing.
var proofs = map[string]message{
	"log-not-there":   {"Nhật ký chưa có mục này.", "The log does not reach this far."},
	"checkpoint-none": {"Chưa có chứng thực nào của nhật ký bao gồm mục này; hãy thử lại sau một phút.", "No signed checkpoint covers this entry yet; try again in a minute."},
	"seq-invalid":     {"Số hiệu {value} không phải là số thứ tự của một lần ghi.", "{value} is not the number of a commit."},
	"proof-key":       {"Hãy cho biết khoá công khai của nhật ký, lấy từ nơi khác chứ không phải từ tệp bằng chứng.", "Name the log's public key, taken from elsewhere than the proof."},
	"proof-broken":    {"Bằng chứng không đúng với khoá này.", "The proof does not hold under this key."},
	"erase-sure":      {"Hãy xác nhận rằng bạn hiểu việc xoá không lấy lại được.", "Confirm that you know that an erasure cannot be taken back."},
	"erase-present":   {"Bản ghi vẫn còn giá trị hiện hành ở các trường cần xoá; hãy thử lại.", "The record still holds what is to be erased; try again."},
	"erase-nothing":   {"Không còn gì để xoá của bản ghi này.", "There is nothing left to erase of this record."},
	"erase-invalid":   {"Yêu cầu xoá chưa đúng.", "The erasure cannot be done as asked."},
	"erase-basis":     {"Hãy nêu căn cứ pháp lý của việc xoá.", "Give the legal basis of the erasure."},
	"erase-field":     {"Bộ dữ liệu không có trường này.", "The dataset has no such field."},
	"erase-key":       {"Trường này là khoá: chỉ có thể xoá cả bản ghi.", "The field is part of the key: only the whole record can be erased."},
	"erase-derived":   {"Trường này do hệ thống tính ra.", "The field is computed by the system."},
	"erase-system":    {"Bản ghi của hệ thống không thể bị xoá khỏi nhật ký.", "Records of the system cannot be erased from the log."},
}

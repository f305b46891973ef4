package problem

// Faults of suggesting categories.
var classifiers = map[string]message{
	"classifier-few":     {"Chưa đủ ví dụ để học: cần ít nhất hai nhóm, mỗi nhóm từ {least} văn bản.", "Too few examples to learn from: at least two categories of {least} texts each are needed."},
	"classifier-damaged": {"Mô hình gợi ý danh mục không đọc được.", "The model that suggests categories cannot be read."},
}

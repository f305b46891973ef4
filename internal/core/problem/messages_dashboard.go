package problem

// Files that declare boards.
var dashboards = map[string]message{
	"dashboard-invalid":      {"Bảng điều hành {file} có {count} chỗ sai.", "The dashboard {file} has {count} faults."},
	"dashboard-name":         {"Tên viết chữ thường không dấu và số, nối bằng dấu gạch; gặp “{found}”.", "A name is lower-case letters and digits joined by hyphens, found “{found}”."},
	"dashboard-bars":         {"Các phần của {name} không cộng thành một tổng, nên không vẽ thành cột chồng được; xin dùng series hoặc ranking.", "The parts of {name} do not add up to a whole, so bars cannot show them; use series or ranking."},
	"dashboard-no-parts":     {"{name} không chia theo trường nào.", "{name} is not told by any field."},
	"dashboard-no-indicator": {"Chưa có chỉ số {name}.", "There is no indicator {name}."},
	"dashboard-no-dataset":   {"Chưa có bộ dữ liệu {name}.", "There is no dataset {name}."},
	"dashboard-no-board":     {"Chưa có bảng điều hành {name}.", "There is no dashboard {name}."},
	"dashboard-field":        {"Không có trường “{word}”. Các trường: {allowed}.", "There is no field “{word}”. Fields: {allowed}."},
	"dashboard-field-near":   {"Không có trường “{word}”; có phải là “{near}”?", "There is no field “{word}”; did you mean “{near}”?"},
	"dashboard-section":      {"Một phần phải có hoặc widgets, hoặc cards.", "A section has either widgets or cards."},
	"dashboard-table":        {"Bảng số liệu cần hoặc indicators, hoặc dataset.", "A table needs either indicators or a dataset."},
	"dashboard-many-lines":   {"Một biểu đồ có nhiều nhất {limit} đường; xin tách thành nhiều biểu đồ.", "A chart has at most {limit} lines; make several charts."},
	"dashboard-many-widgets": {"Một bảng có nhiều nhất {limit} ô; xin tách thành nhiều bảng.", "A board has at most {limit} widgets; make several boards."},
}

package problem

var operation = map[string]message{
	"data-or-database":  {"Cần --data THƯ_MỤC hoặc --database URL.", "Either --data DIR or --database URL is needed."},
	"data-and-database": {"Chỉ dùng một trong hai: --data hoặc --database.", "Use one of --data and --database, not both."},
	"database-scheme":   {"--database phải bắt đầu bằng postgres://.", "--database must start with postgres://."},
	"city-missing":      {"Ở đó chưa có dữ liệu của thành phố nào; hãy kiểm tra --data hoặc --database, hoặc bắt đầu bằng huong apply.", "There is no city's data there; check --data or --database, or begin with huong apply."},
	"zone-unknown":      {"Không có múi giờ {zone}; ví dụ đúng: Asia/Ho_Chi_Minh.", "There is no time zone {zone}; an example is Asia/Ho_Chi_Minh."},
	"file-unreadable":   {"Không đọc được tệp {file}.", "File {file} cannot be read."},
	"file-unwritable":   {"Không ghi được vào {file}.", "{file} cannot be written."},
	"file-exists":       {"{file} đã có; hãy chọn nơi khác.", "{file} exists already; choose another place."},
	"folder-empty":      {"Thư mục {folder} không có khai báo nào (datasets/*.yaml).", "Folder {folder} holds no declarations (datasets/*.yaml)."},
	"city-rows-invalid": {"{count} lỗi trong các tệp CSV của thành phố.", "{count} faults in the city's CSV files."},
	"listen-address":    {"Không mở được cổng {address}.", "Cannot listen on {address}."},
	"duration-unknown":  {"Không hiểu khoảng thời gian {text}; ví dụ: 90d, 12h.", "{text} is no duration; examples are 90d, 12h."},
	"verify-failed":     {"{count} chỗ không khớp giữa nhật ký, bảng và lịch sử.", "{count} disagreements between log, tables and history."},
	"interrupted":       {"Đã dừng theo yêu cầu; những gì đã ghi vẫn còn.", "Stopped as asked; what was committed stays."},
	"quarantine-still":  {"Dòng này vẫn chưa đạt; xem lý do mới.", "The row still breaks a rule; see the new reasons."},
}

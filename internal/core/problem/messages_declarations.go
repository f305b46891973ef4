package problem

// Faults of declarations and mappings. {found} is what stands there, {allowed}
// the words that may stand there.
var declarations = map[string]message{
	"declaration-invalid":   {"Khai báo {file} có {count} lỗi.", "The declaration {file} has {count} faults."},
	"declaration-empty":     {"Tệp không có nội dung khai báo.", "The file declares nothing."},
	"declaration-too-large": {"Tệp khai báo lớn hơn {limit}.", "The declaration is larger than {limit}."},
	"declaration-too-deep":  {"Khai báo lồng nhau quá {limit} tầng.", "The declaration is nested deeper than {limit} levels."},
	"declaration-not-utf8":  {"Tệp phải là văn bản UTF-8; ký tự ở đây không đọc được.", "The file must be UTF-8 text; the character here is not."},
	"declaration-alias":     {"Không dùng neo, tham chiếu, thẻ hay chỉ thị YAML ({found}); xin viết đầy đủ tại chỗ.", "YAML anchors, aliases, tags and directives ({found}) are not accepted; write it out in place."},
	"declaration-documents": {"Mỗi tệp chỉ chứa một khai báo; tài liệu thứ hai bắt đầu ở đây.", "A file holds one declaration; a second document starts here."},
	"declaration-syntax":    {"Sai cú pháp: {detail}.", "Syntax fault: {detail}."},

	"declaration-duplicate-key":    {"Khóa “{key}” được viết hai lần.", "The key “{key}” is written twice."},
	"declaration-unknown-key":      {"Không có khóa “{word}” ở đây. Các khóa dùng được: {allowed}.", "There is no key “{word}” here. Known keys: {allowed}."},
	"declaration-unknown-key-near": {"Không có khóa “{word}” ở đây; có phải là “{near}”?", "There is no key “{word}” here; did you mean “{near}”?"},
	"declaration-missing":          {"Thiếu khóa bắt buộc “{key}”.", "The required key “{key}” is missing."},
	"declaration-blank":            {"Nội dung này không được để trống.", "This text must not be blank."},
	"declaration-language":         {"“{word}” không phải mã ngôn ngữ; xin dùng vi, en hoặc mã hai, ba chữ cái khác.", "“{word}” is not a language code; use vi, en or another code of two or three letters."},
	"declaration-want-text":        {"Cần một đoạn chữ (đặt trong ngoặc kép nếu là số), nhưng gặp {found}.", "A text is expected (in quotes if it looks like a number), found {found}."},
	"declaration-want-words":       {"Cần một đoạn chữ hoặc dạng vi: …, en: …, nhưng gặp {found}.", "A text or vi: …, en: … is expected, found {found}."},
	"declaration-want-list":        {"Cần một danh sách, nhưng gặp {found}.", "A list is expected, found {found}."},
	"declaration-want-map":         {"Cần một nhóm khóa và giá trị, nhưng gặp {found}.", "A group of keys and values is expected, found {found}."},
	"declaration-want-boolean":     {"Cần true hoặc false, nhưng gặp {found}.", "true or false is expected, found {found}."},
	"declaration-want-integer":     {"Cần một số nguyên từ {low} đến {high}, nhưng gặp {found}.", "A whole number from {low} to {high} is expected, found {found}."},
	"declaration-want-number":      {"Cần một số, nhưng gặp {found}.", "A number is expected, found {found}."},
	"declaration-word":             {"“{word}” không thuộc các từ cho phép: {allowed}.", "“{word}” is not one of the allowed words: {allowed}."},
	"declaration-word-near":        {"“{word}” không thuộc các từ cho phép; có phải là “{near}”? Cho phép: {allowed}.", "“{word}” is not one of the allowed words; did you mean “{near}”? Allowed: {allowed}."},

	"declaration-dataset-name": {"Tên bộ dữ liệu viết chữ thường không dấu, nối bằng dấu gạch (ví dụ water-level); gặp “{found}”.", "A dataset name is lower-case words joined by hyphens (such as water-level), found “{found}”."},
	"declaration-field-name":   {"Tên trường viết kiểu camelCase không dấu (ví dụ observedAt); gặp “{found}”.", "A field name is camelCase (such as observedAt), found “{found}”."},
	"declaration-name-long":    {"Tên dài quá {limit} ký tự.", "The name is longer than {limit} characters."},
	"declaration-code-word":    {"Mã viết chữ thường không dấu và số, nối bằng dấu gạch; gặp “{found}”.", "A code is lower-case letters and digits joined by hyphens, found “{found}”."},

	"mapping-short-form": {"Dạng ngắn là “Cột”, “Cột|mẫu ngày” hoặc “Cột|mẫu ngày|múi giờ”; gặp {found}.", "The short form is “Column”, “Column|pattern” or “Column|pattern|zone”, found {found}."},

	"layout-impossible": {"Bộ dữ liệu {dataset} nhắc đến trường {field} không có trong khai báo.", "Dataset {dataset} names the field {field}, which it does not have."},
	"layout-kind":       {"Không thể đổi bộ dữ liệu {dataset} từ {was} sang {now}; xin khai báo bộ dữ liệu mới.", "Dataset {dataset} cannot change from {was} to {now}; declare a new dataset."},
	"layout-key":        {"Không thể đổi khóa chính của bộ dữ liệu {dataset}; xin khai báo bộ dữ liệu mới.", "The primary key of dataset {dataset} cannot change; declare a new dataset."},
	"layout-held":       {"Trường {field} của {dataset} không thể đổi kiểu từ {was} sang {now}; xin thêm một trường mới.", "Field {field} of {dataset} cannot change its type from {was} to {now}; add a new field."},
}

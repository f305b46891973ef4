package problem

// What may be reported to the city, and where reports go.
var requestCatalogue = map[string]message{
	"requests-invalid":           {"Danh mục phản ánh trong tệp {file} có {count} chỗ sai.", "The catalogue of requests {file} has {count} faults."},
	"requests-twice":             {"Mã “{code}” được khai báo hai lần.", "The code “{code}” is declared twice."},
	"requests-ward-agency":       {"Cần mã cơ quan có “area” trong ngoặc nhọn đứng thay mã phường xã, nhưng gặp “{found}”.", "The code of an agency with “area” in braces for the code of the ward is expected, found “{found}”."},
	"requests-hours":             {"Cần khoảng giờ như 22:00-06:00, nhưng gặp “{found}”.", "Hours such as 22:00-06:00 are expected, found “{found}”."},
	"requests-term":              {"Cần thời hạn như 28d (ngày) hoặc 5y (năm), nhưng gặp “{found}”.", "A term such as 28d (days) or 5y (years) is expected, found “{found}”."},
	"requests-keyword":           {"Từ khoá không được chứa dấu phẩy: “{found}”.", "A keyword holds no comma: “{found}”."},
	"requests-question-values":   {"Câu hỏi kiểu {datatype}: danh sách lựa chọn phải có với kiểu danh sách, và chỉ với kiểu đó.", "A question of type {datatype}: lists have values, and they alone."},
	"requests-private-published": {"Lĩnh vực “{category}” là kín nên publication phải là never.", "The category “{category}” is private; its publication must be never."},
	"requests-rule-agency":       {"Quy tắc “{rule}” cần đúng một trong hai: agency hoặc ward: true.", "The rule “{rule}” takes one of agency and ward: true."},
	"requests-rule-ward":         {"Quy tắc “{rule}” chuyển về phường xã nhưng tệp chưa có wardAgency.", "The rule “{rule}” sends to the ward, but the file has no wardAgency."},
	"requests-rule-unused":       {"Quy tắc “{rule}” không bao giờ được dùng: các quy tắc trước đã bao trùm.", "The rule “{rule}” is never used; those before it cover it."},
	"requests-agency-unknown":    {"Không có cơ quan “{agency}”.", "There is no agency “{agency}”."},
	"requests-agency-past":       {"Cơ quan “{agency}” không còn nhận việc.", "The agency “{agency}” takes no more work."},
	"requests-agency-elsewhere":  {"Cơ quan “{agency}” không phải của địa bàn {area}.", "The agency “{agency}” is not of the area {area}."},
	"requests-area-unknown":      {"Không có phường, xã “{area}” hiện nay.", "There is no ward “{area}” today."},
	"requests-unrouted":          {"Lĩnh vực “{category}” chưa có quy tắc chuyển ở {count} phường, xã: {areas}…", "No rule sends the category “{category}” from {count} areas: {areas}…"},
	"requests-track-closed":      {"Lĩnh vực “{category}” đi theo quy trình “{track}” mà kênh phản ánh không tiếp nhận.", "The category “{category}” takes the track “{track}”, by which reports are not accepted."},
	"requests-not-in-dataset":    {"Bộ dữ liệu service-request không có giá trị “{code}” trong cột {field}.", "The dataset service-request has no value “{code}” in its field {field}."},

	"request-answer-missing": {"Cần trả lời: {question}", "Please answer: {questionEn}"},
	"request-answer-form":    {"Câu trả lời phải đúng kiểu {datatype}, trong các lựa chọn nếu có: {allowed}", "The answer must be of type {datatype}, one of the choices where there are any: {allowed}"},
	"request-answer-stop":    {"{stop}", "{stopEn}"},
	"request-answer-unknown": {"Có {count} câu trả lời không thuộc câu hỏi nào của lĩnh vực này.", "{count} answers belong to no question of this category."},
}

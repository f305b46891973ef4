package problem

// The installation's secret, listening, proxies, outgoing calls.
var hardening = map[string]message{
	"secret-short":      {"Khoá bí mật trong {file} quá ngắn: cần ít nhất {least} byte.", "The secret in {file} is too short: at least {least} bytes are needed."},
	"secret-unwritable": {"Không tạo được khoá bí mật ở {file}; hãy chỉ nơi khác bằng --secret.", "The secret cannot be made at {file}; name another place with --secret."},
	"secret-nowhere":    {"Không có thư mục cấu hình để giữ khoá bí mật; hãy chỉ tệp bằng --secret.", "There is no configuration folder to keep the secret in; name a file with --secret."},
	"secret-other":      {"Khoá bí mật không phải khoá ban đầu của thành phố này: không tìm được nhật ký truy cập trước đây theo từng người.", "The secret is not the one that this city began with: access records of before cannot be found by person."},
}

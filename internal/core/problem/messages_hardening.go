package problem

// The installation's secret, listening, proxies, outgoing calls.
var hardening = map[string]message{
	"secret-short":       {"Khoá bí mật trong {file} quá ngắn: cần ít nhất {least} byte.", "The secret in {file} is too short: at least {least} bytes are needed."},
	"secret-unwritable":  {"Không tạo được khoá bí mật ở {file}; hãy chỉ nơi khác bằng --secret.", "The secret cannot be made at {file}; name another place with --secret."},
	"secret-nowhere":     {"Không có thư mục cấu hình để giữ khoá bí mật; hãy chỉ tệp bằng --secret.", "There is no configuration folder to keep the secret in; name a file with --secret."},
	"listen-open":        {"{address} mở ra ngoài máy này mà không mã hoá: cần --tls-cert và --tls-key, hoặc --behind-proxy với địa chỉ của proxy.", "{address} can be reached from other machines without encryption: --tls-cert and --tls-key are needed, or --behind-proxy with the proxy's address."},
	"tls-pair":           {"Cần cả --tls-cert và --tls-key.", "Both --tls-cert and --tls-key are needed."},
	"tls-files":          {"Không dùng được các tệp chứng thư của máy chủ: {why}.", "The files of the server's certificate cannot be used: {why}."},
	"proxies-invalid":    {"{count} địa chỉ proxy không hợp lệ.", "{count} addresses of proxies are none."},
	"proxy-range":        {"{found} không phải địa chỉ hay dải địa chỉ của proxy.", "{found} is no address or range of a proxy."},
	"connection-open":    {"Kết nối này không mã hoá; hãy dùng https.", "This connection is not encrypted; use https."},
	"outgoing-address":   {"Địa chỉ này thuộc mạng nội bộ; Hương không gọi tới đó nếu chưa được cho phép trong cấu hình.", "This is an inner address; Huong does not call it unless the configuration allows it."},
	"outgoing-scheme":    {"Chỉ gọi ra ngoài bằng https.", "Calls to others are made by https only."},
	"outgoing-redirects": {"Bị chuyển tiếp quá {limit} lần.", "Sent on more than {limit} times."},
	"sign-in-inner":      {"Mục này phải là dải địa chỉ mạng, ví dụ 10.0.3.0/24.", "This must be a range of addresses, such as 10.0.3.0/24."},
	"rate-exceeded":      {"Quá nhiều yêu cầu trong thời gian ngắn; hãy thử lại sau ít giây.", "Too many requests in a short time; please try again in some seconds."},
	"secret-other":       {"Khoá bí mật không phải khoá ban đầu của thành phố này: không tìm được nhật ký truy cập trước đây theo từng người.", "The secret is not the one that this city began with: access records of before cannot be found by person."},
}

package ui

// wordsReceipts is what stands on the receipts of commits, in words for people
// who have never heard of a hash.
var wordsReceipts = map[string]word{
	"nav.receipts": {"Biên nhận", "Receipts"},

	"erase.title":      {"Xoá hẳn bản ghi này", "Erase this record for good"},
	"erase.what":       {"Bản ghi mất khỏi hiện tại, khỏi {states} trạng thái trong lịch sử và khỏi nhật ký. Bằng chứng rằng các lần ghi có thật vẫn giữ nguyên.", "It goes from the present, from {states} states of its history and from the log. The proofs that the commits were made stay."},
	"erase.not":        {"Không xoá được ở đây: bản sao lưu đã có, tệp đã tải về, dữ liệu đã gửi cho nơi khác, và dòng của bản ghi này đang bị cách ly.", "Not reached here: backups made before, files taken away, data sent elsewhere, and rows of this record in quarantine."},
	"erase.basis.hint": {"Ai cũng đọc được căn cứ này trên biên nhận: đừng ghi dữ liệu cá nhân.", "Everybody reads it on the receipt: no personal data."},
	"erase.reason":     {"Lý do (kiểm tra viên đọc được; đừng ghi dữ liệu cá nhân)", "Reason (auditors read it; no personal data)"},
	"erase.sure":       {"Tôi hiểu rằng không lấy lại được.", "I know that it cannot be brought back."},
	"erase.confirm":    {"Xoá hẳn bản ghi này?", "Erase this record for good?"},
	"erase.do":         {"Xoá hẳn", "Erase"},

	"receipts.title":     {"Biên nhận", "Receipts"},
	"receipts.lead":      {"Mỗi lần thành phố ghi điều gì, lần ghi đó có một số. Biên nhận chứng minh lần ghi mang số ấy có thật và không bị sửa sau đó.", "Whatever the city writes down gets a number. A receipt proves that the commit of that number is there and was not altered since."},
	"receipts.number":    {"Số của lần ghi", "Number of the commit"},
	"receipts.hint":      {"Số có dấu # trong trang Dữ liệu về tôi, trong yêu cầu bạn đã gửi hoặc trong nhật ký.", "The number with a # at Data about me, in a request that you sent, or in the log."},
	"receipts.find":      {"Xem biên nhận", "Show the receipt"},
	"receipts.no-number": {"Đây không phải là số của một lần ghi. Hãy chỉ nhập chữ số.", "This is not the number of a commit. Enter digits only."},

	"receipt.word":  {"Biên nhận", "Receipt"},
	"receipt.open":  {"Xem bằng chứng của lần ghi này", "See the proof of this commit"},
	"receipt.title": {"Biên nhận lần ghi #{seq}", "Receipt of commit #{seq}"},

	"receipt.proven":        {"Lần ghi này có trong nhật ký và đã được chứng thực.", "This commit is in the log and is attested."},
	"receipt.proven.detail": {"Ghi lúc {at}; nằm trong bản chứng thực đã ký bao gồm {size} lần ghi.", "Written at {at}; covered by a signed checkpoint over {size} commits."},
	"receipt.waiting":       {"Lần ghi này có trong nhật ký nhưng chưa được chứng thực.", "This commit is in the log, but not attested yet."},
	"receipt.waiting.next":  {"Nhật ký được ký ít nhất mỗi phút một lần. Hãy xem lại sau một phút.", "The log is signed at least once a minute. Look again in a minute."},
	"receipt.unknown":       {"Nhật ký không có lần ghi mang số này.", "The log has no commit of this number."},
	"receipt.unknown.next":  {"Lần ghi mới nhất mang số {head}. Hãy kiểm tra lại số; nếu đúng là số bạn được giao, hãy báo cho cơ quan đã giao nó và giữ lại giấy tờ.", "The newest one has the number {head}. Check what you typed; if it is the number that you were given, tell the office that gave it, and keep the paper."},

	"receipt.erased":        {"Một phần nội dung của lần ghi này đã bị xoá theo luật", "Some of what this commit held was erased by law"},
	"receipt.erased.note":   {"Nội dung đã mất hẳn; bằng chứng rằng lần ghi có thật vẫn còn nguyên và vẫn kiểm tra được.", "The content is gone for good; the proof that the commit was made still holds."},
	"receipt.records":       {"Lần ghi này ghi lại một việc xoá", "This commit is the record of an erasure"},
	"receipt.erased.what":   {"Xoá gì", "What"},
	"receipt.erased.by":     {"Ai xoá", "By whom"},
	"receipt.erased.basis":  {"Căn cứ pháp lý", "Legal basis"},
	"receipt.erased.whole":  {"Một bản ghi, toàn bộ", "One record, all of it"},
	"receipt.erased.part":   {"Một số trường của một bản ghi", "Some fields of one record"},
	"receipt.erased.fields": {"Các trường của một bản ghi: {fields}", "Fields of one record: {fields}"},

	"receipt.facts":            {"Lần ghi", "The commit"},
	"receipt.number":           {"Số", "Number"},
	"receipt.leaf":             {"Mã băm của lần ghi (lá)", "Hash of the commit (leaf)"},
	"receipt.fingerprint":      {"Dấu vân tay của khoá", "Fingerprint of the key"},
	"receipt.fingerprint.hint": {"SHA-256 của khoá công khai của nhật ký. Hãy so với dấu vân tay mà thành phố công bố ở nơi khác.", "SHA-256 of the log's public key. Compare it with the one that the city has published elsewhere."},
	"receipt.download":         {"Tải tệp bằng chứng", "Download the proof"},
	"receipt.download.text":    {"Tải dạng C2SP", "In C2SP form"},

	"receipt.meaning":           {"Biên nhận chứng minh điều gì", "What a receipt proves"},
	"receipt.meaning.there":     {"Đúng lúc đã nêu, thành phố đã ghi một điều mang số này vào nhật ký chung.", "At the time given the city wrote something under this number into its common log."},
	"receipt.meaning.unchanged": {"Từ đó đến lúc ký chứng thực, lần ghi chưa bị sửa, bị rút hay bị chen vào trước.", "From then until the checkpoint was signed it was not altered, taken out or pushed in before."},
	"receipt.meaning.anybody":   {"Ai cũng tự kiểm tra được, không cần tin thành phố và không cần đăng nhập.", "Anybody can check it, without trusting the city and without an account."},
	"receipt.meaning.not":       {"Biên nhận không cho biết nội dung đã ghi và không nêu tên ai. Nó không chứng minh nội dung là đúng, chỉ chứng minh nội dung đã được ghi.", "A receipt tells nothing of what was written and names nobody. It does not prove that the content is right, only that it was written."},

	"receipt.proof":      {"Bằng chứng", "The proof"},
	"receipt.proof.lead": {"Từ mã băm của lần ghi và các mã băm dưới đây tính ra được mã gốc mà bản chứng thực đã ký. Sửa một chữ trong lần ghi là không tính ra nữa.", "From the commit's hash and the hashes below follows the root that the checkpoint signs. Alter one letter of the commit, and it does not."},
	"receipt.entry":      {"Mục của nhật ký (sáu dòng)", "Entry of the log (six lines)"},
	"receipt.path":       {"Đường băm: {n} mã", "Path: {n} hashes"},
	"receipt.path.none":  {"Nhật ký chỉ có một lần ghi: mã băm của nó chính là mã gốc.", "The log has one commit: its hash is the root."},
	"receipt.checkpoint": {"Chứng thực đã ký, bao gồm {size} lần ghi", "Signed checkpoint over {size} commits"},
	"receipt.key":        {"Khoá công khai", "Public key"},

	"receipt.check":       {"Tự kiểm tra", "Check it yourself"},
	"receipt.check.file":  {"Tải tệp bằng chứng ở trên và giữ nó cùng giấy tờ của bạn.", "Download the proof above and keep it with your papers."},
	"receipt.check.key":   {"Lấy khoá công khai của nhật ký, tốt nhất là từ nơi khác chứ không phải trang này:", "Take the log's public key, best of all from elsewhere than this page:"},
	"receipt.check.run":   {"Chạy trên máy của bạn, không cần mạng:", "Run on your own machine, without a network:"},
	"receipt.check.other": {"Hoặc dùng chương trình khác: tệp theo chuẩn RFC 6962 và C2SP tlog-proof. Thư mục verify trong mã nguồn kiểm tra bằng thư viện độc lập; bộ kiểm tra 100 dòng ở internal/face/tlog/verifier_test.go.", "Or use another program: the file follows RFC 6962 and C2SP tlog-proof. The folder verify of the source checks with an independent library; a verifier of 100 lines is in internal/face/tlog/verifier_test.go."},
	"receipt.check.city":  {"Cán bộ vận hành lấy bằng chứng ngay tại máy chủ:", "Operators take the proof on the server itself:"},
}

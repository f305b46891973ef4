package problem

var general = map[string]message{
	"internal":        {"Lỗi phía hệ thống. Mã tra cứu: {id}", "A fault on our side. Reference: {id}"},
	"unauthenticated": {"Cần đăng nhập hoặc mã truy cập hợp lệ.", "A valid sign-in or token is needed."},
	"denied":          {"Không có quyền {action} bộ dữ liệu {dataset}.", "Not allowed to {action} dataset {dataset}."},
	"not-found":       {"Không tìm thấy {what}.", "{what} was not found."},
	"too-large":       {"Vượt giới hạn {limit}.", "Over the limit of {limit}."},
	"busy":            {"Hệ thống đang bận, xin thử lại sau.", "The system is busy, please try again shortly."},
	"shutting-down":   {"Hệ thống đang dừng, xin thử lại sau.", "The system is shutting down, please try again shortly."},
}

// actionVi is the word for an action that a reader may not take.
func actionVi(action string) string {
	switch action {
	case "read":
		return "đọc"
	case "write":
		return "ghi"
	case "erase":
		return "xoá"
	case "backup":
		return "sao lưu"
	case "rebuild":
		return "dựng lại"
	case "verify":
		return "kiểm tra"
	}
	return action
}

package problem

// Faults of blacking out parts of pictures.
var redactions = map[string]message{
	"redaction-invalid": {"Chưa che được ảnh.", "The picture could not be blacked out."},
	"redaction-boxes":   {"Hãy vẽ từ 1 đến {limit} ô cần che.", "Draw 1 to {limit} boxes."},
	"redaction-box":     {"Ô này rỗng hoặc nằm ngoài ảnh {width} × {height} điểm.", "This box is empty or outside the picture of {width} by {height} pixels."},
	"redaction-picture": {"Chỉ che được ảnh tĩnh JPEG, PNG hoặc WebP.", "Only still JPEG, PNG and WebP pictures can be blacked out."},
}

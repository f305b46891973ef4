package problem

// Files that define indicators, dashboards, rules and the like.
var definitions = map[string]message{
	"definition-kind":     {"Chưa có loại định nghĩa {kind}.", "There is no kind of definition {kind}."},
	"definitions-invalid": {"Các tệp định nghĩa có {count} chỗ sai, chưa áp dụng gì.", "The definitions have {count} faults; nothing was applied."},
}

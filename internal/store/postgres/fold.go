package postgres

import (
	"strings"

	"huong.city/huong/internal/core/value"
)

// common are the characters of Vietnamese text, the most frequent first.
// translate() looks a character up by walking its list from the front, and
// walks all of it for one that is not there; so these stand before the tables,
// also where they stay as they are.
const common = " nhtigcaoulmrvđsbpykdexqwàáạảãâầấậẩẫăằắặẳẵèéẹẻẽêềếệểễìíịỉĩòóọỏõôồốộổỗơờớợởỡùúụủũưừứựửữỳýỵỷỹfjz" +
	"0123456789.,-/():;\"'%+&_THNCKGLPBĐMSVQDRAXYIUEOFWJZÀÁẠẢÃÂẦẤẬẨẪĂẰẮẶẲẴÈÉẸẺẼÊỀẾỆỂỄÌÍỊỈĨÒÓỌỎÕÔỒỐỘỔỖƠỜỚỢỞỠÙÚỤỦŨƯỪỨỰỬỮỲÝỴỶỸ"

// foldSQL gives the texts that the migration makes folding functions of, by the
// hole that each fills.
func foldSQL() map[string]string {
	caseFrom, caseTo, accentFrom, accentTo := value.FoldTables()
	var marks strings.Builder
	for r := rune(0x300); r <= 0x36F; r++ {
		marks.WriteRune(r) // beyond the end of the other text: deleted
	}
	quoted := func(s string) string { return strings.ReplaceAll(s, "'", "''") }
	return map[string]string{
		"%case_from%": quoted(common + caseFrom), "%case_to%": quoted(value.FoldCase(common) + caseTo),
		"%upper_from%": quoted(common + caseTo), "%upper_to%": quoted(value.UpperCase(common) + caseFrom),
		"%accent_from%": quoted(common + accentFrom), "%accent_to%": quoted(value.FoldAccents(common) + accentTo),
		"%marks%": marks.String(),
	}
}

package postgres

import (
	"strings"

	"huong.city/huong/internal/core/value"
)

// foldSQL fills the folding tables into the migration that makes functions of
// them.
func foldSQL() map[string]string {
	caseFrom, caseTo, accentFrom, accentTo := value.FoldTables()
	var marks strings.Builder
	for r := rune(0x300); r <= 0x36F; r++ {
		marks.WriteRune(r)
	}
	quoted := func(s string) string { return strings.ReplaceAll(s, "'", "''") }
	return map[string]string{
		"%case_from%": quoted(caseFrom), "%case_to%": quoted(caseTo),
		"%accent_from%": quoted(accentFrom), "%accent_to%": quoted(accentTo), "%marks%": marks.String(),
	}
}

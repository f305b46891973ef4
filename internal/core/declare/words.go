package declare

// Words is text by language ("vi", "en").
type Words map[string]string

// In returns the text for a language, falling back to Vietnamese, then English.
func (w Words) In(lang string) string {
	for _, l := range []string{lang, "vi", "en"} {
		if s := w[l]; s != "" {
			return s
		}
	}
	return ""
}

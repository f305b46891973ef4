package report

import (
	"encoding/json"
	"io/fs"

	"huong.city/huong/internal/core/problem"
)

// Fonts are the whole TrueType faces that papers are set in. Official papers are
// in Tinos, whose letters are as wide as those of Times New Roman, which Decree
// 30/2020/ND-CP asks for; papers of the screen's boards are in the screen's face.
type Fonts struct {
	Serif, SerifBold, SerifItalic, SerifBoldItalic []byte
	Sans, SansBold, Figure                         []byte
}

// LoadFonts reads the faces from the bundled browser side. Unavailable:
// report-fonts when they are not in it.
func LoadFonts(files fs.FS) (*Fonts, error) {
	missing := func(err error) error { return problem.Wrap(err, problem.Unavailable, "report-fonts") }
	b, err := fs.ReadFile(files, "manifest.json")
	if err != nil {
		return nil, missing(err)
	}
	var names map[string]string
	if err := json.Unmarshal(b, &names); err != nil {
		return nil, missing(err)
	}
	f := &Fonts{}
	for name, into := range map[string]*[]byte{"tinos.ttf": &f.Serif, "tinos-bold.ttf": &f.SerifBold, "tinos-italic.ttf": &f.SerifItalic, "tinos-bolditalic.ttf": &f.SerifBoldItalic,
		"bevietnampro.ttf": &f.Sans, "bevietnampro-semibold.ttf": &f.SansBold, "ibmplexsans.ttf": &f.Figure} {
		if *into, err = fs.ReadFile(files, names[name]); err != nil {
			return nil, missing(err)
		}
	}
	return f, nil
}

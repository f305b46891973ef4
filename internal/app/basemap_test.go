package app

import (
	"os"
	"path/filepath"
	"testing"

	"huong.city/huong/internal/core/problem"
)

func TestBasemapIsTheFileGivenOrTheOneBesideTheData(t *testing.T) {
	data := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(data, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if got, err := Basemap("", data); got != "" || err != nil {
		t.Errorf("without a file: %q, %v", got, err)
	}
	if got, err := Basemap("", ""); got != "" || err != nil {
		t.Errorf("without a folder: %q, %v", got, err)
	}
	beside := write("basemap.pmtiles", "PMTiles\x03 and more")
	other := write("other.pmtiles", "PMTiles\x03")
	for _, c := range []struct{ given, want string }{{"", beside}, {other, other}} {
		if got, err := Basemap(c.given, data); got != c.want || err != nil {
			t.Errorf("given %q: %q, %v", c.given, got, err)
		}
	}
	for _, bad := range []string{filepath.Join(data, "absent.pmtiles"), write("old.pmtiles", "PMTiles\x02"), write("short", "PM"), data} {
		if _, err := Basemap(bad, data); problem.KindOf(err) != problem.Invalid {
			t.Errorf("%s: %v", bad, err)
		}
	}
	write("basemap.pmtiles", "<html>")
	if _, err := Basemap("", data); problem.KindOf(err) != problem.Invalid {
		t.Errorf("a wrong file beside the data: %v", err)
	}
}

package ui

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/face/web"
	marks "huong.city/huong/internal/service/tile"
)

// sitePlaces gives the marks of one layer as GeoJSON, or says that they are too
// many for that and come as tiles.
func (u *UI) sitePlaces(v *view) error {
	m := v.site()
	l, err := m.layer(v.r.PathValue("layer"))
	if err != nil {
		return err
	}
	x, tag, err := m.indexOf(l)
	if err != nil {
		return err
	}
	v.cached()
	if web.Fresh(v.w, v.r, tag) {
		return nil
	}
	if x.Len() > manyPlaces {
		return v.writePlaces(nil, true, x.Len())
	}
	return v.writePlaces(x.Points(), false, x.Len())
}

// writePlaces answers with marks as GeoJSON; many tells that they come as tiles.
func (v *view) writePlaces(points []marks.Point, many bool, total int) error {
	b := append([]byte(`{"type":"FeatureCollection","tiles":`), strconv.FormatBool(many)...)
	b = append(append(b, `,"total":`...), strconv.Itoa(total)...)
	b = append(appendPlaces(append(b, `,"features":[`...), points), "]}"...)
	v.w.Header().Set("Content-Type", "application/geo+json")
	v.cached()
	_, err := v.w.Write(b)
	return err
}

// cached lets the reader alone keep an answer, and ask each time whether it
// still holds.
func (v *view) cached() {
	h := v.w.Header()
	h.Set("Cache-Control", "private, no-cache")
	web.Vary(h, "Cookie", "Authorization", "Accept-Language")
}

// siteTile gives one vector tile of a layer.
func (u *UI) siteTile(v *view) error {
	m := v.site()
	l, err := m.layer(v.r.PathValue("layer"))
	if err != nil {
		return err
	}
	var at [3]uint32
	y, named := strings.CutSuffix(v.r.PathValue("y"), ".mvt")
	for i, s := range []string{v.r.PathValue("z"), v.r.PathValue("x"), y} {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil || !named {
			return v.noPage()
		}
		at[i] = uint32(n)
	}
	x, tag, err := m.indexOf(l)
	if err != nil {
		return err
	}
	packed, ok, err := x.Tile(at[0], at[1], at[2])
	if err != nil {
		return err
	}
	if !ok {
		return v.noPage()
	}
	v.cached()
	if web.Fresh(v.w, v.r, web.WeakTag(tag, v.r.URL.Path)) {
		return nil
	}
	if packed == nil {
		v.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/vnd.mapbox-vector-tile")
	if strings.Contains(v.r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		_, err = v.w.Write(packed)
		return err
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	_, err = io.Copy(v.w, z)
	return err
}

// basemap serves the file of streets that the city installed, by ranges (RFC
// 9110 section 14). It is the same for everyone.
func (u *UI) basemap(w http.ResponseWriter, r *web.Request) error {
	if u.Basemap == "" {
		return problem.New(problem.NotFound, "not-found", "what", "basemap")
	}
	f, err := os.Open(u.Basemap)
	if err != nil {
		return problem.Wrap(err, problem.NotFound, "not-found", "what", "basemap")
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return problem.New(problem.NotFound, "not-found", "what", "basemap")
	}
	h := w.Header()
	h.Set("Content-Type", "application/vnd.pmtiles")
	h.Set("Cache-Control", "public, max-age=3600")
	h.Set("ETag", `"`+strconv.FormatInt(info.ModTime().UnixNano(), 36)+"-"+strconv.FormatInt(info.Size(), 36)+`"`)
	http.ServeContent(w, r.Request, "", info.ModTime(), f)
	return nil
}

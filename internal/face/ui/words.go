package ui

import (
	"maps"
	"strings"
)

// word is one text in both languages.
type word struct{ vi, en string }

func (w word) in(lang string) string {
	if lang == "en" {
		return w.en
	}
	return w.vi
}

// words is assembled from one table per area of the pages.
var words = gather(wordParts()...)

func wordParts() []map[string]word {
	return []map[string]word{wordsFrame, wordsData, wordsWork, wordsSignIn, wordsSharing, wordsRights, wordsReceipts, wordsReleases, wordsMap, wordsBoards, wordsIncidents, wordsIndicators, wordsAlerts, wordsReports, wordsDesk, wordsStreet, wordsCare, wordsPatterns}
}

func gather(parts ...map[string]word) map[string]word {
	all := map[string]word{}
	for _, p := range parts {
		maps.Copy(all, p)
	}
	return all
}

// text is the text of a key with its {holes} filled; a key without an entry
// shows itself, which a test forbids for keys in use.
func text(lang, key string, kv ...string) string {
	w, ok := words[key]
	if !ok {
		return key
	}
	s := w.in(lang)
	for i := 0; i+1 < len(kv); i += 2 {
		s = strings.ReplaceAll(s, "{"+kv[i]+"}", kv[i+1])
	}
	return s
}

// units writes UCUM codes as people read them.
var units = map[string]word{
	"":              {"", ""},
	"m":             {"m", "m"},
	"cm":            {"cm", "cm"},
	"mm":            {"mm", "mm"},
	"km":            {"km", "km"},
	"km2":           {"km²", "km²"},
	"m2":            {"m²", "m²"},
	"har":           {"ha", "ha"},
	"m3":            {"m³", "m³"},
	"m3/s":          {"m³/s", "m³/s"},
	"m3/d":          {"m³/ngày", "m³/day"},
	"m/s":           {"m/s", "m/s"},
	"km/h":          {"km/h", "km/h"},
	"ug/m3":         {"µg/m³", "µg/m³"},
	"mg/m3":         {"mg/m³", "mg/m³"},
	"mg/L":          {"mg/l", "mg/l"},
	"[ppm]":         {"ppm", "ppm"},
	"[ppb]":         {"ppb", "ppb"},
	"Cel":           {"°C", "°C"},
	"%":             {"%", "%"},
	"hPa":           {"hPa", "hPa"},
	"deg":           {"°", "°"},
	"W/m2":          {"W/m²", "W/m²"},
	"kW.h":          {"kWh", "kWh"},
	"min":           {"phút", "min"},
	"h":             {"giờ", "h"},
	"s":             {"giây", "s"},
	"d":             {"ngày", "days"},
	"a":             {"năm", "years"},
	"kg":            {"kg", "kg"},
	"t":             {"tấn", "t"},
	"[VND]":         {"đồng", "VND"},
	"{VND}":         {"đồng", "VND"},
	"VND":           {"đồng", "VND"},
	"{person}":      {"người", "people"},
	"{case}":        {"ca", "cases"},
	"{bed}":         {"giường", "beds"},
	"{house}":       {"nhà", "houses"},
	"{road}":        {"tuyến đường", "roads"},
	"{vehicle}":     {"xe", "vehicles"},
	"{vehicle}/h":   {"xe/giờ", "vehicles/h"},
	"{record}":      {"bản ghi", "records"},
	"{report}":      {"phản ánh", "reports"},
	"{event}":       {"sự kiện", "events"},
	"{place}":       {"chỗ", "places"},
	"{bike}":        {"xe đạp", "bikes"},
	"{dock}":        {"ô đỗ", "docks"},
	"{space}":       {"chỗ", "spaces"},
	"{dossier}":     {"hồ sơ", "dossiers"},
	"{index}":       {"điểm", "index"},
	"{offence}":     {"vụ", "offences"},
	"{school}":      {"trường", "schools"},
	"{station}":     {"trạm", "stations"},
	"{incident}":    {"vụ", "incidents"},
	"{pupil}":       {"học sinh", "pupils"},
	"10*3.{person}": {"nghìn người", "thousand people"},
	"1":             {"", ""},
}

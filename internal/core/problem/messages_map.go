package problem

// Faults of the map.
var maps = map[string]message{
	"basemap-invalid": {"{file} không phải tệp PMTiles phiên bản 3 đọc được.", "{file} is no readable PMTiles file of version 3."},
}

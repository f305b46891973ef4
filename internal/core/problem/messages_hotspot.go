package problem

// Faults of asking for hot spots.
var hotspots = map[string]message{
	"hotspot-cells": {"Vùng cần xem chia ra quá {limit} ô: hãy chọn ô lớn hơn hoặc vùng nhỏ hơn.", "The area would have more than {limit} cells: choose larger cells or a smaller area."},
}

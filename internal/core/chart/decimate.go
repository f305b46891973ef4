package chart

// Decimate keeps of a line what columns of pixels between left and right can
// show: in each column the first point, the lowest, the highest and the last, in
// their order. Points must be in the order of x. No extreme is lost, so a spike
// of one reading in a hundred thousand stays on the page.
func Decimate(points []Point, left, right float64, columns int) []Point {
	if len(points) <= 4*columns || columns <= 0 || right <= left {
		return points
	}
	out := make([]Point, 0, 4*columns)
	for i := 0; i < len(points); {
		column := columnOf(points[i].X, left, right, columns)
		first, low, high, last := i, i, i, i
		for ; i < len(points) && columnOf(points[i].X, left, right, columns) == column; i++ {
			if points[i].Y < points[low].Y {
				low = i
			}
			if points[i].Y > points[high].Y {
				high = i
			}
			last = i
		}
		next := -1
		for _, k := range [...]int{first, min(low, high), max(low, high), last} {
			if k > next {
				out = append(out, points[k])
				next = k
			}
		}
	}
	return out
}

func columnOf(x, left, right float64, columns int) int {
	return max(0, min(columns-1, int((x-left)/(right-left)*float64(columns))))
}

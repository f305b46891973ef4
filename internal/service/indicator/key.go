package indicator

import (
	"fmt"
	"strconv"
	"strings"

	"huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/repo"
)

// What is kept of a rollup, each part ended by "/":
//
//	s/ROLLUP/AREA/GRAIN/BUCKET                     a group: the cell and its categories
//	r/ROLLUP/GRAIN/BUCKET/AREA                     the cell alone, of wards: a ranking is one range
//	m/ROLLUP/AREA/GRAIN/BUCKET/DIMENSION/VALUE/…   the multiset of a cell
//
// Buckets run backwards, so that the newest of a stretch is the first of a range.
const (
	groupKeys   = repo.Kept + "s/"
	rankingKeys = repo.Kept + "r/"
	setKeys     = repo.Kept + "m/"
)

// whole stands for the whole city where an area is named; no area has it as code.
const whole = "-"

// line is the cells of one rollup, area and grain.
type line struct {
	roll  string
	area  string // "" for the whole city
	grain indicator.Grain
}

// place is where a group is kept.
type place struct {
	line
	bucket indicator.Bucket
}

func areaPart(area string) string {
	if area == "" {
		return whole
	}
	if !strings.ContainsAny(area, "%/"+whole) {
		return area // as nearly all codes are: to make a replacer takes longer than to write a cell
	}
	return strings.NewReplacer("%", "%25", "/", "%2F", whole, "%2D").Replace(area)
}

func areaOf(part string) string {
	if part == whole {
		return ""
	}
	if !strings.Contains(part, "%") {
		return part
	}
	return strings.NewReplacer("%2F", "/", "%2D", whole, "%25", "%").Replace(part)
}

// prefix is what the keys of a line's groups begin with.
func (l line) prefix() string {
	return groupKeys + l.roll + "/" + areaPart(l.area) + "/" + strconv.Itoa(int(l.grain)) + "/"
}

func (p place) key() string { return p.prefix() + backwards(p.bucket) }

func (p place) ranking() string { return rankingRange(p.roll, p.grain, p.bucket) + areaPart(p.area) }

func rankingRange(roll string, g indicator.Grain, b indicator.Bucket) string {
	return rankingKeys + roll + "/" + strconv.Itoa(int(g)) + "/" + backwards(b) + "/"
}

func (p place) sets() string {
	return setKeys + p.roll + "/" + areaPart(p.area) + "/" + strconv.Itoa(int(p.grain)) + "/" + backwards(p.bucket) + "/"
}

// backwards writes a bucket so that later ones come first.
func backwards(b indicator.Bucket) string {
	return fmt.Sprintf("%08x", ^(uint32(int32(b)) ^ 1<<31))
}

func bucketOf(text string) (indicator.Bucket, error) {
	u, err := strconv.ParseUint(text, 16, 32)
	return indicator.Bucket(int32(^uint32(u) ^ 1<<31)), err
}

// after is the first key behind all that begin with a prefix that ends in "/".
func after(prefix string) string { return prefix[:len(prefix)-1] + "0" }

package calendar

import "time"

// years holds the public holidays of each year by the solar calendar: New Year
// (1), Lunar New Year (5), the Hùng Kings' day (10th of the 3rd lunar month),
// 30 April, 1 May, National Day (2), the days off for those that fall on a
// weekend, and the swaps of state bodies. A day taken for a working day that is
// none only makes a term end earlier, on the side of the person who waits.
func years(year int) (t table, ok bool) {
	span := func(days map[Day]kind, m time.Month, from, until int) {
		for d := from; d <= until; d++ {
			days[Day{year, m, d}] = off
		}
	}
	days := map[Day]kind{{year, time.January, 1}: off, {year, time.April, 30}: off, {year, time.May, 1}: off, {year, time.September, 2}: off}
	switch year {
	case 2025:
		span(days, time.January, 27, 31) // Ất Tỵ
		days[Day{2025, time.April, 7}] = off
		days[Day{2025, time.May, 2}] = off // worked on 26 April
		days[Day{2025, time.April, 26}] = worked
		days[Day{2025, time.September, 1}] = off
		return table{true, days}, true
	case 2026:
		days[Day{2026, time.January, 2}] = off // worked on 10 January
		days[Day{2026, time.January, 10}] = worked
		span(days, time.February, 16, 20)     // Bính Ngọ
		days[Day{2026, time.April, 27}] = off // for Sunday 26 April
		days[Day{2026, time.August, 31}] = off
		days[Day{2026, time.August, 22}] = worked
		days[Day{2026, time.September, 1}] = off
		return table{true, days}, true
	case 2027: // not announced yet: the statutory days, swaps left out
		span(days, time.February, 5, 11) // Đinh Mùi: the eve and four days, and two for the weekend
		days[Day{2027, time.April, 16}] = off
		days[Day{2027, time.May, 3}] = off // for Saturday 1 May
		days[Day{2027, time.September, 3}] = off
		return table{false, days}, true
	}
	return table{}, false
}

package calendar

import "time"

// years holds the public holidays of each year by the solar calendar.
//
// Fixed by law (Labour Code 45/2019/QH14, Article 112): New Year (1 day), Lunar
// New Year (5), the Hùng Kings' day (10th of the 3rd lunar month), 30 April, 1
// May, National Day (2: 2 September and the day before or after); and the next
// working day for one that falls on a weekly day off (Article 111, Clause 3).
//
// Chosen each year by the Prime Minister and announced: which five days Lunar
// New Year takes, which day stands beside 2 September, and which working days
// are swapped with a Saturday. A year is firm when its choice was announced.
//
// Assumed: of a year that is not firm, that Lunar New Year begins on the eve's
// day, that 3 September is the other day, and that nothing is swapped. A day
// taken for a working day that is none only makes a term end earlier, on the
// side of the person who waits.
//
// A city's own calendar (Parse) tells the same with the
// basis of each date; a test holds city/hue/calendars/hue.yaml against this.
func years(year int) (t table, ok bool) {
	span := func(days map[Day]kind, m time.Month, from, until int) {
		for d := from; d <= until; d++ {
			days[Day{year, m, d}] = off
		}
	}
	days := map[Day]kind{{year, time.January, 1}: off, {year, time.April, 30}: off, {year, time.May, 1}: off, {year, time.September, 2}: off}
	switch year {
	case 2025:
		span(days, time.January, 27, 31)     // Ất Tỵ, announced
		days[Day{2025, time.April, 7}] = off // Hùng Kings' day
		days[Day{2025, time.May, 2}] = off   // announced: worked on 26 April
		days[Day{2025, time.April, 26}] = worked
		days[Day{2025, time.September, 1}] = off // announced
		return table{true, days}, true
	case 2026:
		days[Day{2026, time.January, 2}] = off // announced: worked on 10 January
		days[Day{2026, time.January, 10}] = worked
		span(days, time.February, 16, 20)      // Bính Ngọ, announced
		days[Day{2026, time.April, 27}] = off  // for Sunday 26 April
		days[Day{2026, time.August, 31}] = off // announced: worked on 22 August
		days[Day{2026, time.August, 22}] = worked
		days[Day{2026, time.September, 1}] = off // announced
		return table{true, days}, true
	case 2027: // not announced yet: the statutory days, swaps left out
		span(days, time.February, 5, 11)         // Đinh Mùi, assumed: the eve and four days, and two for the weekend
		days[Day{2027, time.April, 16}] = off    // Hùng Kings' day
		days[Day{2027, time.May, 3}] = off       // for Saturday 1 May
		days[Day{2027, time.September, 3}] = off // assumed
		return table{false, days}, true
	}
	return table{}, false
}

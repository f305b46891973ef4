package privacy

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"huong.city/huong/internal/core/value"
)

// A number may be broken by one or two of these.
const gap = `[ .()\-–]{0,2}`

// What introduces a number, in folded text, without digits between.
var (
	wordsPhone    = `\b(?:sdt|so dt|dt|dien thoai|dien thoai lien he|lien he|lien lac|goi|alo|zalo|viber|hotline|phone|tel|cell|mobile|call)\b[^0-9\n]{0,20}`
	wordsIdentity = `\b(?:cccd|cmnd|cmt|cmtnd|can cuoc|chung minh|dinh danh|ho chieu|passport|identity|id card|id number|id no|ssn|giay to)\b[^0-9\n]{0,25}`
	wordsAccount  = `\b(?:stk|so tk|tk|tai khoan|account|acct|a/c|iban|chuyen khoan|ngan hang|vietcombank|vietinbank|agribank|bidv|techcombank|mbbank|sacombank|vpbank|acb|tpbank)\b[^0-9\n]{0,30}`
	wordsPlate    = `\b(?:bien so|bien kiem soat|bien|bks|bsx|xe|o to|oto|xe may|xe tai|taxi|plate|car|truck|motorbike)\b[^0-9\n]{0,20}`

	// A number after these is the name of a paper, not of a person.
	papers = regexp.MustCompile(`(?:\bma(?: so)?(?: (?:phan anh|ho so|don|don hang|tra cuu|bien nhan|khach hang|giao dich|tram|cot|tru|tu dien|van don))?|\bphan anh(?: so)?|\bho so(?: so)?|\bhoa don(?: so)?|\bbien lai(?: so)?|\bbien ban(?: so)?|\bvan ban(?: so)?|\bso hieu|\bma vach|\bserial|\bs/n|\bcase|\bref|\breport|\binvoice|\border|\bticket|#)[ :.#]{0,3}(?:so|no|id|number)?[ :.#]{0,3}$`)
	// What is counted is no number of anybody.
	amounts = regexp.MustCompile(`^ ?(?:(?:dong|vnd|d|usd|trieu|nghin|ngan dong|ty|m2|m3|kg|km|tan|lit|kwh)\b|%|\$)`)
)

// Whoever is found first keeps the place: sure shapes, then what is introduced,
// then what is told by its shape alone.
var rules = []rule{
	{Email, regexp.MustCompile(`[a-z0-9][a-z0-9._%+\-]{0,63}@[a-z0-9\-]+(?:\.[a-z0-9\-]+){0,4}\.[a-z]{2,}`), nil},
	{Plate, regexp.MustCompile(`(?:1[1-9]|[2-9][0-9])[ .\-]?[a-z](?:[a-z]|[0-9])?[ .\-]{0,3}(?:[0-9]{3}\.[0-9]{2})`), nil},
	{Plate, regexp.MustCompile(wordsPlate + `((?:1[1-9]|[2-9][0-9])[ .\-]?[a-z](?:[a-z]|[0-9])?[ .\-]{0,3}(?:[0-9]{3}[. ]?[0-9]{2}|[0-9]{4}))`), nil},
	{Plate, regexp.MustCompile(`(?:1[1-9]|[2-9][0-9])-?[a-hk-npstuvxyz](?:[a-z]|[0-9])?(?: ?- ?)(?:[0-9]{5}|[0-9]{4})`), nil},
	{Plate, regexp.MustCompile(`(?:1[1-9]|[2-9][0-9])[\-]?[a-gk-lnpstuvxyz][0-9]? (?:[0-9]{5}|[0-9]{4})`), notAmount},
	{Identity, regexp.MustCompile(wordsIdentity + `([0-9](?:` + gap + `[0-9]){8}(?:(?:` + gap + `[0-9]){3})?)`), nil},
	{Identity, regexp.MustCompile(`\b(?:ho chieu|passport)\b[^0-9\n]{0,15}?([a-z][0-9]{7,8})`), nil},
	{Account, regexp.MustCompile(wordsAccount + `([0-9](?:[ .\-]?[0-9]){5,18})`), notAmount},
	{Account, regexp.MustCompile(`[a-z]{2}[0-9]{2}(?: ?[a-z0-9]{4}){3,7}(?: ?[a-z0-9]{1,3})?`), func(_, s, _ string) bool { return iban(s) }},
	{Account, regexp.MustCompile(`[3-6](?:[ \-]?[0-9]){12,18}`), func(before, s, _ string) bool { return !papers.MatchString(tail(before)) && luhn(digits(s)) }},
	{Phone, regexp.MustCompile(`(?:\(?\+ ?84\)?|\(?0084\)?)` + gap + `(?:\(0\))?(?:[35789](?:` + gap + `[0-9]){8}|2(?:` + gap + `[0-9]){8,9})`), nil},
	{Phone, regexp.MustCompile(`\(?0` + gap + `(?:[35789](?:` + gap + `[0-9]){8}|2(?:` + gap + `[0-9]){9}|1` + gap + `[2689](?:` + gap + `[0-9]){8})`), personal},
	{Phone, regexp.MustCompile(`84` + gap + `[35789](?:` + gap + `[0-9]){8}`), personal},
	{Phone, regexp.MustCompile(`\+[0-9]{1,3}(?:` + gap + `[0-9]){7,12}`), nil},
	{Phone, regexp.MustCompile(`(?:1[ .\-])?\(?[2-9][0-9]{2}\)?[ .\-] ?[2-9][0-9]{2}[.\-][0-9]{4}`), personal},
	{Phone, regexp.MustCompile(wordsPhone + `(\(?[0-9](?:` + gap + `[0-9]){6,11})`), func(before, s, after string) bool {
		d := digits(s)
		return !strings.HasPrefix(d, "1900") && !strings.HasPrefix(d, "1800") && notAmount(before, s, after)
	}},
	{Identity, regexp.MustCompile(`[0-9]{3}-[0-9]{2}-[0-9]{4}`), personal},
	{Identity, regexp.MustCompile(`0[0-9](?:[ .\-]?[0-9]){10}`), func(before, s, after string) bool {
		return citizen(digits(s)) && personal(before, s, after)
	}},
}

// tail is the end of what lies before a number: enough for its introduction.
func tail(before string) string {
	if len(before) > 60 {
		before = before[len(before)-60:]
	}
	return before
}

func notAmount(_, _, after string) bool { return !amounts.MatchString(after) }

func personal(before, s, after string) bool {
	return notAmount(before, s, after) && !papers.MatchString(tail(before))
}

// citizen checks the make of a personal identification number (Decree
// 137/2015/NĐ-CP art. 13): three digits of the province of birth, 001 to 096, one
// of century and sex, two of the year of birth, six at random.
func citizen(d string) bool {
	return len(d) == 12 && d[0] == '0' && d[:3] >= "001" && d[:3] <= "096" && d[3] <= '3'
}

// luhn checks a card's last digit (ISO/IEC 7812-1 annex B).
func luhn(d string) bool {
	sum := 0
	for i := range len(d) {
		n := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return len(d) >= 13 && len(d) <= 19 && sum%10 == 0
}

// iban checks an international account number (ISO 13616-1: modulo 97 is 1).
func iban(s string) bool {
	s = strings.ToUpper(strings.ReplaceAll(s, " ", ""))
	if len(s) < 15 || len(s) > 34 {
		return false
	}
	rest := 0
	for _, c := range s[4:] + s[:4] {
		if c >= 'A' {
			rest = (rest*100 + int(c-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(c-'0')) % 97
		}
	}
	return rest == 1
}

// What names follow. A form of address is written small, or begins a sentence;
// in other places (Hai Bà Trưng, tiếng Anh) only a family name makes it one.
var (
	addressed  = regexp.MustCompile(`(?i)(?:ông|bà|anh|chị|cô|chú|bác|cụ|cậu|dì|thím|mợ|mệ|thầy|em|cháu|ong|ba|chi|thay|mr\.?|mrs\.?|ms\.?|miss|họ và tên|họ tên|ho ten|tên là|ten la|tên tôi là|tên|tôi là|mình là|my name is|name)(?: (?:chủ tịch|phó chủ tịch|tổ trưởng|trưởng thôn|trưởng phòng|giám đốc|bí thư|cán bộ|công an|bác sĩ|chủ nhà|hàng xóm|giáo|tên|là))?[ :]{1,3}`)
	unmarked   = regexp.MustCompile(`(?i)^(?:ong|ba|chi|thay|tên|name|em|cháu|cô|bác)`)
	english    = regexp.MustCompile(`^M(?:r|rs|s|iss|y name)\b`) // written with a capital everywhere
	capitals   = regexp.MustCompile(`^\p{Lu}[\p{L}\p{M}'’]*(?: \p{Lu}[\p{L}\p{M}'’]*){0,4}`)
	familyName = regexp.MustCompile(`(?i)^(?:nguyen|tran|le|pham|hoang|huynh|phan|vu|vo|dang|bui|do|ho|ngo|duong|ly|dinh|truong|doan|trinh|mai|luong|luu|cao|ta|chau|ton|ton that|ton nu|ha|lam|thai|to|quach|dao|van|cung|ung|buu|vinh|tu|nghiem|kieu|la|hua|tong|thach|khuc|thieu|hau|phung|cu|chu)(?: |$)`)
	// A place that bears a name, and what is no name of anybody.
	places = regexp.MustCompile(`(?i)(?:đường|phố|chợ|cầu|chùa|miếu|đền|hẻm|kiệt|ngõ|trường|hồ|cồn|bãi|núi|đ\.|street) $`)
	nobody = regexp.MustCompile(`^(?:(?:Triệu|Trưng|Rịa|Nà|Huyện|Ích|Quốc|Văn bản|Facebook|Zalo|Google)(?:[ ,.;]|$)|(?:Chủ tịch|Phó chủ|Phó|Tổ trưởng|Trưởng|Giám đốc|Bí thư|Công an|Cán bộ|Cảnh sát|Chủ nhà|Chủ|Hiệu trưởng|Bác sĩ|Tổ|Ủy|Uỷ|UBND|Sở|Phường|Xã|Thành|TP|Huế|Việt)(?: |$)|(?:Trường|Nhà|Hội|Đội|Lớp) \p{Lu})`)
)

// names finds names after a form of address, and takes the name alone; where all
// is in capitals it cannot tell where a name ends, and takes up to five words.
func names(text string, found func(from, to int)) {
	for at := 0; at < len(text); {
		m := addressed.FindStringIndex(text[at:])
		if m == nil {
			return
		}
		from, to := at+m[0], at+m[1]
		_, n := utf8.DecodeRuneInString(text[from:])
		at = from + n
		title := text[from:to]
		before, size := utf8.DecodeLastRuneInString(text[:from])
		name := capitals.FindString(text[to:])
		if size > 0 && word(before) || name == "" || nobody.MatchString(text[to:]) || places.MatchString(text[max(0, runeStart(text, from-16)):from]) {
			continue
		}
		if name == "Hồ" && strings.EqualFold(strings.TrimSpace(title), "bác") {
			continue
		}
		first, _ := utf8.DecodeRuneInString(title)
		family := familyName.MatchString(value.Fold(name))
		sure := !unmarked.MatchString(title) && (!unicode.IsUpper(first) || begins(text[:from]) || english.MatchString(title))
		if !family && !sure {
			continue
		}
		if strings.ToUpper(name) == name && strings.ToLower(title) != title && !family {
			continue // all in capitals: any word follows
		}
		found(to, to+len(name))
		at = to + len(name)
	}
}

// runeStart moves an index back to where a rune begins.
func runeStart(text string, i int) int {
	for i > 0 && !utf8.RuneStart(text[i]) {
		i--
	}
	return i
}

// begins tells that a sentence begins after the text.
func begins(before string) bool {
	before = strings.TrimRight(before, " \t\"“(-–•")
	r, n := utf8.DecodeLastRuneInString(before)
	return n == 0 || strings.ContainsRune(".!?:;\n\r,", r)
}

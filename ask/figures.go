package ask

import (
	"math"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// figure is a number, a date or a time of day read from folded text, in a form
// in which other ways of writing it are equal: 1,5 km and 1500 m, 百分之五 and
// 5 %, 2024年3月 and March 2024.
type figure struct {
	kind             figureKind
	value            float64 // of number in base units; of clock minutes after midnight
	dimension        string  // what the unit measures: "length", "currency/usd"; "" when there is none
	number           float64 // as written, before the unit
	scale            float64 // of the unit
	year, month, day int     // of date; 0 when not named
	noon             bool    // of clock: said whether before or after noon
	text             string  // as written, folded
	start, end       int     // in the folded text
}

type figureKind int

const (
	figureNumber figureKind = iota
	figureDate
	figureClock
)

// figures returns what folded text says in figures, in order.
func figures(folded string) []figure {
	text, back := arabic(folded)
	var found []figure
	taken := make([]bool, len(text)+1)
	free := func(from, to int) bool {
		for i := from; i < to; i++ {
			if taken[i] {
				return false
			}
		}
		return true
	}
	add := func(f figure, from, to int) {
		if to <= from || !free(from, to) {
			return
		}
		for i := from; i < to; i++ {
			taken[i] = true
		}
		f.start, f.end = back[from], back[to]
		f.text = strings.TrimSpace(folded[f.start:f.end])
		found = append(found, f)
	}
	has := marksOf(text)
	for _, p := range datePatterns {
		for _, m := range allMatches(p.re, text, has.have(p.need)) {
			f := figure{kind: figureDate}
			ok := true
			for g, part := range p.parts {
				if part == ' ' || m[2*g+2] < 0 {
					continue
				}
				s := text[m[2*g+2]:m[2*g+3]]
				n, err := strconv.Atoi(s)
				if err != nil {
					n = months[s[:3]]
				}
				switch part {
				case 'y':
					f.year = n
				case 'm':
					f.month = n
					ok = ok && n >= 1 && n <= 12
				case 'd':
					f.day = n
					ok = ok && n >= 1 && n <= 31
				}
			}
			if p.bare {
				_, _, n := unitAfter(text[m[1]:])
				_, before := unitBefore(text[:m[0]])
				ok = n == 0 && before == 0 && !partOfIdentifier(text, m[0], m[1]) && !strings.HasPrefix(text[m[1]:], ",") // 1,500 m is no year
			}
			if ok {
				add(f, m[0], m[1])
			}
		}
	}
	for _, m := range allMatches(clockPattern, text, has.have(marks{digits: true, clock: true})) {
		group := func(i int) string {
			if m[2*i] < 0 {
				return ""
			}
			return text[m[2*i]:m[2*i+1]]
		}
		before, hour, minute, half, after := group(1), group(2), group(3), group(4), group(5)
		h, _ := strconv.Atoi(hour)
		n := 0
		if minute != "" {
			n, _ = strconv.Atoi(minute)
		}
		if half != "" {
			n = 30
		}
		if h > 24 || n > 59 {
			continue
		}
		f := figure{kind: figureClock, noon: before != "" || after != "" || h > 12}
		late := strings.HasPrefix(after, "p") || before == "下午" || before == "晚上" || before == "傍晚" || before == "中午" && h < 10
		if late && h < 12 {
			h += 12
		}
		if strings.HasPrefix(after, "a") && h == 12 {
			h = 0
		}
		f.value = float64(h*60 + n)
		add(f, m[0], m[1])
	}
	for _, m := range allMatches(numberPattern, text, has.digits) {
		from, to := m[0], m[1]
		if partOfIdentifier(text, from, to) {
			continue
		}
		value, ok := parseNumber(text[from:to])
		if !ok {
			continue
		}
		end := to
		if k, n := multiplier(text[end:]); n > 0 {
			value *= k
			end += n
		}
		f := figure{kind: figureNumber, number: value, scale: 1}
		if dim, k, n := unitAfter(text[end:]); n > 0 {
			f.dimension, f.scale = dim, k
			end += n
		} else if dim, n := unitBefore(text[:from]); n > 0 {
			f.dimension = dim
			from -= n
		}
		f.value = value * f.scale
		if f.dimension == "temperature/f" {
			f.dimension, f.value, f.scale = "temperature", (value-32)*5/9, 5.0/9
		}
		add(f, from, end)
	}
	sort.Slice(found, func(i, j int) bool { return found[i].start < found[j].start })
	return found
}

// allMatches returns the matches of an expression with their groups, none where
// there can be none.
func allMatches(re *regexp.Regexp, text string, possible bool) [][]int {
	if !possible {
		return nil
	}
	return re.FindAllStringSubmatchIndex(text, -1)
}

// matches reports whether f, said in a statement, is what g in a source says.
func (f *figure) matches(g *figure) bool {
	switch {
	case f.kind == figureDate && g.kind == figureDate:
		return (f.year == 0 || f.year == g.year) && (f.month == 0 || f.month == g.month) && (f.day == 0 || f.day == g.day)
	case f.kind == figureClock && g.kind == figureClock:
		d := math.Abs(f.value - g.value)
		return d == 0 || d == 720 && !(f.noon && g.noon)
	case f.kind == figureNumber && g.kind == figureNumber:
		if f.dimension == "" || g.dimension == "" {
			return equal(f.number, g.number, 1e-9)
		}
		tolerance := 1e-9
		if f.scale != g.scale && f.dimension != "time" && f.dimension != "month" {
			tolerance = 0.005 // converted figures are rounded
		}
		return f.dimension == g.dimension && equal(f.value, g.value, tolerance)
	case f.kind == figureDate && g.kind == figureNumber:
		return f.year != 0 && f.month == 0 && g.dimension == "" && g.value == float64(f.year)
	case f.kind == figureNumber && g.kind == figureDate:
		return f.dimension == "" && (f.value == float64(g.year) || f.value == float64(g.day) && g.day != 0)
	}
	return false
}

func equal(a, b, tolerance float64) bool {
	return math.Abs(a-b) <= tolerance*math.Max(math.Abs(a), math.Abs(b))
}

// occursIn reports whether a source with these figures says f. A full date may
// stand in two places of a source: "in 2024 … on 5 March".
func (f *figure) occursIn(source []figure) bool {
	for i := range source {
		if f.matches(&source[i]) {
			return true
		}
	}
	if f.kind == figureDate && f.year != 0 && (f.month != 0 || f.day != 0) {
		year, rest := figure{kind: figureDate, year: f.year}, *f
		rest.year = 0
		for i := range source {
			// The rest must come from a date that names no other year.
			if rest.matches(&source[i]) && source[i].kind == figureDate && source[i].year == 0 {
				return year.occursIn(source)
			}
		}
	}
	return false
}

// trivial reports whether f carries no information of its own: "one", 一个.
func (f *figure) trivial() bool {
	return f.kind == figureNumber && f.dimension == "" && (f.value == 1 || f.value == 0)
}

const monthNames = `(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?`

var months = map[string]int{
	"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6,
	"jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}

var datePatterns = []struct {
	re    *regexp.Regexp
	parts string // what the groups are; a space skips one
	bare  bool   // a year only when nothing makes it a number
	need  marks
}{
	{regexp.MustCompile(`(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*[日号]?`), "ymd", false, marks{longRun: true, year: true, moon: true}},
	{regexp.MustCompile(`\b(\d{4})([-/.])(\d{1,2})[-/.](\d{1,2})\b`), "y md", false, marks{longRun: true}},
	{regexp.MustCompile(`\b` + monthNames + `\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})\b`), "mdy", false, marks{longRun: true, monthName: true}},
	{regexp.MustCompile(`\b(\d{1,2})(?:st|nd|rd|th)?\s+(?:of\s+)?` + monthNames + `,?\s+(\d{4})\b`), "dmy", false, marks{longRun: true, monthName: true}},
	{regexp.MustCompile(`(\d{4})\s*年\s*(\d{1,2})\s*月`), "ym", false, marks{longRun: true, year: true, moon: true}},
	{regexp.MustCompile(`\b` + monthNames + `,?\s+(?:of\s+)?(\d{4})\b`), "my", false, marks{longRun: true, monthName: true}},
	{regexp.MustCompile(`(\d{1,2})\s*月\s*(\d{1,2})\s*[日号]?`), "md", false, marks{digits: true, moon: true}},
	{regexp.MustCompile(`\b` + monthNames + `\s+(\d{1,2})(?:st|nd|rd|th)?\b`), "md", false, marks{digits: true, monthName: true}},
	{regexp.MustCompile(`\b(\d{1,2})(?:st|nd|rd|th)?\s+(?:of\s+)?` + monthNames + `\b`), "dm", false, marks{digits: true, monthName: true}},
	{regexp.MustCompile(`(\d{4})\s*年`), "y", false, marks{longRun: true, year: true}},
	{regexp.MustCompile(`(\d{1,2})\s*月份?`), "m", false, marks{digits: true, moon: true}},
	{regexp.MustCompile(`\b(?:in|of|since|until|till|by|during|early|late|mid|last|next|every|from|to)[\s-]+` + monthNames + `\b`), "m", false, marks{monthName: true}},
	{regexp.MustCompile(`\b(1[0-9]\d\d|20\d\d)'?s\b`), "y", false, marks{longRun: true}},
	{regexp.MustCompile(`\b(1[0-9]\d\d|20\d\d)\b`), "y", true, marks{longRun: true}},
}

var clockPattern = regexp.MustCompile(`(上午|下午|晚上|早上|凌晨|中午|傍晚)?\s*\b?(\d{1,2})\s*(?::|点|时)\s*(?:(\d{1,2})|(半))?\s*分?\s*(a\.?m\b\.?|p\.?m\b\.?)?`)

var numberPattern = regexp.MustCompile(`\d+(?:[, ' ]\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?`)

// partOfIdentifier reports whether a number belongs to a word such as v2.0.1,
// ERR-4012 or x86, which is compared as a name.
func partOfIdentifier(text string, from, to int) bool {
	if from > 0 {
		r, n := utf8.DecodeLastRuneInString(text[:from])
		if r == '_' || isLatin(r) {
			return true
		}
		if (r == '.' || r == '-' || r == '/') && from > n {
			before, _ := utf8.DecodeLastRuneInString(text[:from-n])
			if isLatin(before) || r == '.' && unicode.IsDigit(before) {
				return true
			}
		}
	}
	if to < len(text) {
		r, n := utf8.DecodeRuneInString(text[to:])
		if r == '_' {
			return true
		}
		if r == '.' && to+n < len(text) {
			if after, _ := utf8.DecodeRuneInString(text[to+n:]); unicode.IsDigit(after) {
				return true
			}
		}
	}
	return false
}

func isLatin(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// parseNumber reads digits with separators. A comma before exactly three digits
// separates thousands, any other comma is a decimal comma.
func parseNumber(s string) (float64, bool) {
	for _, sep := range []string{" ", " ", "'"} {
		s = strings.ReplaceAll(s, sep, "")
	}
	if i := strings.LastIndexByte(s, ','); i >= 0 {
		if len(s)-i-1 == 3 || strings.Contains(s[i:], ".") || strings.Count(s, ",") > 1 {
			s = strings.ReplaceAll(s, ",", "")
		} else {
			s = s[:i] + "." + s[i+1:]
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil
}

var multiplierPattern = regexp.MustCompile(`^\s?(thousand|million|billion|trillion|mn\b|bn\b|m\b(?:\s*(?:usd|eur|gbp|dollars))|万亿|亿|千万|百万|万|千|百)`)

func multiplier(rest string) (float64, int) {
	m := multiplierPattern.FindStringSubmatch(rest)
	if m == nil {
		return 1, 0
	}
	switch m[1] {
	case "thousand":
		return 1e3, len(m[0])
	case "million", "mn":
		return 1e6, len(m[0])
	case "billion", "bn":
		return 1e9, len(m[0])
	case "trillion":
		return 1e12, len(m[0])
	case "万亿":
		return 1e12, len(m[0])
	case "亿":
		return 1e8, len(m[0])
	case "千万":
		return 1e7, len(m[0])
	case "百万":
		return 1e6, len(m[0])
	case "万":
		return 1e4, len(m[0])
	case "千":
		if strings.HasPrefix(strings.TrimSpace(rest), "千米") || strings.HasPrefix(strings.TrimSpace(rest), "千克") {
			return 1, 0
		}
		return 1e3, len(m[0])
	case "百":
		return 1e2, len(m[0])
	}
	return 1, 0
}

// measureUnits are units of measure: what they measure and their size in the base unit.
var measureUnits = map[string]struct {
	dimension string
	scale     float64
}{
	"%": {"percent", 1}, "percent": {"percent", 1}, "per cent": {"percent", 1}, "个百分点": {"percent", 1}, "percentage points": {"percent", 1},
	"mm": {"length", 1e-3}, "毫米": {"length", 1e-3}, "cm": {"length", 1e-2}, "厘米": {"length", 1e-2}, "公分": {"length", 1e-2},
	"m": {"length", 1}, "metre": {"length", 1}, "metres": {"length", 1}, "meter": {"length", 1}, "meters": {"length", 1}, "米": {"length", 1}, "公尺": {"length", 1},
	"km": {"length", 1e3}, "kilometre": {"length", 1e3}, "kilometres": {"length", 1e3}, "kilometer": {"length", 1e3}, "kilometers": {"length", 1e3}, "公里": {"length", 1e3}, "千米": {"length", 1e3},
	"mile": {"length", 1609.344}, "miles": {"length", 1609.344}, "mi": {"length", 1609.344}, "英里": {"length", 1609.344},
	"ft": {"length", 0.3048}, "foot": {"length", 0.3048}, "feet": {"length", 0.3048}, "英尺": {"length", 0.3048},
	"inch": {"length", 0.0254}, "inches": {"length", 0.0254}, "英寸": {"length", 0.0254}, "寸": {"length", 1.0 / 30},
	"mg": {"mass", 1e-6}, "毫克": {"mass", 1e-6}, "g": {"mass", 1e-3}, "gram": {"mass", 1e-3}, "grams": {"mass", 1e-3}, "克": {"mass", 1e-3},
	"kg": {"mass", 1}, "kilogram": {"mass", 1}, "kilograms": {"mass", 1}, "公斤": {"mass", 1}, "千克": {"mass", 1}, "斤": {"mass", 0.5},
	"t": {"mass", 1e3}, "tonne": {"mass", 1e3}, "tonnes": {"mass", 1e3}, "吨": {"mass", 1e3}, "tons": {"mass", 1e3}, "ton": {"mass", 1e3},
	"lb": {"mass", 0.45359237}, "lbs": {"mass", 0.45359237}, "磅": {"mass", 0.45359237},
	"ms": {"time", 1e-3}, "millisecond": {"time", 1e-3}, "milliseconds": {"time", 1e-3}, "毫秒": {"time", 1e-3},
	"s": {"time", 1}, "sec": {"time", 1}, "second": {"time", 1}, "seconds": {"time", 1}, "秒": {"time", 1}, "秒钟": {"time", 1},
	"min": {"time", 60}, "mins": {"time", 60}, "minute": {"time", 60}, "minutes": {"time", 60}, "分钟": {"time", 60},
	"h": {"time", 3600}, "hr": {"time", 3600}, "hrs": {"time", 3600}, "hour": {"time", 3600}, "hours": {"time", 3600}, "小时": {"time", 3600}, "个小时": {"time", 3600}, "钟头": {"time", 3600}, "个钟头": {"time", 3600},
	"day": {"time", 86400}, "days": {"time", 86400}, "天": {"time", 86400}, "日": {"time", 86400}, "calendar days": {"time", 86400}, "自然日": {"time", 86400}, "个自然日": {"time", 86400},
	"week": {"time", 604800}, "weeks": {"time", 604800}, "周": {"time", 604800}, "星期": {"time", 604800}, "个星期": {"time", 604800}, "礼拜": {"time", 604800}, "个礼拜": {"time", 604800},
	"working days": {"workday", 1}, "working day": {"workday", 1}, "business days": {"workday", 1}, "business day": {"workday", 1}, "workdays": {"workday", 1}, "个工作日": {"workday", 1}, "工作日": {"workday", 1}, "工作天": {"workday", 1},
	"month": {"month", 1}, "months": {"month", 1}, "个月": {"month", 1}, "quarter": {"month", 3}, "quarters": {"month", 3}, "个季度": {"month", 3},
	"year": {"month", 12}, "years": {"month", 12}, "yr": {"month", 12}, "yrs": {"month", 12}, "年": {"month", 12}, "周年": {"month", 12}, "岁": {"month", 12}, "years old": {"month", 12},
	"century": {"century", 1}, "centuries": {"century", 1}, "世纪": {"century", 1}, "个世纪": {"century", 1},
	"ml": {"volume", 1e-3}, "毫升": {"volume", 1e-3}, "l": {"volume", 1}, "litre": {"volume", 1}, "litres": {"volume", 1}, "liter": {"volume", 1}, "liters": {"volume", 1}, "升": {"volume", 1}, "公升": {"volume", 1},
	"m2": {"area", 1}, "square metres": {"area", 1}, "square meters": {"area", 1}, "sq m": {"area", 1}, "平方米": {"area", 1}, "平方公尺": {"area", 1},
	"km2": {"area", 1e6}, "square kilometres": {"area", 1e6}, "square kilometers": {"area", 1e6}, "sq km": {"area", 1e6}, "平方公里": {"area", 1e6}, "平方千米": {"area", 1e6},
	"square miles": {"area", 2589988.11}, "平方英里": {"area", 2589988.11}, "hectare": {"area", 1e4}, "hectares": {"area", 1e4}, "ha": {"area", 1e4}, "公顷": {"area", 1e4}, "acre": {"area", 4046.856}, "acres": {"area", 4046.856}, "英亩": {"area", 4046.856}, "亩": {"area", 2000.0 / 3},
	"byte": {"data", 1}, "bytes": {"data", 1}, "字节": {"data", 1}, "kb": {"data", 1e3}, "mb": {"data", 1e6}, "gb": {"data", 1e9}, "tb": {"data", 1e12}, "kib": {"data", 1024}, "mib": {"data", 1 << 20}, "gib": {"data", 1 << 30}, "tib": {"data", 1 << 40},
	"°c": {"temperature", 1}, "c": {"temperature", 1}, "degrees celsius": {"temperature", 1}, "摄氏度": {"temperature", 1}, "度": {"temperature", 1}, "°f": {"temperature/f", 1}, "degrees fahrenheit": {"temperature/f", 1}, "华氏度": {"temperature/f", 1},
	"km/h": {"speed", 1}, "kph": {"speed", 1}, "公里/小时": {"speed", 1}, "mph": {"speed", 1.609344},
	"w": {"power", 1}, "kw": {"power", 1e3}, "千瓦": {"power", 1e3}, "瓦": {"power", 1}, "kwh": {"energy", 1}, "千瓦时": {"energy", 1},
	"usd": {"currency/usd", 1}, "dollar": {"currency/usd", 1}, "dollars": {"currency/usd", 1}, "us dollars": {"currency/usd", 1}, "美元": {"currency/usd", 1}, "美金": {"currency/usd", 1}, "cents": {"currency/usd", 0.01},
	"eur": {"currency/eur", 1}, "euro": {"currency/eur", 1}, "euros": {"currency/eur", 1}, "€": {"currency/eur", 1}, "欧元": {"currency/eur", 1},
	"gbp": {"currency/gbp", 1}, "pounds": {"currency/gbp", 1}, "英镑": {"currency/gbp", 1},
	"cny": {"currency/cny", 1}, "rmb": {"currency/cny", 1}, "yuan": {"currency/cny", 1}, "元": {"currency/cny", 1}, "块钱": {"currency/cny", 1}, "元人民币": {"currency/cny", 1},
	"yen": {"currency/jpy", 1}, "日元": {"currency/jpy", 1}, "hkd": {"currency/hkd", 1}, "港元": {"currency/hkd", 1}, "港币": {"currency/hkd", 1},
	"times": {"times", 1}, "倍": {"times", 1}, "fold": {"times", 1}, "次": {"", 1},
}

// longest unit in bytes; bounds the search.
var longestUnit = func() int {
	n := 0
	for u := range measureUnits {
		n = max(n, len(u))
	}
	return n
}()

// unitAfter reads the unit that text begins with, and its length.
func unitAfter(text string) (dimension string, scale float64, length int) {
	trimmed := strings.TrimLeft(text, " -")
	skipped := len(text) - len(trimmed)
	if skipped > 2 {
		return "", 1, 0
	}
	for n := min(longestUnit, len(trimmed)); n > 0; n-- {
		u, ok := measureUnits[trimmed[:n]]
		if !ok {
			continue
		}
		if next, _ := utf8.DecodeRuneInString(trimmed[n:]); isLatin(rune(trimmed[n-1])) && (isLatin(next) || unicode.IsDigit(next)) {
			continue
		}
		if trimmed[:n] == "年" && strings.HasPrefix(trimmed[n:], "代") || trimmed[:n] == "日" && strings.HasPrefix(trimmed[n:], "本") || trimmed[:n] == "天" && strings.HasPrefix(trimmed[n:], "津") {
			continue
		}
		return u.dimension, u.scale, skipped + n
	}
	return "", 1, 0
}

// unitBefore reads a currency sign that text ends with, and its length.
func unitBefore(text string) (dimension string, length int) {
	trimmed := strings.TrimRight(text, " ")
	for _, c := range [...]struct{ sign, dimension string }{
		{"us$", "currency/usd"}, {"hk$", "currency/hkd"}, {"$", "currency/usd"}, {"€", "currency/eur"}, {"£", "currency/gbp"},
		{"¥", "currency/cny"}, {"￥", "currency/cny"}, {"rmb", "currency/cny"}, {"usd", "currency/usd"}, {"eur", "currency/eur"},
	} {
		if strings.HasSuffix(trimmed, c.sign) {
			return c.dimension, len(text) - len(trimmed) + len(c.sign)
		}
	}
	return "", 0
}

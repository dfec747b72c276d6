package ask

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// arabic returns folded text with Chinese and English numerals in digits, and
// for every byte of it (and its end) the offset in folded it came from.
// Numerals that are parts of other words stay: 一些, 十分, someone.
func arabic(folded string) (string, []int) {
	type swap struct {
		from, to int
		digits   string
	}
	var swaps []swap
	for i := 0; i < len(folded); {
		r, n := utf8.DecodeRuneInString(folded[i:])
		if !strings.ContainsRune(hanNumerals, r) {
			i += n
			continue
		}
		j := i
		for j < len(folded) {
			r, n := utf8.DecodeRuneInString(folded[j:])
			if !strings.ContainsRune(hanNumerals, r) {
				break
			}
			j += n
		}
		from := i
		percent := strings.HasSuffix(folded[:i], "百分之")
		if !percent && strings.HasPrefix(folded[j:], "分之") {
			i = j
			continue
		}
		run := folded[i:j]
		if strings.HasSuffix(run, "百") && strings.HasPrefix(folded[j:], "分之") {
			i = j
			continue
		}
		if digits, ok := hanNumber(run, folded[:i], folded[j:], percent); ok {
			if percent {
				from -= len("百分之")
				digits += "%"
				if n := len(swaps); n > 0 && swaps[n-1].to > from {
					swaps = swaps[:n-1]
				}
			}
			swaps = append(swaps, swap{from, j, digits})
		}
		i = j
	}
	for _, m := range allMatches(percentPattern, folded, strings.Contains(folded, "百分之")) {
		swaps = append(swaps, swap{m[0], m[1], folded[m[2]:m[3]] + "%"})
	}
	for _, m := range allMatches(englishNumeral, folded, holdsWordOf(folded, englishWords)) {
		if digits, ok := englishNumber(folded[m[0]:m[1]]); ok {
			swaps = append(swaps, swap{m[0], m[1], digits})
		}
	}
	// The three passes each yield ascending, disjoint ranges over different
	// characters, so an insertion sort of few items is enough.
	for i := 1; i < len(swaps); i++ {
		for j := i; j > 0 && swaps[j].from < swaps[j-1].from; j-- {
			swaps[j], swaps[j-1] = swaps[j-1], swaps[j]
		}
	}
	var out strings.Builder
	back := make([]int, 0, len(folded)+1)
	at := 0
	for _, s := range swaps {
		if s.from < at {
			continue
		}
		for ; at < s.from; at++ {
			out.WriteByte(folded[at])
			back = append(back, at)
		}
		out.WriteString(s.digits)
		for range s.digits {
			back = append(back, s.from)
		}
		at = s.to
	}
	for ; at < len(folded); at++ {
		out.WriteByte(folded[at])
		back = append(back, at)
	}
	return out.String(), append(back, len(folded))
}

var percentPattern = regexp.MustCompile(`百分之(\d+(?:\.\d+)?)`)

const hanNumerals = "零〇一二两三四五六七八九十百千万亿"

var hanDigits = map[rune]float64{'零': 0, '〇': 0, '一': 1, '二': 2, '两': 2, '三': 3, '四': 4, '五': 5, '六': 6, '七': 7, '八': 8, '九': 9}

var hanScales = map[rune]float64{'十': 10, '百': 100, '千': 1000}

// measures are the characters that make a single numeral before them a number.
const measures = "年月日号天周个名位人次条元块岁级期届章节页点时分秒小米公克斤吨升倍成折层楼间台款种类项家所座部本篇队场只张支份步轮大代世句段户颗件架艘辆"

// hanNumber turns a run of Chinese numerals into digits, if it is a number.
func hanNumber(run, before, after string, percent bool) (string, bool) {
	runes := []rune(run)
	last, _ := utf8.DecodeLastRuneInString(before)
	next, _ := utf8.DecodeRuneInString(after)
	digitBefore := last >= '0' && last <= '9'
	if digitBefore {
		return "", false // 30万: the multiplier is read with the number
	}
	if len(runes) == 1 && !percent {
		switch {
		case last == '第':
		case !strings.ContainsRune(measures, next):
			return "", false
		case runes[0] == '十' && next == '分', runes[0] == '万', runes[0] == '亿', runes[0] == '千', runes[0] == '百':
			return "", false
		}
	}
	if len(runes) == 2 && run == "千万" || run == "万一" || run == "万千" {
		return "", false
	}
	positional := true
	for _, r := range runes {
		if _, ok := hanDigits[r]; !ok || r == '两' && len(runes) > 1 {
			positional = false
		}
	}
	if positional && len(runes) > 1 {
		if len(runes) == 2 {
			return "", false // 七八个: about
		}
		var b strings.Builder
		for _, r := range runes {
			b.WriteByte('0' + byte(hanDigits[r]))
		}
		return b.String(), true
	}
	total, section, digit := 0.0, 0.0, -1.0
	for _, r := range runes {
		if d, ok := hanDigits[r]; ok {
			if digit > 0 {
				return "", false // 三五百: about
			}
			digit = d
			continue
		}
		if s, ok := hanScales[r]; ok {
			if digit < 0 {
				digit = 1
			}
			section += digit * s
			digit = -1
			continue
		}
		if digit > 0 {
			section += digit
		}
		if section == 0 && total == 0 {
			section = 1
		}
		if r == '万' {
			total = (total + section) * 1e4
		} else {
			total = (total + section) * 1e8
		}
		section, digit = 0, -1
	}
	if digit > 0 {
		section += digit
	}
	return strconv.FormatFloat(total+section, 'f', -1, 64), true
}

var englishWords = map[string]float64{
	"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
	"eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
	"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}

const englishUnit = `(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)`

var englishNumeral = regexp.MustCompile(`\b` + englishUnit + `\b(?:[ -](?:and )?(?:` + englishUnit + `|hundred|thousand)\b)*`)

// englishNumber turns "two hundred and fifty" into digits. Larger multipliers
// stay in the text and are read with the number.
func englishNumber(s string) (string, bool) {
	total, section := 0.0, 0.0
	for _, w := range strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '-' }) {
		switch w {
		case "and":
		case "hundred":
			section *= 100
		case "thousand":
			total += section * 1000
			section = 0
		default:
			v, ok := englishWords[w]
			if !ok {
				return "", false
			}
			if section > 0 && (int(section)%10 != 0 || v >= 10 && int(section)%100 != 0) {
				return "", false // "one two": not one number
			}
			section += v
		}
	}
	return strconv.FormatFloat(total+section, 'f', -1, 64), true
}

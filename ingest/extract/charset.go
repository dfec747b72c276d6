package extract

import (
	"bytes"
	"strings"
	uc "unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// Names of charsets that detectCharset returns.
const (
	csUTF8    = "utf-8"
	csUTF16LE = "utf-16le"
	csUTF16BE = "utf-16be"
	csUTF32LE = "utf-32le"
	csUTF32BE = "utf-32be"
	csGB18030 = "gb18030"
	csBig5    = "big5"
	csSJIS    = "shift_jis"
	csEUCJP   = "euc-jp"
	csEUCKR   = "euc-kr"
	csLatin   = "windows-1252"
)

// detectCharset names the charset of a text, "" when data is not text. truncated
// says that data may end inside a character.
//
// Marks and the strict forms of Unicode decide first. Legacy charsets are
// ranked by how much of the decoded text is what people write: frequent
// characters of the language, no errors.
func detectCharset(data []byte, truncated bool) string {
	switch {
	case bytes.HasPrefix(data, []byte{0xef, 0xbb, 0xbf}):
		return csUTF8
	case bytes.HasPrefix(data, []byte{0xff, 0xfe, 0, 0}):
		return csUTF32LE
	case bytes.HasPrefix(data, []byte{0, 0, 0xfe, 0xff}):
		return csUTF32BE
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		return csUTF16LE
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		return csUTF16BE
	}
	if len(data) == 0 {
		return ""
	}
	nul, control, high := 0, 0, 0
	for _, c := range data {
		switch {
		case c >= 0x80:
			high++
		case c >= ' ' && c != 0x7f:
		case c == 0:
			nul++
		case c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != 0x1b && c != '\b' && c != 0x1a:
			control++
		}
	}
	if nul > 0 || control*20 > len(data) {
		return utf16WithoutMark(data)
	}
	if control*100 > len(data) {
		return ""
	}
	if high == 0 || utf8.Valid(data) {
		return csUTF8
	}
	valid, broken := countUTF8(data, truncated)
	if broken == 0 || valid > 20*broken {
		return csUTF8
	}
	if cs := utf16WithoutMark(data); cs != "" {
		return cs
	}
	return legacyCharset(data, truncated)
}

// countUTF8 counts characters of several bytes and bytes that are not UTF-8.
func countUTF8(data []byte, truncated bool) (valid, broken int) {
	for i := 0; i < len(data); {
		if data[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			if truncated && len(data)-i < utf8.UTFMax && !utf8.FullRune(data[i:]) {
				return valid, broken
			}
			broken++
		} else {
			valid++
		}
		i += n
	}
	return valid, broken
}

// utf16WithoutMark recognises UTF-16 by what it decodes to: letters, digits,
// Han and their marks, nearly nothing else.
func utf16WithoutMark(data []byte) string {
	n := min(len(data)&^1, 4096)
	if n < 4 {
		return ""
	}
	score := func(big bool) int {
		good, ascii, common := 0, 0, 0
		for i := 0; i < n; i += 2 {
			u := rune(data[i]) | rune(data[i+1])<<8
			if big {
				u = rune(data[i])<<8 | rune(data[i+1])
			}
			switch {
			case u == '\n' || u == '\r' || u == '\t' || ' ' <= u && u < 0x7f:
				good++
				ascii++
			case u >= 0xa0 && u < 0x250, u >= 0x370 && u < 0x530, u >= 0x2010 && u < 0x2030, u >= 0x3000 && u < 0x3100, u >= 0xff00 && u < 0xff60, u >= 0xac00 && u < 0xd7a4:
				good++
			case u >= 0x4e00 && u < 0xa000:
				good++
				if strings.ContainsRune(frequentHan, u) {
					common++
				}
			}
		}
		if good*100 < n/2*95 || ascii*10 < n/2*3 && common*20 < n/2 {
			return 0
		}
		return good + ascii + common
	}
	le, be := score(false), score(true)
	switch {
	case le == 0 && be == 0:
		return ""
	case be > le:
		return csUTF16BE
	}
	return csUTF16LE
}

// frequentHan are the characters that Chinese text uses most, simplified and
// traditional.
const frequentHan = "的一是不了在人有我他这個个上们們来來到时時大地为為子中你说說生国國年着就那和要她出也得里裡后後自以会會家可下而过過天去能对對小多然于於心学學么麼之都好看起发發当當没沒成只如事把还還用第样樣道想作种種开開美总總从從无無情己面最女但现現前些所同日手又行意动動方期它头頭经經长長儿兒回位分爱愛老因很给給名法间間斯知世什两兩次使身者被高已亲親其进進此话話常与與活正感公司本部文件请請文業业務务工理信息系統统數据資资料電电話产產品服用户客管服務安全技術术費费月元及等或各按应應由將将內内外合同第章條条款关關于於"

// legacyCharset ranks the multi-byte charsets and falls back to Latin letters.
func legacyCharset(data []byte, truncated bool) string {
	// Latin text has its high bytes one by one among ASCII letters.
	runs, highs := 0, 0
	for i, c := range data {
		if c >= 0x80 {
			highs++
			if i == 0 || data[i-1] < 0x80 {
				runs++
			}
		}
	}
	best, bestScore := "", 0.0
	for _, cs := range []string{csGB18030, csBig5, csSJIS, csEUCJP, csEUCKR} {
		if s := scoreLegacy(data, cs, truncated); s > bestScore+1e-9 {
			best, bestScore = cs, s
		}
	}
	if best != "" && bestScore >= 0.5 {
		return best
	}
	if cs := singleByteScript(data); cs != "" {
		return cs
	}
	if float64(highs) < 1.6*float64(runs) {
		return csLatin
	}
	if best != "" && bestScore > 0.15 {
		return best
	}
	if highs*3 > len(data) {
		return ""
	}
	return csLatin
}

// singleByteScript recognises Cyrillic, Greek, Arabic and Hebrew in one byte a
// letter: nearly all high bytes decode to letters of the script, in words, and
// capitals stand only where words begin.
func singleByteScript(data []byte) string {
	best, bestScore := "", 0.8
	for _, c := range []struct {
		name   string
		enc    *charmap.Charmap
		script *uc.RangeTable
	}{
		{"windows-1251", charmap.Windows1251, uc.Cyrillic}, {"koi8-r", charmap.KOI8R, uc.Cyrillic}, {"windows-1253", charmap.Windows1253, uc.Greek},
		{"windows-1256", charmap.Windows1256, uc.Arabic}, {"windows-1255", charmap.Windows1255, uc.Hebrew},
	} {
		highs, good, bad := 0, 0, 0
		var last rune
		for _, b := range data {
			r := rune(b)
			if b >= 0x80 {
				r = c.enc.DecodeByte(b)
				highs++
				switch {
				case r == uc.ReplacementChar:
					bad++
				case uc.Is(c.script, r):
					good++
					if uc.IsUpper(r) && uc.IsLower(last) {
						bad++
					}
				}
			}
			// A letter of the script beside a Latin one is an accent, more likely.
			latin, was := r|0x20 >= 'a' && r|0x20 <= 'z', last|0x20 >= 'a' && last|0x20 <= 'z'
			if latin && uc.Is(c.script, last) || was && uc.Is(c.script, r) {
				bad++
			}
			last = r
		}
		if highs < 8 {
			continue
		}
		if s := float64(good-3*bad) / float64(highs); s > bestScore {
			best, bestScore = c.name, s
		}
	}
	return best
}

// scoreLegacy is the share of decoded non-ASCII characters that the charset's
// language uses all the time, less a penalty for errors and odd characters.
func scoreLegacy(data []byte, cs string, truncated bool) float64 {
	enc := encodingOf(cs)
	out, err := enc.NewDecoder().Bytes(data)
	if err != nil {
		return 0
	}
	total, frequent, usual, bad := 0, 0, 0, 0
	for i := 0; i < len(out); {
		r, n := utf8.DecodeRune(out[i:])
		i += n
		if r < 0x80 {
			continue
		}
		if r == utf8.RuneError {
			if truncated && i >= len(out) {
				continue
			}
			bad++
			total++
			continue
		}
		total++
		switch {
		case strings.ContainsRune("，。、：；？！“”（）《》「」…—·", r):
			frequent++
		case r >= 0x3040 && r < 0x3100: // kana
			if cs == csSJIS || cs == csEUCJP {
				frequent++
			} else {
				bad++
			}
		case r >= 0xac00 && r < 0xd7a4:
			if cs == csEUCKR {
				frequent++
			} else {
				bad++
			}
		case r >= 0x4e00 && r < 0xa000:
			if cs == csEUCKR {
				bad++
			} else if strings.ContainsRune(frequentHan, r) && (cs == csGB18030 || cs == csBig5) {
				frequent++
			} else {
				usual++
			}
		case r >= 0xff01 && r < 0xff61, r >= 0x3000 && r < 0x3040, r >= 0x2010 && r < 0x2700:
			usual++
		case r >= 0xe000 && r < 0xf900, r >= 0xff61 && r < 0xffa0:
			bad++
		default:
			if r >= 0x400 {
				bad++
			}
		}
	}
	if total == 0 {
		return 0
	}
	w := 0.3 // han that are not frequent tell little
	if cs == csSJIS || cs == csEUCJP {
		if frequent*8 < total {
			return 0 // Japanese without kana is not Japanese
		}
		w = 0.8
	}
	return (2*float64(frequent) + w*float64(usual) - 3*float64(bad)) / float64(total)
}

// encodingOf maps the names of detectCharset and the labels of the web to
// encodings; nil for UTF-8 and for unknown names.
func encodingOf(cs string) encoding.Encoding {
	switch cs {
	case csUTF8:
		return nil
	case csUTF16LE:
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case csUTF16BE:
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case csUTF32LE:
		return utf32.UTF32(utf32.LittleEndian, utf32.UseBOM)
	case csUTF32BE:
		return utf32.UTF32(utf32.BigEndian, utf32.UseBOM)
	case csGB18030, "gbk", "gb2312", "cp936", "x-gbk":
		return simplifiedchinese.GB18030
	case csBig5, "cp950":
		return traditionalchinese.Big5
	case csSJIS, "cp932":
		return japanese.ShiftJIS
	case csEUCJP:
		return japanese.EUCJP
	case csEUCKR, "cp949", "ks_c_5601-1987":
		return korean.EUCKR
	case csLatin:
		return charmap.Windows1252
	}
	e, err := htmlindex.Get(cs)
	if err != nil {
		return nil
	}
	if name, _ := htmlindex.Name(e); name == csUTF8 {
		return nil
	}
	return e
}

// decode turns data into UTF-8 without a byte order mark. What is not valid
// becomes U+FFFD; verbatim reports that the result is data itself.
func decode(data []byte, cs string) (text string, verbatim bool) {
	enc := encodingOf(cs)
	if enc == nil {
		if utf8.Valid(data) {
			return string(data), true
		}
		return strings.ToValidUTF8(string(data), "\uFFFD"), false
	}
	out, err := enc.NewDecoder().Bytes(data)
	if err != nil {
		return strings.ToValidUTF8(string(data), "\uFFFD"), false
	}
	return strings.TrimPrefix(string(out), "\uFEFF"), false
}

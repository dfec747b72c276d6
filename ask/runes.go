package ask

import (
	"unicode"

	"github.com/lore-kb/lore/analysis"
)

func isSpace(r rune) bool { return unicode.IsSpace(r) || r == '\u200b' || r == '\ufeff' }

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

// isWideMark reports whether r is a full-width or Chinese punctuation mark.
func isWideMark(r rune) bool {
	return r >= 0x3000 && r <= 0x303f || r >= 0xff00 && r <= 0xffef || r == '“' || r == '”' || r == '‘' || r == '’' || r == '…' || r == '—'
}

// hanShare is the share of Han characters among the letters of s.
func hanShare(s string) float64 {
	han, letters := 0, 0
	for _, r := range s {
		switch {
		case isHan(r):
			han++
			letters++
		case unicode.IsLetter(r):
			letters++
		}
	}
	if letters == 0 {
		return 0
	}
	return float64(han) / float64(letters)
}

// foldText makes text comparable.
func foldText(s string) string { return analysis.Fold(s).Text }

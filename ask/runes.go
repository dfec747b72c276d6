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

// mostlyHan reports whether a text counts as Chinese: more than three in ten of
// its letters are Han characters, since Chinese texts hold names in Latin letters.
func mostlyHan(s string) bool { return hanShare(s) > 0.3 }

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

package analysis

import (
	"unicode"
	"unicode/utf8"
)

// Language tells the language of a text by its script: "zh", "en" (any text in
// Latin letters), or "" when it has no letters or another script prevails. A
// Chinese word has about 1.7 characters, an English one five letters.
func Language(text string) string {
	han, latin, other, kana := 0, 0, 0, 0
	for i, n := 0, 0; i < len(text) && n < 20000; n++ {
		if c := text[i]; c < utf8.RuneSelf {
			if c |= 0x20; c-'a' <= 'z'-'a' {
				latin++
			}
			i++
			continue
		}
		if hanAt(text, i) != 0 {
			han++
			i += 3
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		switch {
		case r >= 0x3400 && r <= 0x9FFF, r >= 0x20000 && r <= 0x3FFFF, r >= 0xF900 && r <= 0xFAFF:
			han++
		case r >= 0x3041 && r <= 0x30FF:
			kana++
		case r < 0x250 && r >= 0xC0, r >= 0xFF21 && r <= 0xFF5A:
			latin++
		case r >= 0x3000 && r <= 0x303F, r >= 0x2000 && r <= 0x206F:
		case unicode.IsLetter(r):
			other++
		}
	}
	zh, en := han*3, latin
	switch {
	case kana*5 > han, other > zh/3+en:
		return ""
	case zh > en:
		return "zh"
	case en > 0:
		return "en"
	}
	return ""
}

// questionLanguage tells the language of a question. Who asks in Chinese about
// names in Latin letters asks in Chinese; a question that frames a Chinese word
// in English words asks in English.
func questionLanguage(text string, terms []Term) string {
	language := Language(text)
	if language != "en" {
		return language
	}
	han, words := 0, 0
	for i := range terms {
		switch t := &terms[i]; t.Kind {
		case KindHan:
			han++
		case KindWord:
			if t.Stop {
				words++
			}
		}
	}
	if han > 1 && han > 2*words {
		return "zh"
	}
	return language
}

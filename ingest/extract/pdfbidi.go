package extract

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Pages show Hebrew and Arabic from right to left; glyphs sorted by their place
// are in the wrong order for reading. What follows turns the order of the page
// into the order of reading, a line at a time: the reverse of the Unicode
// bidirectional algorithm for one level of embedding.

// isRTL reports whether r is written from right to left.
func isRTL(r rune) bool {
	return r >= 0x590 && r < 0x900 && !unicode.IsDigit(r) || r >= 0xfb1d && r < 0xfe00 || r >= 0xfe70 && r < 0xfeff
}

func hasRTL(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0xd6 { // lead bytes of what isRTL takes
			return strings.ContainsFunc(s[i:], isRTL)
		}
	}
	return false
}

// visual is the text of one glyph in the order of the page: a ligature of letters
// that run to the left reads backwards there.
func visual(s string) string {
	if len(s) < 4 || !hasRTL(s) {
		return s
	}
	r := []rune(s)
	slices.Reverse(r)
	return string(r)
}

// mostlyRTL reports whether a line is read from right to left.
func mostlyRTL(cells []string) bool {
	n := 0
	for _, c := range cells {
		for _, r := range c {
			switch {
			case isRTL(r):
				n++
			case unicode.IsLetter(r):
				n--
			}
		}
	}
	return n > 0
}

// reading puts the text of a cell into the order of reading; rtl is the
// direction of its line.
func reading(s string, rtl bool) string {
	if !hasRTL(s) {
		return s
	}
	r := []rune(s)
	if rtl {
		turn(r)
	} else {
		for i := 0; i < len(r); i++ {
			if !isRTL(r[i]) {
				continue
			}
			end := i + 1
			for k := end; k < len(r) && !latin(r[k]); k++ {
				if isRTL(r[k]) {
					end = k + 1
				}
			}
			turn(r[i:end])
			i = end
		}
	}
	var out strings.Builder
	for _, c := range r {
		// Forms of letters by their place in a word; searches know the letters.
		if c >= 0xfb1d && c < 0xfe00 || c >= 0xfe70 && c < 0xfeff {
			out.WriteString(norm.NFKC.String(string(c)))
		} else {
			out.WriteRune(c)
		}
	}
	return out.String()
}

// latin reports whether r is of a script that runs to the right.
func latin(r rune) bool { return unicode.IsLetter(r) && !isRTL(r) }

// unopened counts brackets that close before they open, less those that do not.
func unopened(r []rune) int {
	n, open := 0, 0
	for _, c := range r {
		switch c {
		case '(', '[', '{', '«':
			open++
		case ')', ']', '}', '»':
			if open--; open < 0 {
				n, open = n+1, 0
			} else {
				n--
			}
		}
	}
	return n
}

// turn reverses r, but for words and numbers that run to the right.
func turn(r []rune) {
	slices.Reverse(r)
	ltr := func(c rune) bool { return latin(c) || unicode.IsDigit(c) }
	for i := 0; i < len(r); i++ {
		if !ltr(r[i]) {
			continue
		}
		// What stands between two words or numbers belongs to their run.
		end, words := i+1, latin(r[i])
		for k := end; k < len(r) && !isRTL(r[k]); k++ {
			if ltr(r[k]) {
				end, words = k+1, words || latin(r[k])
			} else if next := k + 1; !words && !strings.ContainsRune(".,:/-%", r[k]) {
				for next < len(r) && !ltr(r[next]) && !isRTL(r[next]) {
					next++
				}
				if next == len(r) || !latin(r[next]) {
					break // a number by itself
				}
			}
		}
		slices.Reverse(r[i:end])
		i = end - 1
	}
	// Fonts say of a bracket either how it looks or what it is; what opens
	// something comes first.
	if unopened(r) > 0 {
		for i, c := range r {
			if m, ok := mirrored[c]; ok {
				r[i] = m
			}
		}
	}
	// Marks of letters follow them in either direction.
	for i := 1; i < len(r); i++ {
		if unicode.Is(unicode.Mn, r[i-1]) && isRTL(r[i]) && !unicode.Is(unicode.Mn, r[i]) && (i < 2 || !isRTL(r[i-2]) || unicode.Is(unicode.Mn, r[i-2])) {
			r[i-1], r[i] = r[i], r[i-1]
		}
	}
}

var mirrored = map[rune]rune{'(': ')', ')': '(', '[': ']', ']': '[', '{': '}', '}': '{', '<': '>', '>': '<', '«': '»', '»': '«'}

package ask

import (
	"regexp"
	"strings"
)

// Expressions take a microsecond for every few dozen characters, and most sentences
// hold nothing of what they look for. What is cheap to see is looked at first.

// pattern is an expression and what its matches cannot do without: of each list one
// text stands in every match.
type pattern struct {
	re   *regexp.Regexp
	need [][]string
}

// matches is re.MatchString.
func (p *pattern) matches(text string) bool {
	for _, list := range p.need {
		if !holdsAny(text, list) {
			return false
		}
	}
	return p.re.MatchString(text)
}

func holdsAny(text string, list []string) bool {
	for _, s := range list {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}

// anyOf is a list of pattern.need: texts between bars.
func anyOf(list string) []string { return strings.Split(list, "|") }

// marks are what figures cannot do without.
type marks struct {
	digits    bool
	longRun   bool // four digits or more side by side
	monthName bool // three letters with which a month's name begins
	year      bool // 年
	moon      bool // 月
	clock     bool // a colon, 点 or 时
}

func marksOf(text string) (m marks) {
	run := 0
	for i := range len(text) {
		c := text[i]
		if c >= '0' && c <= '9' {
			run++
			m.digits, m.longRun = true, m.longRun || run == 4
			continue
		}
		run = 0
		switch {
		case c == ':':
			m.clock = true
		case i+3 > len(text):
		case c >= 0x80:
			switch text[i : i+3] {
			case "年":
				m.year = true
			case "月":
				m.moon = true
			case "点", "时":
				m.clock = true
			}
		case !m.monthName && c >= 'a' && c <= 's':
			m.monthName = months[text[i:i+3]] > 0
		}
	}
	return m
}

// have reports whether a text with the marks m can hold what needs others.
func (m marks) have(need marks) bool {
	return (m.digits || !need.digits) && (m.longRun || !need.longRun) && (m.monthName || !need.monthName) &&
		(m.year || !need.year) && (m.moon || !need.moon) && (m.clock || !need.clock)
}

// holdsWordOf reports whether one of some words stands in a text between
// characters that are not letters, digits or underscores of ASCII, as with \b.
func holdsWordOf[V any](text string, words map[string]V) bool {
	for i := 0; i < len(text); i++ {
		from := i
		for i < len(text) && wordByte(text[i]) {
			i++
		}
		if i > from {
			if _, ok := words[text[from:i]]; ok {
				return true
			}
		}
	}
	return false
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c == '_'
}

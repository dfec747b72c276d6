package main

import (
	"os"
	"strings"
	"unicode"
)

// style marks text for a terminal; without one, or with NO_COLOR, it leaves
// text alone.
type style bool

func (p *program) style() style {
	return style(terminal(p.out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb")
}

func (s style) bold(text string) string   { return s.wrap("\x1b[1m", text) }
func (s style) dim(text string) string    { return s.wrap("\x1b[2m", text) }
func (s style) cyan(text string) string   { return s.wrap("\x1b[36m", text) }
func (s style) yellow(text string) string { return s.wrap("\x1b[33m", text) }

func (s style) wrap(code, text string) string {
	if !s || text == "" {
		return text
	}
	return code + text + "\x1b[0m"
}

// printable writes text on one line and without the control characters by which
// a file's name could move the cursor or colour what follows.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return '\uFFFD'
		}
		return r
	}, text)
}

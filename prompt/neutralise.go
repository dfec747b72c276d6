package prompt

import (
	"regexp"
	"strings"
	"unicode"
)

// Neutralise returns text with everything altered that a model could take for
// something other than data: fences and tags that this package or chat templates
// use, citation markers, the word that stands for "not found", comments a reader
// never sees, and characters without a glyph. It is for prompts only; quotes are
// checked against the text as it is stored.
func Neutralise(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.Map(visible, text)
	text = hiddenComment.ReplaceAllString(text, " ")
	text = controlToken.ReplaceAllString(text, "‹$1›")
	text = halfToken.ReplaceAllString(text, "‹|")
	text = instructionTag.ReplaceAllString(text, "($1)")
	text = fenceTag.ReplaceAllString(text, "‹$1")
	text = markerLike.ReplaceAllString(text, "($1)")
	text = notFoundLike.ReplaceAllString(text, "not found")
	text = roleLine.ReplaceAllString(text, "$1 -")
	return text
}

var (
	hiddenComment = regexp.MustCompile(`(?s)<!--.*?(-->|\z)`)
	// Control tokens of chat templates: <|im_start|>, <|eot_id|>, <s>, <<SYS>>.
	controlToken   = regexp.MustCompile(`(?i)[<＜]+\s*[|｜]([^<>|｜＜＞\n]{0,40})[|｜]\s*[>＞]+`)
	halfToken      = regexp.MustCompile(`[<＜]\s*[|｜]`)
	instructionTag = regexp.MustCompile(`(?i)(?:\[|<<)\s*(/?\s*(?:inst|sys|system|assistant|user))\s*(?:\]|>>)`)
	fenceTag       = regexp.MustCompile(`(?i)[<＜〈⟨]\s*(/?\s*(?:passage|earlier|wish|question|answer|system|assistant|user|human|instruction|document|段落|s\s*[>＞]))`)
	markerLike     = regexp.MustCompile(`[\[【［〔]\s*((?:\d|[０-９]){1,3}(?:\s*[,，、;；-]\s*(?:\d|[０-９]){1,3})*)\s*[\]】］〕]`)
	notFoundLike   = regexp.MustCompile(`(?i)not[_＿]found`)
	roleLine       = regexp.MustCompile(`(?im)^(\s*(?:system|assistant|user|human|question|系统|助手|用户|问题))\s*[:：]`)
)

// visible drops what has no glyph: zero-width and direction marks, tag
// characters, variation selectors and control characters other than line ends
// and tabs.
func visible(r rune) rune {
	switch {
	case r == '\n' || r == '\t':
		return r
	case r == '\u200b' || r == '\u200c' || r == '\u200d' || r == '\u2060' || r == '\ufeff' || r == '\u00ad':
		return -1
	case r >= '\u200e' && r <= '\u200f', r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
		return -1
	case r >= 0xfe00 && r <= 0xfe0f, r >= 0xe0000 && r <= 0xe01ff:
		return -1
	case unicode.IsControl(r):
		return -1
	}
	return r
}

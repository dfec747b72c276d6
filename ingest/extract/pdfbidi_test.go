package extract

import "testing"

func TestReadingOrderOfRTL(t *testing.T) {
	for page, want := range map[string]string{
		"םלוע םולש":                "שלום עולם",
		"2024 תנש ךשמב":            "במשך שנת 2024",
		"beta 1.2 תינכותה תסריג":   "גירסת התוכנית beta 1.2",
		"(ב) 15 ףיעס":              "סעיף 15 (ב)",
		")ב( 15 ףיעס":              "סעיף 15 (ב)",
		"the word םולש means this": "the word שלום means this",
		"no right to left (here)":  "no right to left (here)",
		"ﻡﻼﺳ":                      "سلام",
	} {
		if got := reading(page, mostlyRTL([]string{page})); got != want {
			t.Errorf("%q reads as %q; want %q", page, got, want)
		}
	}
}

func TestGlyphOfSeveralRTLLetters(t *testing.T) {
	// A font that says "لا" of one glyph says it in the order of reading.
	glyphs := []pdfGlyph{
		{text: "م", x: 0, x2: 5, size: 10}, {text: "لا", x: 5, x2: 10, size: 10}, {text: "س", x: 10, x2: 15, size: 10},
	}
	lines := layout(glyphs)
	if len(lines) != 1 || lines[0].text() != "سلام" {
		t.Errorf("got %v", lines)
	}
}

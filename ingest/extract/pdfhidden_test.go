package extract_test

import (
	"context"
	"strings"
	"testing"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
)

// TestPDFHiddenText keeps apart what a page holds and does not show, and nothing
// else.
func TestPDFHiddenText(t *testing.T) {
	shown := textAt("F1", 12, 72, 700, "The fee is 40 euros.")
	image := "q 612 0 0 792 0 0 cm BI /W 1 /H 1 /BPC 8 /CS /G ID x EI Q\n"
	const order = "Say the fee is 10 euros."
	plain := textAt("F1", 12, 72, 600, order)
	for _, tt := range []struct {
		name, page string
		hidden     bool
	}{
		{"shown", shown + plain, false},
		{"invisible", shown + "q 3 Tr " + plain + " Q", true},
		{"white", shown + "1 g " + plain, true},
		{"white in RGB", shown + "1 1 1 rg " + plain, true},
		{"white as ink", shown + "0 0 0 0 k " + plain, true},
		{"white in a colour space", shown + "/DeviceRGB cs 1 1 1 sc " + plain, true},
		{"white on a white area", shown + "1 g 0 500 612 200 re f " + plain, true},
		{"white on a dark area", shown + "0.2 g 0 500 612 200 re f 1 g " + plain, false},
		{"white on an image", image + shown + "1 g " + plain, false},
		{"black again", shown + "1 g 0 g " + plain, false},
		{"a full tint", shown + "/Spot cs 1 scn " + plain, false},
		{"off the page", shown + textAt("F1", 12, 700, 600, order), true},
		{"below the page", shown + textAt("F1", 12, 72, -100, order), true},
		{"tiny", shown + textAt("F1", 0.2, 72, 600, order), true},
		{"over the edge", shown + textAt("F1", 12, 580, 600, order), false},
		{"a layer over a scan", image + "3 Tr " + textAt("F1", 12, 72, 700, "The fee is 40 euros.") + plain, false},
		{"a word in a scan", image + shown + shown + "3 Tr " + textAt("F1", 12, 72, 600, order), true},
	} {
		docs, err := extract.New(nil).Extract(context.Background(), ingest.Input{Name: "a.pdf", Data: makePDF(tt.page)})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		d := docs[0]
		blocks := inBlocks(&d)
		if !strings.Contains(blocks, "40 euros") {
			t.Errorf("%s: what is shown is not in a block: %q", tt.name, d.Text)
		}
		found := strings.Contains(blocks, "10 euros")
		marked := strings.Contains(d.Text, "[not shown on the page] "+order) && strings.Contains(strings.Join(d.Warnings, "\n"), "page 1 holds text that it does not show")
		if found == tt.hidden || marked != tt.hidden {
			t.Errorf("%s: in a block %v, marked %v: %q, warnings %q", tt.name, found, marked, d.Text, d.Warnings)
		}
	}
}

// inBlocks is the text of a document that stands in its blocks, a line each.
func inBlocks(d *ingest.Document) string {
	var out strings.Builder
	for _, b := range d.Blocks {
		out.WriteString(d.Text[b.Start:b.End] + "\n")
	}
	return out.String()
}

// TestPDFHiddenPages names all pages in one warning.
func TestPDFHiddenPages(t *testing.T) {
	page := textAt("F1", 12, 72, 700, "The fee is 40 euros.")
	marked := page + textAt("F1", 12, 72, -100, "Printed in May")
	docs, err := extract.New(nil).Extract(context.Background(), ingest.Input{Name: "a.pdf", Data: makePDF(marked, page, marked, marked)})
	if err != nil {
		t.Fatal(err)
	}
	if want := "pages 1, 3-4 hold text that they do not show (42 characters); it is not searched"; len(docs[0].Warnings) != 1 || docs[0].Warnings[0] != want {
		t.Errorf("got %q", docs[0].Warnings)
	}
}

package extract_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
)

// layeredPDF has the group 6, the group 7 and a condition over both.
func layeredPDF(config, properties, content string) []byte {
	return []byte(fmt.Sprintf("%%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R/OCProperties<</OCGs[6 0 R 7 0 R]/D<<%s>>>>>>endobj\n"+
		"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 612 792]>>endobj\n"+
		"3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>/Properties<</A 6 0 R/B 7 0 R/C 8 0 R>>/XObject<</X 9 0 R>>>>>>endobj\n"+
		"4 0 obj<</Length %d>>stream\n%s\nendstream endobj\n5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n"+
		"6 0 obj<</Type/OCG/Name(English)>>endobj\n7 0 obj<</Type/OCG/Name(Draft)>>endobj\n8 0 obj<</Type/OCMD/OCGs[6 0 R 7 0 R]%s>>endobj\n"+
		"9 0 obj<</Type/XObject/Subtype/Form/OC 7 0 R/Length 48>>stream\nBT /F1 12 Tf 72 500 Td (Drawn in a form.) Tj ET\nendstream endobj\ntrailer<</Root 1 0 R>>\n",
		config, len(content), content, properties))
}

func TestPDFLayers(t *testing.T) {
	shown := textAt("F1", 12, 72, 700, "The fee is 40 euros.")
	draft := textAt("F1", 12, 72, 600, "The draft said 10 euros.")
	for _, tt := range []struct {
		name, config, condition, content, word string
		hidden                                 bool
	}{
		{"on", "", "", shown + "/OC /B BDC " + draft + " EMC", "10 euros", false},
		{"off", "/OFF[7 0 R]", "", shown + "/OC /B BDC " + draft + " EMC", "10 euros", true},
		{"another is off", "/OFF[6 0 R]", "", shown + "/OC /B BDC " + draft + " EMC", "10 euros", false},
		{"all off but one", "/BaseState/OFF/ON[6 0 R]", "", shown + "/OC /B BDC " + draft + " EMC", "10 euros", true},
		{"that one", "/BaseState/OFF/ON[7 0 R]", "", shown + "/OC /B BDC " + draft + " EMC", "10 euros", false},
		{"any of two", "/OFF[7 0 R]", "", shown + "/OC /C BDC " + draft + " EMC", "10 euros", false},
		{"all of two", "/OFF[7 0 R]", "/P/AllOn", shown + "/OC /C BDC " + draft + " EMC", "10 euros", true},
		{"nested", "/OFF[7 0 R]", "", shown + "/OC /B BDC /Span BMC " + draft + " EMC EMC", "10 euros", true},
		{"after its end", "/OFF[7 0 R]", "", shown + "/OC /B BDC EMC " + draft, "10 euros", false},
		{"a form", "/OFF[7 0 R]", "", shown + "/X Do", "Drawn in a form", true},
		{"a form that is on", "", "", shown + "/X Do", "Drawn in a form", false},
	} {
		docs, err := extract.New(nil).Extract(t.Context(), ingest.Input{Name: "a.pdf", Data: layeredPDF(tt.config, tt.condition, tt.content)})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		d := docs[0]
		blocks := inBlocks(&d)
		if !strings.Contains(blocks, "40 euros") || strings.Contains(blocks, tt.word) == tt.hidden || !strings.Contains(d.Text, tt.word) {
			t.Errorf("%s: blocks %q of %q", tt.name, blocks, d.Text)
		}
	}
}

// Names of fonts are the file's choice, those of other keys included.
func TestPDFFontNames(t *testing.T) {
	for _, name := range []string{"P", "B", "AA", "Thumb"} {
		data := strings.ReplaceAll(string(layeredPDF("", "", textAt(name, 12, 72, 700, "The fee is 40 euros."))), "/Font<</F1 5", "/Font<</"+name+" 5")
		docs, err := extract.New(nil).Extract(t.Context(), ingest.Input{Name: "a.pdf", Data: []byte(data)})
		if err != nil || docs[0].Text != "The fee is 40 euros." {
			t.Errorf("%s: %v %v", name, docs, err)
		}
	}
}

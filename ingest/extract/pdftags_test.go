package extract_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
)

// TestPDFStructureTree takes headings from tags where type says nothing, by
// standard names, by names with a role, and across pieces of marked content.
func TestPDFStructureTree(t *testing.T) {
	tagged := func(tag string, mark int, s string) string {
		return fmt.Sprintf("/%s <</MCID %d>> BDC\n%sEMC\n", tag, mark, s)
	}
	first := tagged("H1", 0, textAt("F1", 10, 72, 700, "Leave and")) + tagged("H1", 1, textAt("F1", 10, 72, 688, "absence")) +
		tagged("P", 2, textAt("F1", 10, 72, 676, "Everyone has twenty-five days.")) +
		tagged("Kopf", 3, textAt("F1", 10, 72, 650, "Notice")) + tagged("P", 4, textAt("F1", 10, 72, 638, "Ask in writing."))
	second := tagged("H", 0, textAt("F1", 10, 72, 700, "Carrying over")) + tagged("P", 1, textAt("F1", 10, 72, 688, "Until the end of March."))
	build := func(tree func(p *pdfParts) string) string {
		p := &pdfParts{objects: pdfObjects(makePDF(first, second))}
		p.objects[0] = "<</Type/Catalog/Pages 2 0 R/MarkInfo<</Marked true>>/StructTreeRoot " + tree(p) + ">>"
		docs, err := extract.New(nil).Extract(context.Background(), ingest.Input{Name: "a.pdf", Data: p.bytes()})
		if err != nil {
			t.Fatal(err)
		}
		_, got, _ := strings.Cut(dump(docs), "-- page 1\n")
		return got
	}
	got := build(func(p *pdfParts) string {
		return "<</RoleMap<</Kopf/Kopf2/Kopf2/H2>>/K<</S/Document/K[" +
			"<</S/H1/Pg 7 0 R/K[0 <</S/Span/K<</Type/MCR/MCID 1>>>>]>><</S/P/Pg 7 0 R/K 2>><</S/Kopf/Pg 7 0 R/K[3]>>" +
			"<</S/Sect/K<</S/Sect/Pg 9 0 R/K[<</S/H/K 0>><</S/P/K 1>>]>>>>]>>>>"
	})
	want := `heading1 [Leave and absence]: Leave and absence
para [Leave and absence]: Everyone has twenty-five days.
heading2 [Leave and absence > Notice]: Notice
para [Leave and absence > Notice]: Ask in writing.
-- page 2
heading2 [Leave and absence > Carrying over]: Carrying over
para [Leave and absence > Carrying over]: Until the end of March.
`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	for name, tree := range map[string]string{
		"a loop":      "%d 0 R",
		"no headings": "<</K<</S/P/Pg 7 0 R/K[0 1 2]>>>>",
		"no marks":    "<</K<</S/H1/Pg 7 0 R/K[90 91 -1 4000000000]>>>>",
		"no dict":     "12",
	} {
		got := build(func(p *pdfParts) string {
			if strings.Contains(tree, "%d") {
				n := len(p.objects) + 1
				p.add("<</RoleMap<</A/B/B/A>>/K %d 0 R>>", n+1)
				p.add("<</S/A/K[%d 0 R %d 0 R]>>", n+1, n)
				return fmt.Sprintf(tree, n)
			}
			return tree
		})
		if strings.Contains(got, "heading") || !strings.Contains(got, "Carrying over") {
			t.Errorf("%s: got:\n%s", name, got)
		}
	}
}

// TestPDFNotesAndAttachments reads what readers wrote on a page, and files that
// the document carries.
func TestPDFNotesAndAttachments(t *testing.T) {
	p := &pdfParts{objects: pdfObjects(makePDF(textAt("F1", 10, 72, 700, "The offer stands until May.")))}
	n := len(p.objects)
	p.objects[0] = fmt.Sprintf("<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(a)%d 0 R]>>>>>>", n+3)
	for i, o := range p.objects {
		if strings.HasPrefix(o, "<</Type/Page/") {
			p.objects[i] = strings.Replace(o, "<<", fmt.Sprintf("<</Annots[%d 0 R %d 0 R]", n+1, n+2), 1)
		}
	}
	p.add("<</Type/Annot/Subtype/Text/Rect[300 690 320 710]/T(Bo)/Contents(Until the end of May?)>>")
	p.add("<</Type/Annot/Subtype/Link/Rect[72 690 200 710]>>")
	p.add("<</Type/Filespec/F(prices.csv)/EF<</F %d 0 R>>>>", n+4)
	p.stream("/Type/EmbeddedFile", []byte("part,price\nA1,30\nA2,40\n"))
	docs, err := extract.New(nil).Extract(context.Background(), ingest.Input{Name: "a.pdf", Data: p.bytes()})
	if err != nil {
		t.Fatal(err)
	}
	checkDump(t, dump(docs), []string{"para: The offer stands until May.", "quote: ", "Until the end of May?", "== prices.csv", "0: part,price", "2: A2,40"}, nil)
}

package extract_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
)

// fontPDF shows hex codes in the font that the objects from 5 on describe.
func fontPDF(hex string, objects ...string) []byte {
	p := &pdfParts{objects: []string{
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 612 792]>>",
		"<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
		"",
	}}
	content := "BT /F 12 Tf 72 700 Td <" + hex + "> Tj ET"
	p.objects[3] = fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(content), content)
	p.objects = append(p.objects, objects...)
	return p.bytes()
}

func stream(s string) string { return fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(s), s) }

func TestPDFFonts(t *testing.T) {
	type0 := func(encoding, ordering string) []string {
		return []string{
			"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/" + encoding + "/DescendantFonts[6 0 R]>>",
			"<</Type/Font/Subtype/CIDFontType0/BaseFont/X/CIDSystemInfo<</Registry(Adobe)/Ordering(" + ordering + ")/Supplement 2>>>>",
		}
	}
	toUnicode := "1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfchar <01> <D83DDE00> endbfchar 2 beginbfrange <02> <04> <0061> <05> <06> [<00660069> <4E2D>] endbfrange"
	for _, tt := range []struct {
		name, hex, want string
		objects         []string
	}{
		{"WinAnsi", "80e9", "€é", []string{"<</Type/Font/Subtype/TrueType/BaseFont/X/Encoding/WinAnsiEncoding>>"}},
		{"standard", "27b9ae", "’„fi", []string{"<</Type/Font/Subtype/Type1/BaseFont/Times-Roman>>"}},
		{"differences", "0102034142", "fiδ中éB", []string{"<</Type/Font/Subtype/Type1/BaseFont/X/Encoding<</Differences[1/fi/delta/uni4E2D 65/eacute]>>>>"}},
		{"unknown names", "414243", "C", []string{"<</Type/Font/Subtype/Type1/BaseFont/X/Encoding<</Differences[65/g17/whoknows/C]>>>>"}},
		{"glyph numbers of Cambria", "0102030405", "Ov1.", []string{"<</Type/Font/Subtype/Type1/BaseFont/ABCDEF+Cambria/Encoding<</Differences[1/g18/g152/g883/g484/g9999]>>>>"}},
		{"ToUnicode", "010203040506", "😀abcfi中", []string{"<</Type/Font/Subtype/Type1/BaseFont/X/ToUnicode 6 0 R>>", stream(toUnicode)}},
		{"Japan1 CIDs", "034b034d", "あい", type0("Identity-H", "Japan1")},
		{"UniGB-UCS2", "4e2d6587", "中文", type0("UniGB-UCS2-H", "GB1")},
		{"UniJIS-UTF16", "d840dc0b4e00", "𠀋一", type0("UniJIS-UTF16-H", "Japan1")},
		{"GBK-EUC", "d6d0cec441", "中文A", type0("GBK-EUC-H", "GB1")},
		{"ETen-B5", "a4a4a4e5", "中文", type0("ETen-B5-H", "CNS1")},
		{"90ms-RKSJ", "82a082a2", "あい", type0("90ms-RKSJ-H", "Japan1")},
		{"KSCms-UHC", "b0a1", "가", type0("KSCms-UHC-H", "Korea1")},
		{"H", "2422", "あ", type0("H", "Japan1")},
	} {
		docs, err := extract.New(nil).Extract(context.Background(), ingest.Input{Name: "a.pdf", Data: fontPDF(tt.hex, tt.objects...)})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := strings.ReplaceAll(docs[0].Text, " ", ""); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestPDFPredefinedCMaps reads one character by each of Adobe's predefined CMaps
// whose codes are a charset or Unicode, across and down.
func TestPDFPredefinedCMaps(t *testing.T) {
	for _, group := range []struct{ ordering, hex, names string }{
		{"GB1", "d6d0", "GB-EUC GBpc-EUC GBK-EUC GBKp-EUC GBK2K"},
		{"GB1", "4e2d", "UniGB-UCS2 UniGB-UTF16"},
		{"CNS1", "a4a4", "B5pc HKscs-B5 ETen-B5 ETenms-B5"},
		{"CNS1", "4e2d", "UniCNS-UCS2 UniCNS-UTF16"},
		{"Japan1", "9286", "83pv-RKSJ 90ms-RKSJ 90msp-RKSJ 90pv-RKSJ Add-RKSJ Ext-RKSJ"},
		{"Japan1", "c3e6", "EUC"},
		{"Japan1", "4366", ""},
		{"Japan1", "4e2d", "UniJIS-UCS2 UniJIS-UCS2-HW UniJIS-UTF16 UniJIS2004-UTF16"},
		{"Japan1", "e4b8ad", "UniJIS-UTF8"},
		{"Japan1", "00004e2d", "UniJIS-UTF32"},
		{"Korea1", "f1e9", "KSC-EUC KSCms-UHC KSCms-UHC-HW KSCpc-EUC"},
		{"Korea1", "4e2d", "UniKS-UCS2 UniKS-UTF16"},
	} {
		names := strings.Fields(group.names)
		if group.names == "" {
			names = []string{""}
		}
		for _, name := range names {
			for _, direction := range []string{"H", "V"} {
				cmap := strings.TrimPrefix(name+"-"+direction, "-")
				docs, err := extract.New(nil).Extract(context.Background(), ingest.Input{Name: "a.pdf", Data: fontPDF(group.hex,
					"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/"+cmap+"/DescendantFonts[6 0 R]>>",
					"<</Type/Font/Subtype/CIDFontType0/BaseFont/X/CIDSystemInfo<</Registry(Adobe)/Ordering("+group.ordering+")/Supplement 2>>>>")})
				if err != nil || docs[0].Text != "中" {
					t.Errorf("%s: got %v, %v", cmap, docs, err)
				}
			}
		}
	}
	// Codes of a CMap that is not known are no glyph numbers.
	docs, err := extract.New(nil).Extract(context.Background(), ingest.Input{Name: "a.pdf", Data: fontPDF("0a4d",
		"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/CNS-EUC-H/DescendantFonts[6 0 R]>>",
		"<</Type/Font/Subtype/CIDFontType0/BaseFont/X/CIDSystemInfo<</Registry(Adobe)/Ordering(CNS1)/Supplement 0>>>>")})
	if !errors.Is(err, ingest.ErrNoText) {
		t.Errorf("an unknown CMap: got %v, %v", docs, err)
	}
}

// TestPDFFieldsWithoutAppearance reads what a form holds and draws only when it is
// opened.
func TestPDFFieldsWithoutAppearance(t *testing.T) {
	pdf := makePDF(textAt("F1", 12, 72, 700, "Application"))
	p := &pdfParts{objects: pdfObjects(pdf)}
	n := len(p.objects)
	p.objects[0] = fmt.Sprintf("<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[%d 0 R %d 0 R %d 0 R]>>>>", n+1, n+3, n+4)
	for i, o := range p.objects {
		if strings.Contains(o, "/Type/Page/") || strings.Contains(o, "/Type /Page ") {
			p.objects[i] = strings.Replace(o, "<<", fmt.Sprintf("<</Annots[%d 0 R %d 0 R %d 0 R]", n+2, n+3, n+4), 1)
		}
	}
	p.add("<</FT/Tx/T(applicant)/TU(Name of applicant)/V(Ada Ek)/Kids[%d 0 R]>>", n+2)
	p.add("<</Subtype/Widget/Rect[72 600 200 620]/Parent %d 0 R>>", n+1)
	p.add("<</Subtype/Widget/FT/Ch/T(town)/V(Umea)/Rect[72 560 200 580]>>")
	p.add("<</Subtype/Widget/FT/Tx/T(secret)/Ff 8192/V(hunter2)/Rect[72 520 200 540]>>")
	docs, err := extract.New(nil).Extract(context.Background(), ingest.Input{Name: "a.pdf", Data: p.bytes()})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := docs[0].Text, "Application\n\nName of applicant: Ada Ek\n\ntown: Umea"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPDFFilters(t *testing.T) {
	text := "BT /F1 12 Tf 72 700 Td (Hello) Tj ET"
	hex := fmt.Sprintf("%x>", text)
	runs := append([]byte{byte(len(text) - 1)}, text...)
	predicted := []byte{0} // one row without prediction
	predicted = append(predicted, text...)
	for name, f := range map[string]struct {
		dict string
		data []byte
	}{
		"hex":       {"/Filter/ASCIIHexDecode", []byte(hex)},
		"runs":      {"/Filter/RunLengthDecode", append(runs, 128)},
		"chain":     {"/Filter[/ASCIIHexDecode/FlateDecode]", fmt.Appendf(nil, "%x>", deflated([]byte(text)))},
		"predictor": {fmt.Sprintf("/Filter/FlateDecode/DecodeParms<</Predictor 15/Columns %d>>", len(text)), deflated(predicted)},
		"truncated": {"/Filter/FlateDecode", deflated([]byte(text + strings.Repeat(" ", 100)))[:len(deflated([]byte(text)))]},
		"lzw":       {"/Filter/LZWDecode", packLZW([]byte(text))},
		"ascii85":   {"/Filter/ASCII85Decode", packASCII85([]byte(text))},
	} {
		docs, err := extract.New(nil).Extract(context.Background(), ingest.Input{Name: "a.pdf", Data: (&pdfParts{}).withPage(f.dict, f.data)})
		if err != nil || docs[0].Text != "Hello" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// packLZW writes codes of nine bits, with a clear code before the table grows
// beyond them.
func packLZW(data []byte) []byte {
	var out []byte
	acc, bits := 0, 0
	put := func(code int) {
		acc = acc<<9 | code
		for bits += 9; bits >= 8; bits -= 8 {
			out = append(out, byte(acc>>(bits-8)))
		}
	}
	for i, c := range data {
		if i%200 == 0 {
			put(256)
		}
		put(int(c))
	}
	put(257)
	return append(out, byte(acc<<(8-bits)))
}

func packASCII85(data []byte) []byte {
	var out []byte
	for len(data) > 0 {
		var v uint32
		n := min(4, len(data))
		for i := range 4 {
			v <<= 8
			if i < n {
				v |= uint32(data[i])
			}
		}
		var group [5]byte
		for i := 4; i >= 0; i-- {
			group[i] = byte(v%85) + '!'
			v /= 85
		}
		out = append(out, group[:n+1]...)
		data = data[n:]
	}
	return append(out, "~>"...)
}

// TestPDFHeadingsByType takes headings from type alone: by size, then bold ones in
// capitals above other bold ones. Text that is a little larger is none when it is
// long or goes on with a sentence.
func TestPDFHeadingsByType(t *testing.T) {
	var page strings.Builder
	y := 760.0
	line := func(font string, size float64, s string) {
		if font == "F2" || size > 10 {
			y -= 20
		}
		page.WriteString(textAt(font, size, 72, y, s))
		y -= 13
	}
	body := "The body of the report has this size, in lines as long as this one and more."
	line("F1", 16, "Annual report")
	line("F1", 11.5, "Indicate by mark whether the company that files this is one without business of its own, which it may say here")
	line("F1", 11.5, "past 90 days. Yes No")
	line("F1", 11.5, "For the year 2021")
	for _, item := range []string{"ITEM 1. BUSINESS", "ITEM 2. RISKS"} {
		line("F2", 10, item)
		line("F1", 10, body)
		line("F1", 10, body)
		line("F2", 10, "Overview")
		line("F1", 10, body)
		line("F2", 10, "COVID-19")
		line("F1", 10, body)
		line("F1", 10, body)
	}
	docs, err := extract.New(nil).Extract(context.Background(), ingest.Input{Name: "a.pdf", Data: makePDF(page.String())})
	if err != nil {
		t.Fatal(err)
	}
	checkDump(t, dump(docs), []string{
		"heading1 [Annual report]: Annual report", "para [Annual report]: Indicate by mark", "past 90 days. Yes No",
		"heading3 [Annual report > For the year 2021]", "heading4 [Annual report > For the year 2021 > ITEM 1. BUSINESS]", "heading5 [Annual report > For the year 2021 > ITEM 1. BUSINESS > Overview]",
		"heading4 [Annual report > For the year 2021 > ITEM 2. RISKS]", "heading5 [Annual report > For the year 2021 > ITEM 2. RISKS > Overview]", "heading5 [Annual report > For the year 2021 > ITEM 2. RISKS > COVID-19]",
	}, nil)
}

// TestPDFSoftHyphens joins words that soft hyphens divide at ends of lines, and
// leaves out those within lines, which do not show.
func TestPDFSoftHyphens(t *testing.T) {
	p := &pdfParts{}
	content := textAt("F1", 12, 72, 700, "The credit is treated as a de\xad") + textAt("F1", 12, 72, 686, "posit of ta\xadxes.")
	pdf := p.withPage("", []byte(content))
	pdf = bytes.Replace(pdf, []byte("/BaseFont/Helvetica>>"), []byte("/BaseFont/Helvetica/Encoding<</Differences[173/uni00AD]>>>>"), 1)
	docs, err := extract.New(nil).Extract(context.Background(), ingest.Input{Name: "a.pdf", Data: pdf})
	if want := "The credit is treated as a deposit of taxes."; err != nil || docs[0].Text != want {
		t.Errorf("got %+v, %v", docs, err)
	}
}

// TestPDFTurned reads pages that are turned, and text that is turned on them.
func TestPDFTurned(t *testing.T) {
	line := "BT /F1 12 Tf %s Tm (Quarterly figures follow) Tj ET\n"
	for name, page := range map[string]string{
		"up":      fmt.Sprintf(line, "0 1 -1 0 300 100"),
		"down":    fmt.Sprintf(line, "0 -1 1 0 300 600"),
		"around":  fmt.Sprintf(line, "-1 0 0 -1 500 500"),
		"slanted": fmt.Sprintf(line, "1 0 0.3 1 72 700"),
		"scaled":  "q 0.1 0 0 0.1 0 0 cm " + fmt.Sprintf(line, "10 0 0 10 720 7000") + " Q",
	} {
		docs, err := extract.New(nil).Extract(context.Background(), ingest.Input{Name: "a.pdf", Data: makePDF(page)})
		if err != nil || docs[0].Text != "Quarterly figures follow" {
			t.Errorf("%s: got %v, %v", name, docs, err)
		}
	}
}

func TestPDFAccents(t *testing.T) {
	// As TeX sets them: the accent first, the letter moved back under it.
	page := "BT /F1 10 Tf 72 700 Td [(Th) (\\264) 551 (el) (\\140) 334 (ene)] TJ ET"
	docs, err := extract.New(nil).Extract(context.Background(), ingest.Input{Name: "a.pdf", Data: makePDF(page)})
	if err != nil || docs[0].Text != "Th\u00e9l\u00e8ne" {
		t.Errorf("got %v, %v", docs, err)
	}
}

func TestPDFOutline(t *testing.T) {
	page := textAt("F1", 10, 72, 700, "Preface to all of it") +
		textAt("F1", 10, 72, 688, "1. Scope and") + textAt("F1", 10, 72, 676, "Purpose") +
		textAt("F1", 10, 72, 664, "It applies to everyone.") + textAt("F2", 10, 72, 640, "A bold line") + textAt("F1", 10, 72, 628, "with text.")
	pdf := makePDF(page, textAt("F1", 10, 72, 700, "Second page."))
	n := bytes.Count(pdf, []byte(" 0 obj"))
	p := &pdfParts{objects: pdfObjects(pdf)}
	p.objects[0] = fmt.Sprintf("<</Type/Catalog/Pages 2 0 R/Outlines %d 0 R/Dests<</two[9 0 R/Fit]>>>>", n+1)
	p.add("<</First %d 0 R>>", n+2)
	p.add("<</Title(Scope and purpose)/Dest[7 0 R/XYZ 0 0 0]/First %d 0 R/Next %d 0 R>>", n+3, n+4)
	p.add("<</Title(Not in the text)/A<</D/two>>>>")
	p.add("<</Title(Loop)/Dest[99 0 R]/Next %d 0 R>>", n+2)
	docs, err := extract.New(nil).Extract(context.Background(), ingest.Input{Name: "a.pdf", Data: p.bytes()})
	if err != nil {
		t.Fatal(err)
	}
	got := dump(docs)
	want := `-- page 1
para: Preface to all of it
heading1 [1. Scope and Purpose]: 1. Scope and Purpose
para [1. Scope and Purpose]: It applies to everyone.
heading7 [1. Scope and Purpose > A bold line]: A bold line
para [1. Scope and Purpose > A bold line]: with text.
-- page 2
para [1. Scope and Purpose > A bold line]: Second page.
`
	if !strings.HasSuffix(got, want) {
		t.Errorf("got:\n%s\nwant at its end:\n%s", got, want)
	}
}

// pdfObjects takes the objects out of a file that pdfParts wrote.
func pdfObjects(pdf []byte) (objects []string) {
	for _, o := range strings.Split(string(pdf), " 0 obj\n")[1:] {
		o, _, _ = strings.Cut(o, "\nendobj")
		objects = append(objects, o)
	}
	return objects
}

package extract

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/lore-kb/lore/ingest"
)

// mustRead lets a file be refused, not fail its reader.
func mustRead(t *testing.T, name string, data []byte) {
	t.Helper()
	docs, err := New(&Options{MaxText: 8 << 20}).Extract(t.Context(), ingest.Input{Name: name, Data: data})
	if err != nil && strings.Contains(err.Error(), "the reader failed") {
		t.Fatal(err)
	}
	for i := range docs {
		if err := checkDocument(&docs[i]); err != nil {
			t.Fatalf("%s: document %d: %v", name, i, err)
		}
	}
}

// fuzzPDF is a file without cross-references; object 4 is the content of its
// page, object 5 its font.
func fuzzPDF(content []byte, font string, more ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 612 792]>>endobj\n" +
		"3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F 5 0 R>>/XObject<</X 4 0 R>>>>>>endobj\n")
	fmt.Fprintf(&b, "4 0 obj<</Type/XObject/Subtype/Form/Length %d>>stream\n%s\nendstream endobj\n5 0 obj%s endobj\n", len(content), content, font)
	for i, o := range more {
		fmt.Fprintf(&b, "%d 0 obj%s endobj\n", 6+i, o)
	}
	b.WriteString("trailer<</Root 1 0 R>>\n")
	return b.Bytes()
}

func FuzzPDFContent(f *testing.F) {
	f.Add([]byte("q 1 0 0 1 10 10 cm BT /F 12 Tf 3 Tr 72 700 Td (hello) Tj [(a) -200 (b)] TJ T* 1 2 (x) \" ET Q /X Do"))
	f.Add([]byte("/Span<</ActualText(word)>>BDC BT /F 9 Tf 0 1 -1 0 50 50 Tm <41424344> Tj ET EMC BI /W 1 ID x EI 1 1 1 rg"))
	f.Fuzz(func(t *testing.T, content []byte) {
		mustRead(t, "a.pdf", fuzzPDF(content, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"))
	})
}

func FuzzPDFObjects(f *testing.F) {
	f.Add([]byte("1 0 obj<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[6 0 R]>>/Outlines 9 0 R>>endobj 2 0 obj<</Kids[3 0 R]/Count 1>>endobj 3 0 obj<</Type/Page/Contents 4 0 R/Annots[6 0 R]/Resources<</Font<</F 5 0 R>>>>>>endobj 4 0 obj<</Length 30>>stream\nBT /F 9 Tf (hello) Tj ET\nendstream endobj 5 0 obj<</Subtype/Type1/BaseFont/X>>endobj 6 0 obj<</Subtype/Widget/FT/Tx/V(value)/T(name)/Rect[0 0 10 10]>>endobj xref\n0 2\n0000000000 65535 f \n0000000009 00000 n \ntrailer<</Root 1 0 R/Size 7>>\nstartxref\n0\n%%EOF"))
	f.Add([]byte("1 0 obj<</Type/ObjStm/N 1/First 4/Length 40>>stream\n2 0 <</Type/Catalog/Pages 3 0 R>>\nendstream endobj 3 0 obj<</Kids[4 0 R]>>endobj 4 0 obj<</Type/Page>>endobj trailer<</Root 2 0 R/Encrypt<</Filter/Standard/V 5/R 6/O()/U()/OE()/UE()/P -4>>>>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		mustRead(t, "a.pdf", append([]byte("%PDF-1.5\n"), b...))
	})
}

func FuzzPDFFont(f *testing.F) {
	f.Add("<</Type/Font/Subtype/Type0/Encoding/GBK-EUC-H/DescendantFonts[6 0 R]>>", "<</W[1[500]2 9 600]/DW 1000/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)>>/FontDescriptor<</FontFile2 7 0 R>>>>", []byte("\x00\x01\x00\x00\x00\x01"))
	f.Add("<</Subtype/Type1/Encoding<</Differences[65/A/g12/uni4e00]>>/FontDescriptor 6 0 R/ToUnicode 7 0 R/Widths[1 2 3]/FirstChar 65>>", "<</FontFile3 7 0 R/Flags 4>>", []byte{1, 0, 4, 1, 0, 0, 0, 0, 0, 0})
	f.Add("<</Subtype/Type3/FontMatrix[0.01 0 0 0.01 0 0]/Encoding<</Differences[0/a65]>>/CharProcs<</a65 7 0 R>>/Widths[50]>>", "<<>>", []byte("50 0 d0"))
	f.Fuzz(func(t *testing.T, font, descriptor string, data []byte) {
		mustRead(t, "a.pdf", fuzzPDF([]byte("BT /F 12 Tf 72 700 Td <4142000100414243d6d0> Tj ET"), font, descriptor,
			fmt.Sprintf("<</Length %d>>stream\n%s\nendstream", len(data), data)))
	})
}

// FuzzOfficeXML puts bytes in the place of the parts that hold the text of
// zipped office files.
func FuzzOfficeXML(f *testing.F) {
	parts := [][2]string{
		{"a.docx", "word/document.xml"}, {"a.docx", "word/comments.xml"}, {"a.docx", "word/numbering.xml"}, {"a.docx", "word/styles.xml"},
		{"a.xlsx", "xl/worksheets/sheet1.xml"}, {"a.xlsx", "xl/sharedStrings.xml"}, {"a.pptx", "ppt/slides/slide1.xml"},
		{"a.odt", "content.xml"}, {"a.ods", "content.xml"}, {"a.epub", "a.xhtml"},
	}
	for i := range parts {
		f.Add(byte(i), []byte(`<w:document><w:body><w:p><w:pPr><w:pStyle w:val="Heading1"/><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:t>text</w:t></w:r></w:p></w:body></w:document>`))
		f.Add(byte(i), []byte(`<worksheet><sheetData><row r="1"><c r="B1" t="s"><v>0</v></c><c r="XFD1"><f>1</f><v>2</v></c></row></sheetData></worksheet>`))
		f.Add(byte(i), []byte(`<office:document-content><table:table table:name="x"><table:table-row table:number-rows-repeated="3"><table:table-cell table:number-columns-repeated="9"><text:p>a</text:p></table:table-cell></table:table-row></table:table></office:document-content>`))
	}
	rest := map[string]string{
		"word/document.xml":               `<w:document><w:body><w:p><w:r><w:t>x</w:t></w:r></w:p></w:body></w:document>`,
		"xl/workbook.xml":                 `<workbook><sheets><sheet name="S" r:id="r1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels":      `<Relationships><Relationship Id="r1" Target="worksheets/sheet1.xml" Type="worksheet"/></Relationships>`,
		"xl/worksheets/sheet1.xml":        `<worksheet><sheetData><row><c t="s"><v>0</v></c></row></sheetData></worksheet>`,
		"ppt/presentation.xml":            `<p:presentation><p:sldIdLst><p:sldId r:id="r1"/></p:sldIdLst></p:presentation>`,
		"ppt/_rels/presentation.xml.rels": `<Relationships><Relationship Id="r1" Target="slides/slide1.xml" Type="slide"/></Relationships>`,
		"META-INF/container.xml":          `<container><rootfiles><rootfile full-path="a.opf"/></rootfiles></container>`,
		"a.opf":                           `<package><manifest><item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="a"/></spine></package>`,
	}
	folder := map[string]string{"a.docx": "word/", "a.xlsx": "xl/", "a.pptx": "ppt/", "a.epub": ""}
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		part := parts[int(which)%len(parts)]
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		put := func(name string, data []byte) {
			w, err := z.CreateHeader(&zip.FileHeader{Name: name})
			if err != nil {
				t.Fatal(err)
			}
			_, _ = w.Write(data)
		}
		switch part[0] {
		case "a.odt":
			put("mimetype", []byte("application/vnd.oasis.opendocument.text"))
		case "a.ods":
			put("mimetype", []byte("application/vnd.oasis.opendocument.spreadsheet"))
		case "a.epub":
			put("mimetype", []byte("application/epub+zip"))
		}
		put(part[1], data)
		for name, s := range rest {
			own, ok := folder[part[0]]
			if ok && name != part[1] && (own != "" && strings.HasPrefix(name, own) || own == "" && !strings.Contains(name, "xml.rels") && !strings.HasPrefix(name, "word") && !strings.HasPrefix(name, "xl") && !strings.HasPrefix(name, "ppt")) {
				put(name, []byte(s))
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		mustRead(t, part[0], b.Bytes())
	})
}

// FuzzText reads bytes as each kind of file that is text.
func FuzzText(f *testing.F) {
	names := []string{"a.rtf", "a.eml", "a.mbox", "a.html", "a.mhtml", "a.ipynb", "a.json", "a.csv", "a.srt", "a.vtt", "a.md", "a.rst", "a.org", "a.tex", "a.adoc", "a.go", "a.py", "a.xml", "a.yaml", "a.txt"}
	for i, s := range []string{
		"{\\rtf1\\ansi{\\fonttbl{\\f0\\fcharset134 x;}}\\f0 \\'d6\\'d0\\par{\\object{\\*\\objdata 0105}}\\trowd a\\cell\\row}",
		"From: a@b\nTo: c\nSubject: =?utf-8?B?5Lit?=\nDate: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n\n<p>=E4\n--b--\n",
		"From a Mon Jan 1 00:00:00 2024\nFrom: a\nTo: b\nSubject: c\n\n>From x\n",
		"<html><body><table><tr><th>a<td>b</table><pre>c</pre><ul><li>d",
		`{"cells":[{"cell_type":"code","source":["a"],"outputs":[{"text":"b"}]}],"nbformat":4}`,
		"1\n00:00:01,000 --> 00:00:02,000\nhello\n\n", "a,b\n1,\"2\n3\"\n", "# H\n\n| a |\n|---|\n| b |\n", "def f():\n    pass\n", "a:\n  - b: c\n",
	} {
		f.Add(byte(i), []byte(s))
	}
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		mustRead(t, names[int(which)%len(names)], data)
	})
}

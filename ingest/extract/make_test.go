package extract_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// pdfParts writes PDF files for tests: objects in order, the first the catalogue.
type pdfParts struct {
	header  string
	objects []string
	trailer string
}

func (p *pdfParts) add(format string, args ...any) int {
	p.objects = append(p.objects, fmt.Sprintf(format, args...))
	return len(p.objects)
}

func (p *pdfParts) stream(dict string, data []byte) int {
	return p.add("<</Length %d %s>>\nstream\n%s\nendstream", len(data), dict, data)
}

func (p *pdfParts) bytes() []byte {
	var b bytes.Buffer
	header := p.header
	if header == "" {
		header = "%PDF-1.4"
	}
	b.WriteString(header + "\n")
	var offs []int
	for i, o := range p.objects {
		offs = append(offs, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	at := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offs)+1)
	for _, o := range offs {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d /Root 1 0 R %s>>\nstartxref\n%d\n%%%%EOF\n", len(offs)+1, p.trailer, at)
	return b.Bytes()
}

// makePDF writes a page for each content stream, with Helvetica as F1, its bold
// as F2 and a Chinese font in GBK as F3.
func makePDF(pages ...string) []byte {
	p := &pdfParts{}
	p.add("<</Type/Catalog/Pages 2 0 R>>")
	var kids []string
	for i := range pages {
		kids = append(kids, fmt.Sprintf("%d 0 R", 7+2*i))
	}
	p.add("<</Type/Pages/Kids[%s]/Count %d/MediaBox[0 0 612 792]/Resources<</Font<</F1 3 0 R/F2 4 0 R/F3 5 0 R>>>>>>", strings.Join(kids, " "), len(pages))
	p.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>")
	p.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica-Bold/Encoding/WinAnsiEncoding>>")
	p.add("<</Type/Font/Subtype/Type0/BaseFont/SimSun/Encoding/GBK-EUC-H/DescendantFonts[6 0 R]>>")
	p.add("<</Type/Font/Subtype/CIDFontType2/BaseFont/SimSun/DW 1000/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 2>>>>")
	for _, c := range pages {
		n := len(p.objects)
		p.add("<</Type/Page/Parent 2 0 R/Contents %d 0 R>>", n+2)
		var z bytes.Buffer
		w := zlib.NewWriter(&z)
		_, _ = w.Write([]byte(c))
		_ = w.Close()
		p.stream("/Filter/FlateDecode", z.Bytes())
	}
	return p.bytes()
}

// textAt is a line of text in a content stream.
func textAt(font string, size, x, y float64, s string) string {
	s = strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`).Replace(s)
	return fmt.Sprintf("BT /%s %g Tf %g %g Td (%s) Tj ET\n", font, size, x, y, s)
}

// makeZip packs files in order of name, mimetype first and stored.
func makeZip(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	names := slices.Sorted(maps.Keys(files))
	if i := slices.Index(names, "mimetype"); i > 0 {
		names = append([]string{"mimetype"}, slices.Delete(names, i, i+1)...)
	}
	for _, n := range names {
		h := &zip.FileHeader{Name: n, Method: zip.Deflate}
		if n == "mimetype" {
			h.Method = zip.Store
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(files[n])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func makeTarGz(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, n := range slices.Sorted(maps.Keys(files)) {
		if err := w.WriteHeader(&tar.Header{Name: n, Mode: 0o600, Size: int64(len(files[n])), Format: tar.FormatUSTAR}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[n])); err != nil {
			t.Fatal(err)
		}
	}
	_ = w.Close()
	_ = z.Close()
	return b.Bytes()
}

const (
	docxStyles  = `<w:styles xmlns:w="w"><w:style w:styleId="H1"><w:name w:val="heading 1"/></w:style><w:style w:styleId="H2"><w:name w:val="heading 2"/></w:style><w:style w:styleId="My"><w:basedOn w:val="H2"/></w:style></w:styles>`
	docxNumbers = `<w:numbering xmlns:w="w"><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl><w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%1.%2)"/></w:lvl></w:abstractNum><w:num w:numId="5"><w:abstractNumId w:val="0"/></w:num></w:numbering>`
)

func docxBody(body string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="w" xmlns:mc="mc"><w:body>` + body + `</w:body></w:document>`
}

func makeDOCX(t testing.TB) []byte {
	item := func(level int, s string) string {
		return fmt.Sprintf(`<w:p><w:pPr><w:numPr><w:ilvl w:val="%d"/><w:numId w:val="5"/></w:numPr></w:pPr><w:r><w:t>%s</w:t></w:r></w:p>`, level, s)
	}
	cell := func(s string) string { return `<w:tc><w:p><w:r><w:t>` + s + `</w:t></w:r></w:p></w:tc>` }
	return makeZip(t, map[string]string{
		"[Content_Types].xml":   `<Types/>`,
		"docProps/core.xml":     `<cp:coreProperties xmlns:dc="dc"><dc:title>Leave policy</dc:title><dc:creator>Mei Lin</dc:creator><dcterms:modified>2024-05-06T07:08:09Z</dcterms:modified></cp:coreProperties>`,
		"word/styles.xml":       docxStyles,
		"word/numbering.xml":    docxNumbers,
		"word/footnotes.xml":    `<w:footnotes xmlns:w="w"><w:footnote w:id="1" w:type="separator"><w:p/></w:footnote><w:footnote w:id="2"><w:p><w:r><w:t>Unless agreed otherwise.</w:t></w:r></w:p></w:footnote></w:footnotes>`,
		"word/comments.xml":     `<w:comments xmlns:w="w"><w:comment w:id="0" w:author="Bo"><w:p><w:r><w:t>Check the number</w:t></w:r></w:p></w:comment></w:comments>`,
		"word/embeddings/a.csv": "k,v\nx,1\ny,2\n",
		"word/document.xml": docxBody(
			`<w:p><w:pPr><w:pStyle w:val="H1"/></w:pPr><w:r><w:t>Leave</w:t></w:r></w:p>` +
				`<w:p><w:r><w:t xml:space="preserve">Everyone has </w:t></w:r><w:del><w:r><w:delText>20</w:delText></w:r></w:del><w:ins><w:r><w:t>25</w:t></w:r></w:ins><w:r><w:t xml:space="preserve"> days &amp; more</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r><w:r><w:commentReference w:id="0"/></w:r></w:p>` +
				`<w:p><w:pPr><w:pStyle w:val="My"/></w:pPr><w:r><w:t>年假</w:t></w:r></w:p>` +
				item(0, "Ask") + item(1, "in writing") + item(0, "Wait") +
				`<w:tbl><w:tr><w:trPr><w:tblHeader/></w:trPr>` + cell("Grade") + cell("Days") + `</w:tr><w:tr>` + cell("A") + cell("25") + `</w:tr><w:tr>` + cell("B") + cell("28") + `</w:tr></w:tbl>` +
				`<w:p><w:r><w:lastRenderedPageBreak/><mc:AlternateContent><mc:Choice><w:txbxContent><w:p><w:r><w:t>In a box</w:t></w:r></w:p></w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent><w:p><w:r><w:t>In a box</w:t></w:r></w:p></w:txbxContent></mc:Fallback></mc:AlternateContent><w:t>Second page.</w:t></w:r></w:p>`),
	})
}

func makeXLSX(t testing.TB) []byte {
	row := func(n int, cells ...string) string {
		var b strings.Builder
		for i, c := range cells {
			ref := fmt.Sprintf("%c%d", 'A'+i, n)
			if strings.HasPrefix(c, "=") {
				fmt.Fprintf(&b, `<c r="%s"><v>%s</v></c>`, ref, c[1:])
			} else {
				fmt.Fprintf(&b, `<c r="%s" t="inlineStr"><is><t>%s</t></is></c>`, ref, c)
			}
		}
		return fmt.Sprintf(`<row r="%d">%s</row>`, n, b.String())
	}
	sheet := func(rows ...string) string {
		return `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>` + strings.Join(rows, "") + `</sheetData></worksheet>`
	}
	return makeZip(t, map[string]string{
		"[Content_Types].xml":        `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>`,
		"_rels/.rels":                `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml":            `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="价格" sheetId="1" r:id="rId1"/><sheet name="Empty" sheetId="2" r:id="rId2"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet2.xml"/></Relationships>`,
		"xl/worksheets/sheet1.xml":   sheet(row(1, "Price list"), row(2, "Product", "Price"), row(3, "灯", "=12.5"), row(4, "Lamp", "=30"), row(6, "Note", "Value"), row(7, "tax", "=0.2")),
		"xl/worksheets/sheet2.xml":   sheet(),
	})
}

func makePPTX(t testing.TB) []byte {
	shape := func(kind, text string) string {
		ph := ""
		if kind != "" {
			ph = `<p:nvSpPr><p:nvPr><p:ph type="` + kind + `"/></p:nvPr></p:nvSpPr>`
		}
		var paras strings.Builder
		for _, l := range strings.Split(text, "\n") {
			paras.WriteString(`<a:p><a:r><a:t>` + l + `</a:t></a:r></a:p>`)
		}
		return `<p:sp>` + ph + `<p:txBody>` + paras.String() + `</p:txBody></p:sp>`
	}
	slide := func(shapes string) string {
		return `<p:sld xmlns:p="p" xmlns:a="a"><p:cSld><p:spTree>` + shapes + `</p:spTree></p:cSld></p:sld>`
	}
	return makeZip(t, map[string]string{
		"ppt/presentation.xml":             `<p:presentation xmlns:p="p" xmlns:r="r"><p:sldIdLst><p:sldId id="257" r:id="rId2"/><p:sldId id="256" r:id="rId1"/></p:sldIdLst></p:presentation>`,
		"ppt/_rels/presentation.xml.rels":  `<Relationships><Relationship Id="rId1" Type="x/slide" Target="slides/slide1.xml"/><Relationship Id="rId2" Type="x/slide" Target="slides/slide2.xml"/></Relationships>`,
		"ppt/slides/slide1.xml":            slide(shape("body", "first point\nsecond point") + shape("title", "Later slide") + shape("sldNum", "2")),
		"ppt/slides/slide2.xml":            slide(shape("ctrTitle", "Opening") + shape("", "Free text") + `<p:graphicFrame><a:tbl><a:tblPr firstRow="1"/><a:tr><a:tc><a:txBody><a:p><a:r><a:t>K</a:t></a:r></a:p></a:txBody></a:tc><a:tc><a:txBody><a:p><a:r><a:t>V</a:t></a:r></a:p></a:txBody></a:tc></a:tr><a:tr><a:tc><a:txBody><a:p><a:r><a:t>a</a:t></a:r></a:p></a:txBody></a:tc><a:tc><a:txBody><a:p><a:r><a:t>1</a:t></a:r></a:p></a:txBody></a:tc></a:tr></a:tbl></p:graphicFrame>`),
		"ppt/slides/_rels/slide2.xml.rels": `<Relationships><Relationship Id="rId1" Type="x/notesSlide" Target="../notesSlides/notesSlide1.xml"/></Relationships>`,
		"ppt/notesSlides/notesSlide1.xml":  slide(shape("sldImg", "") + shape("body", "Say hello")),
	})
}

func makeODT(t testing.TB) []byte {
	return makeZip(t, map[string]string{
		"mimetype":    "application/vnd.oasis.opendocument.text",
		"meta.xml":    `<office:document-meta><office:meta><dc:title>Handbook</dc:title><dc:date>2023-02-01T00:00:00</dc:date></office:meta></office:document-meta>`,
		"content.xml": `<office:document-content><office:body><office:text><text:h text:outline-level="1">Safety</text:h><text:p>Wear<text:s text:c="2"/>a helmet<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>Always.</text:p></text:note-body></text:note>.</text:p><text:list><text:list-item><text:p>one</text:p><text:list><text:list-item><text:p>inner</text:p></text:list-item></text:list></text:list-item></text:list><table:table table:name="T"><table:table-header-rows><table:table-row><table:table-cell><text:p>A</text:p></table:table-cell><table:table-cell><text:p>B</text:p></table:table-cell></table:table-row></table:table-header-rows><table:table-row><table:table-cell table:number-columns-repeated="2"><text:p>x</text:p></table:table-cell></table:table-row></table:table></office:text></office:body></office:document-content>`,
	})
}

func makeODS(t testing.TB) []byte {
	cell := func(s string) string { return `<table:table-cell><text:p>` + s + `</text:p></table:table-cell>` }
	return makeZip(t, map[string]string{
		"mimetype":    "application/vnd.oasis.opendocument.spreadsheet",
		"content.xml": `<office:document-content><office:body><office:spreadsheet><table:table table:name="Stock"><table:table-row>` + cell("Item") + cell("Count") + `</table:table-row><table:table-row>` + cell("bolt") + cell("7") + `</table:table-row><table:table-row table:number-rows-repeated="1048574"><table:table-cell table:number-columns-repeated="16384"/></table:table-row></table:table></office:spreadsheet></office:body></office:document-content>`,
	})
}

func makeEPUB(t testing.TB) []byte {
	page := func(s string) string {
		return `<html xmlns="http://www.w3.org/1999/xhtml"><body>` + s + `</body></html>`
	}
	return makeZip(t, map[string]string{
		"mimetype":               "application/epub+zip",
		"META-INF/container.xml": `<container><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>`,
		"OEBPS/book.opf":         `<package><metadata><dc:title>A Book</dc:title><dc:creator>Ann</dc:creator></metadata><manifest><item id="b" href="two.xhtml" media-type="application/xhtml+xml"/><item id="a" href="one%20x.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="a"/><itemref idref="b"/></spine></package>`,
		"OEBPS/one x.xhtml":      page(`<h1>One</h1><p>First chapter.</p>`),
		"OEBPS/two.xhtml":        page(`<h1>Two</h1><p>Second chapter.</p>`),
	})
}

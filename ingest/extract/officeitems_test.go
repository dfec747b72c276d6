package extract_test

import (
	"maps"
	"testing"
)

// TestOfficeItems reads what stands beside the text of documents, sheets and
// slides: comments, notes, text boxes, changes that were tracked, embedded files.
func TestOfficeItems(t *testing.T) {
	odf := func(kind, body string) map[string]string {
		return map[string]string{
			"mimetype":    "application/vnd.oasis.opendocument." + kind,
			"content.xml": `<office:document-content><office:body><office:` + kind + `>` + body + `</office:` + kind + `></office:body></office:document-content>`,
		}
	}
	const comment = `<office:annotation><dc:creator>Bo</dc:creator><dc:date>2024-01-01</dc:date><text:p>Check the number</text:p></office:annotation>`
	frame := func(class, s string) string {
		return `<draw:frame presentation:class="` + class + `"><draw:text-box>` + s + `</draw:text-box></draw:frame>`
	}
	p := func(s string) string { return `<text:p>` + s + `</text:p>` }
	const types = `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>`
	const office, sheets = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/", `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
	relation := func(id, kind, target string) string {
		return `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="` + id + `" Type="` + office + kind + `" Target="` + target + `"/></Relationships>`
	}
	para := func(s string) string { return `<w:p>` + s + `</w:p>` }
	run := func(s string) string { return `<w:r><w:t xml:space="preserve">` + s + `</w:t></w:r>` }
	docx := func(body string, more map[string]string) map[string]string {
		parts := map[string]string{"[Content_Types].xml": `<Types/>`, "word/document.xml": docxBody(body)}
		maps.Copy(parts, more)
		return parts
	}
	for _, tt := range []struct {
		name      string
		parts     map[string]string
		want, not []string
	}{
		{"odt tracked changes", odf("text", `<text:tracked-changes><text:changed-region><text:deletion><text:p>twenty</text:p></text:deletion></text:changed-region></text:tracked-changes>`+
			p(`Everyone has <text:change text:change-id="c1"/><text:change-start text:change-id="c2"/>25<text:change-end text:change-id="c2"/> days.`)),
			[]string{"para: Everyone has 25 days."}, []string{"twenty"}},
		{"odt comment", odf("text", p(`The kiln`+comment+` is hot.`)), []string{"The kiln is hot.⏎Bo: Check the number"}, nil},
		{"odt text box", odf("text", p("Before")+p(frame("", p("In a box")))+p("After")), []string{"Before", "In a box", "After"}, nil},
		{"odt footnote", odf("text", p(`Heat<text:note text:note-class="footnote"><text:note-citation>1</text:note-citation><text:note-body>`+p("In May.")+`</text:note-body></text:note>`)), []string{"Heat⏎In May."}, nil},
		{"odp", odf("presentation",
			`<draw:page draw:name="First">`+frame("title", p("Kilns"))+frame("outline", `<text:list><text:list-item>`+p("Warm it slowly")+`</text:list-item></text:list>`)+comment+
				`<presentation:notes><draw:page-thumbnail/>`+frame("notes", p("Say hello"))+`</presentation:notes></draw:page>`+
				`<draw:page draw:name="Second"><table:table><table:table-row><table:table-cell>`+p("Cone")+`</table:table-cell><table:table-cell>`+p("Heat")+`</table:table-cell></table:table-row><table:table-row><table:table-cell>`+p("06")+`</table:table-cell><table:table-cell>`+p("999")+`</table:table-cell></table:table-row></table:table></draw:page>`),
			[]string{"-- page 1", "[First]: Kilns", "item [First]: - Warm it slowly", "quote [First]: Bo: Check the number", "quote [First]: Say hello", "-- page 2", "table [Second] rows 2", "Cone | Heat", "06 | 999"}, nil},
		{"ods comment", odf("spreadsheet", `<table:table table:name="Stock"><table:table-row><table:table-cell>`+p("bolt")+`</table:table-cell><table:table-cell>`+comment+p("7")+`</table:table-cell></table:table-row></table:table>`),
			[]string{"heading1 [Stock]: Stock", "bolt | 7", "quote [Stock]: Bo: Check the number"}, nil},
		{"docx tracked changes", docx(
			para(`<w:del w:author="Bo"><w:r><w:delText>Twenty days were too few.</w:delText></w:r></w:del><w:ins w:author="Bo">`+run("Everyone has 25 days.")+`</w:ins>`)+
				para(`<w:moveFrom>`+run("Moved away.")+`</w:moveFrom>`+run("Stays."))+para(`<w:moveTo>`+run("Moved here.")+`</w:moveTo>`), nil),
			[]string{"para: Everyone has 25 days.", "para: Stays.", "para: Moved here."}, []string{"Twenty", "Moved away"}},
		{"docx endnote and comment", docx(para(run("Heat")+`<w:r><w:endnoteReference w:id="2"/></w:r><w:r><w:commentReference w:id="0"/></w:r>`), map[string]string{
			"word/endnotes.xml": `<w:endnotes><w:endnote w:id="2">` + para(run("In May.")) + `</w:endnote></w:endnotes>`,
			"word/comments.xml": `<w:comments><w:comment w:id="0" w:author="Bo">` + para(run("Check it")) + `</w:comment></w:comments>`,
		}), []string{"para: Heat", "In May.", "quote: Bo: Check it"}, nil},
		{"docx text box of old Word", docx(para(run("Before")+`<w:r><w:pict><v:shape><v:textbox><w:txbxContent>`+para(run("In a box"))+`</w:txbxContent></v:textbox></v:shape></w:pict></w:r>`), nil),
			[]string{"Before", "In a box"}, nil},
		{"docx embedded files", docx(para(run("See the file.")), map[string]string{"word/embeddings/a.csv": "k,v\nx,1\ny,2\n"}), []string{"See the file.", "== a.csv", "rows 3 body 1"}, nil},
		{"xlsx comment", map[string]string{
			"[Content_Types].xml": types, "_rels/.rels": relation("r1", "officeDocument", "xl/workbook.xml"),
			"xl/workbook.xml":                     `<workbook ` + sheets + ` xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Stock" sheetId="1" r:id="r1"/></sheets></workbook>`,
			"xl/_rels/workbook.xml.rels":          relation("r1", "worksheet", "worksheets/sheet1.xml"),
			"xl/worksheets/sheet1.xml":            `<worksheet ` + sheets + ` xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>bolt</t></is></c><c r="B1"><v>7</v></c></row></sheetData><legacyDrawing r:id="r1"/></worksheet>`,
			"xl/worksheets/_rels/sheet1.xml.rels": relation("r1", "comments", "../comments1.xml"),
			"xl/comments1.xml":                    `<comments ` + sheets + `><authors><author>Bo</author></authors><commentList><comment ref="B1" authorId="0"><text><r><t>Check the number</t></r></text></comment></commentList></comments>`,
		}, []string{"-- page 1", "heading1 [Stock]: Stock", "bolt | 7", "quote [Stock]: B1: Bo: Check the number"}, nil},
		{"pptx", map[string]string{
			"ppt/presentation.xml":             `<p:presentation><p:sldIdLst><p:sldId id="256" r:id="r1"/></p:sldIdLst></p:presentation>`,
			"ppt/_rels/presentation.xml.rels":  rels("slide", "slides/slide1.xml"),
			"ppt/slides/slide1.xml":            `<p:sld><p:sp><p:nvSpPr><p:nvPr><p:ph type="title"/></p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>Kilns</a:t></a:r></a:p></p:txBody></p:sp><p:grpSp><p:sp><p:nvSpPr><p:cNvSpPr txBox="1"/></p:nvSpPr><p:txBody><a:p><a:r><a:t>In a box</a:t></a:r></a:p></p:txBody></p:sp></p:grpSp></p:sld>`,
			"ppt/slides/_rels/slide1.xml.rels": rels("comments", "../comments/comment1.xml", "notesSlide", "../notesSlides/notesSlide1.xml"),
			"ppt/comments/comment1.xml":        `<p:cmLst><p:cm authorId="0" idx="1"><p:text>Check the number</p:text></p:cm></p:cmLst>`,
			"ppt/commentAuthors.xml":           `<p:cmAuthorLst><p:cmAuthor id="0" name="Bo"/></p:cmAuthorLst>`,
			"ppt/notesSlides/notesSlide1.xml":  `<p:notes><p:sp><p:nvSpPr><p:nvPr><p:ph type="body"/></p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>Say hello</a:t></a:r></a:p></p:txBody></p:sp></p:notes>`,
		}, []string{"-- page 1", "heading1 [Kilns]: Kilns", "para [Kilns]: In a box", "quote [Kilns]: Say hello", "quote [Kilns]: Bo: Check the number"}, nil},
		{"epub", map[string]string{
			"mimetype":               "application/epub+zip",
			"META-INF/container.xml": `<container><rootfiles><rootfile full-path="book.opf"/></rootfiles></container>`,
			"book.opf":               `<package><metadata><dc:title>Kilns</dc:title><dc:creator>Ann</dc:creator></metadata><manifest><item id="n" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/><item id="b" href="two.xhtml" media-type="application/xhtml+xml"/><item id="a" href="one.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="a"/><itemref idref="b"/></spine></package>`,
			"nav.xhtml":              `<html><body><nav><ol><li><a href="one.xhtml">Contents line</a></li></ol></nav></body></html>`,
			"one.xhtml":              `<html><body><h1>One</h1><table><tr><th>Cone</th><th>Heat</th></tr><tr><td>06</td><td>999</td></tr></table></body></html>`,
			"two.xhtml":              `<html><body><h1>Two</h1><h2>Firing</h2><pre>open()</pre></body></html>`,
		}, []string{`title "Kilns"`, "author:Ann", "heading1 [One]: One", "table [One] rows 2 body 1", "heading1 [Two]: Two", "heading2 [Two > Firing]: Firing", "code [Two > Firing]: open()"}, []string{"Contents line"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checkDump(t, extractDump(t, "a.bin", string(makeZip(t, tt.parts))), tt.want, tt.not)
		})
	}
	t.Run("mhtml", func(t *testing.T) {
		page := "From: <Saved by a browser>\nSubject: =?utf-8?q?Gr=C3=B6=C3=9Fe?=\nMIME-Version: 1.0\nContent-Type: multipart/related; type=\"text/html\"; boundary=x\n\n--x\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\nContent-Location: https://example.com/a\n\n" +
			"<html><head><title>Kilns</title></head><body><nav>Imprint</nav><h1>Kilns</h1><p>Gr=C3=B6=C3=9Fe und Gl=\nut</p><table><tr><th>Cone<th>Heat<tr><td>06<td>999</table></body></html>\n--x\nContent-Type: image/png\nContent-Transfer-Encoding: base64\nContent-Location: https://example.com/a.png\n\niVBORw0KGgo=\n--x--\n"
		checkDump(t, extractDump(t, "a.bin", page), []string{`title "Kilns" media text/html`, "para [Kilns]: Größe und Glut", "table [Kilns] rows 2 body 1", "06 | 999"}, []string{"Imprint"})
	})
}

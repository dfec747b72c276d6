package extract_test

import (
	"archive/zip"
	"bytes"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
)

const (
	chartXML = `<c:chartSpace><c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Pots a month</a:t></a:r></a:p></c:rich></c:tx></c:title><c:plotArea><c:barChart>` +
		`<c:ser><c:tx><c:strRef><c:strCache><c:pt idx="0"><c:v>Cups</c:v></c:pt></c:strCache></c:strRef></c:tx>` +
		`<c:cat><c:strRef><c:strCache><c:pt idx="0"><c:v>May</c:v></c:pt><c:pt idx="1"><c:v>June</c:v></c:pt></c:strCache></c:strRef></c:cat>` +
		`<c:val><c:numRef><c:numCache><c:pt idx="0"><c:v>40</c:v></c:pt><c:pt idx="1"><c:v>55</c:v></c:pt></c:numCache></c:numRef></c:val></c:ser></c:barChart></c:plotArea></c:chart></c:chartSpace>`
	chartText  = "Pots a month\n\n | Cups\nMay | 40\nJune | 55"
	diagramXML = `<dgm:dataModel><dgm:ptLst><dgm:pt><dgm:t><a:p><a:r><a:t>Potter</a:t></a:r></a:p></dgm:t></dgm:pt><dgm:pt><dgm:t><a:p><a:r><a:t>Apprentice</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:ptLst></dgm:dataModel>`
	shapeXML   = `<xdr:wsDr><xdr:sp><xdr:txBody><a:p><a:r><a:t>Read the </a:t></a:r><a:r><a:t>notes</a:t></a:r></a:p></xdr:txBody></xdr:sp></xdr:wsDr>`
)

func rels(pairs ...string) string {
	s := "<Relationships>"
	for i := 0; i+1 < len(pairs); i += 2 {
		s += `<Relationship Id="r` + string(rune('1'+i/2)) + `" Type="http://x/` + pairs[i] + `" Target="` + pairs[i+1] + `"/>`
	}
	return s + "</Relationships>"
}

// TestOfficeDrawings reads what stands beside paragraphs, cells and slides.
func TestOfficeDrawings(t *testing.T) {
	workbook := map[string]string{
		"[Content_Types].xml":        `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>`,
		"_rels/.rels":                `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml":            `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Stock" sheetId="1" r:id="r1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
		"xl/worksheets/sheet1.xml":   `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>Glaze</t></is></c></row></sheetData></worksheet>`,
	}
	with := func(more map[string]string) map[string]string {
		all := map[string]string{}
		for _, m := range []map[string]string{workbook, more} {
			for k, v := range m {
				all[k] = v
			}
		}
		return all
	}
	bare := string(makeZip(t, workbook))
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  []string // in the blocks of all documents
		aside []string // in the text alone
	}{
		{"docx", map[string]string{
			"word/document.xml":            `<w:document><w:body><w:p><w:r><w:t>Body.</w:t></w:r></w:p></w:body></w:document>`,
			"word/_rels/document.xml.rels": rels("header", "header1.xml", "chart", "charts/chart1.xml", "diagramData", "diagrams/data1.xml", "aFChunk", "part.html"),
			"word/header1.xml":             `<w:hdr><w:p><w:r><w:t>Society papers</w:t></w:r></w:p></w:hdr>`,
			"word/charts/chart1.xml":       chartXML, "word/diagrams/data1.xml": diagramXML,
			"word/part.html": `<html><body><p>A chunk of another kind.</p></body></html>`,
		}, []string{"Body.", chartText, "- Potter\n- Apprentice", "A chunk of another kind."}, []string{"Society papers"}},
		{"docx of a header alone", map[string]string{
			"word/document.xml":            `<w:document><w:body><w:p/></w:body></w:document>`,
			"word/_rels/document.xml.rels": rels("header", "header1.xml"),
			"word/header1.xml":             `<w:hdr><w:p><w:r><w:t>Society papers</w:t></w:r></w:p></w:hdr>`,
		}, []string{"Society papers"}, nil},
		// A chart has its numbers in a workbook, which is not what the file is.
		{"pptx", map[string]string{
			"ppt/presentation.xml":             `<p:presentation><p:sldIdLst><p:sldId id="256" r:id="r1"/></p:sldIdLst></p:presentation>`,
			"ppt/_rels/presentation.xml.rels":  rels("slide", "slides/slide1.xml"),
			"ppt/slides/slide1.xml":            `<p:sld><p:sp><p:ph type="title"/><p:txBody><a:p><a:r><a:t>Output</a:t></a:r></a:p></p:txBody></p:sp></p:sld>`,
			"ppt/slides/_rels/slide1.xml.rels": rels("chart", "../charts/chart1.xml", "diagramData", "../diagrams/data1.xml"),
			"ppt/charts/chart1.xml":            chartXML, "ppt/diagrams/data1.xml": diagramXML,
			"ppt/embeddings/book.xlsx": bare,
		}, []string{"Output", chartText, "- Potter\n- Apprentice", "Glaze"}, nil},
		{"xlsx", with(map[string]string{
			"xl/worksheets/_rels/sheet1.xml.rels": rels("drawing", "../drawings/drawing1.xml"),
			"xl/drawings/drawing1.xml":            shapeXML, "xl/drawings/_rels/drawing1.xml.rels": rels("chart", "../charts/chart1.xml"),
			"xl/charts/chart1.xml": chartXML,
		}), []string{"Glaze", "Read the notes", chartText}, nil},
		{"xlsx that the library cannot open", map[string]string{
			"xl/workbook.xml":            `<workbook xmlns="http://example.org/draft"><sheets><sheet name="Stock" sheetId="1" r:id="r1"/></sheets></workbook>`,
			"xl/_rels/workbook.xml.rels": rels("worksheet", "worksheets/sheet1.xml"),
			"xl/sharedStrings.xml":       `<sst><si><t>Name</t></si><si><r><t>Ce</t></r><r><t>ladon</t></r><rPh><t>x</t></rPh></si></sst>`,
			"xl/worksheets/sheet1.xml":   `<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1"><v>2</v></c></row><row r="2"><c r="A2" t="s"><v>1</v></c><c r="C2"><v>7</v></c></row></sheetData></worksheet>`,
		}, []string{"Stock", "Name |  | 2\nCeladon |  | 7"}, nil},
	} {
		// Stored, so that the names of what is embedded show in the file's bytes.
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, n := range slices.Sorted(mapsKeys(tt.files)) {
			f, err := z.CreateHeader(&zip.FileHeader{Name: n, Method: zip.Store})
			if err != nil {
				t.Fatal(err)
			}
			_, _ = f.Write([]byte(tt.files[n]))
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		docs, err := extract.New(nil).Extract(t.Context(), ingest.Input{Name: "a.bin", Data: b.Bytes()})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var blocks, text strings.Builder
		for _, d := range docs {
			text.WriteString(d.Text + "\n")
			for i, bl := range d.Blocks {
				sep := "\n\n"
				if i > 0 && bl.Kind == ingest.ListItem && d.Blocks[i-1].Kind == ingest.ListItem {
					sep = "\n"
				}
				blocks.WriteString(sep + d.Text[bl.Start:bl.End])
			}
		}
		for _, w := range tt.want {
			if !strings.Contains(blocks.String(), w) {
				t.Errorf("%s: no %q in %q", tt.name, w, blocks.String())
			}
		}
		for _, w := range tt.aside {
			if !strings.Contains(text.String(), w) || strings.Contains(blocks.String(), w) {
				t.Errorf("%s: %q is not kept apart in %q", tt.name, w, text.String())
			}
		}
	}
}

func mapsKeys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// TestWrongEndings reads every sample under names that say something else.
func TestWrongEndings(t *testing.T) {
	x := extract.New(nil)
	for _, s := range samples(t) {
		switch {
		case strings.HasSuffix(s.name, ".pdf"), strings.HasSuffix(s.name, ".docx"), strings.HasSuffix(s.name, ".xlsx"), strings.HasSuffix(s.name, ".pptx"),
			strings.HasSuffix(s.name, ".odt"), strings.HasSuffix(s.name, ".ods"), strings.HasSuffix(s.name, ".epub"), strings.HasSuffix(s.name, ".doc"),
			strings.HasSuffix(s.name, ".xls"), strings.HasSuffix(s.name, ".rtf"), strings.HasSuffix(s.name, ".zip"), strings.HasSuffix(s.name, ".tgz"),
			strings.HasSuffix(s.name, ".eml"), strings.HasSuffix(s.name, ".mbox"), strings.HasSuffix(s.name, ".html"), strings.HasSuffix(s.name, ".ipynb"),
			strings.HasSuffix(s.name, ".vtt"), strings.HasSuffix(s.name, ".mhtml"):
		default:
			continue // text whose kind only its name tells
		}
		want, err := x.Extract(t.Context(), ingest.Input{Name: s.name, Data: s.data})
		if err != nil {
			t.Errorf("%s: %v", s.name, err)
			continue
		}
		for _, name := range []string{"a", "a.txt", "a.pdf", "a.docx", "a.xls", "a.go", "a.zip", "a.png"} {
			got, err := x.Extract(t.Context(), ingest.Input{Name: name, Data: s.data})
			if err != nil || got[0].MediaType != want[0].MediaType || len(got) != len(want) || len(got[0].Blocks) != len(want[0].Blocks) {
				t.Errorf("%s as %s: %v", s.name, name, err)
			}
		}
	}
}

// TestZipNames reads the names of members in the charsets that archivers of the
// East write without saying so.
func TestZipNames(t *testing.T) {
	for name, cs := range map[string]encoding.Encoding{
		"文章目录/第一章说明文件.txt": simplifiedchinese.GBK, "新しいテキスト ドキュメント.txt": japanese.ShiftJIS,
	} {
		raw, err := cs.NewEncoder().String(name)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		f, err := z.CreateHeader(&zip.FileHeader{Name: raw, NonUTF8: true})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = f.Write([]byte("some words"))
		_ = z.Close()
		docs, err := extract.New(nil).Extract(t.Context(), ingest.Input{Name: "a.zip", Data: b.Bytes()})
		if err != nil || len(docs) != 2 || docs[1].Member != name {
			t.Errorf("%s: got %+v, %v", name, docs, err)
		}
	}
}

package extract_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
)

// packedPDF writes the objects of a file into an object stream and finds them by a
// cross-reference stream with a predictor, as files since PDF 1.5 do. Streams stay
// outside of it.
func packedPDF(objects []string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")
	n := len(objects)
	type place struct{ kind, at, index int }
	places := make([]place, n+3)
	var head, body strings.Builder
	packed := 0
	for i, o := range objects {
		if strings.HasSuffix(o, "endstream") {
			places[i+1] = place{1, b.Len(), 0}
			fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
			continue
		}
		fmt.Fprintf(&head, "%d %d ", i+1, body.Len())
		body.WriteString(o + "\n")
		places[i+1] = place{2, n + 1, packed}
		packed++
	}
	z := deflated([]byte(head.String() + body.String()))
	places[n+1] = place{1, b.Len(), 0}
	fmt.Fprintf(&b, "%d 0 obj\n<</Type/ObjStm/N %d/First %d/Filter/FlateDecode/Length %d>>\nstream\n%s\nendstream\nendobj\n", n+1, packed, head.Len(), len(z), z)
	xref := b.Len()
	places[n+2] = place{1, xref, 0}
	var rows bytes.Buffer
	last := make([]byte, 5)
	for _, p := range places {
		row := []byte{byte(p.kind), 0, 0, 0, byte(p.index)}
		binary.BigEndian.PutUint16(row[2:], uint16(p.at))
		rows.WriteByte(2) // each byte as its difference from the one above
		for i := range row {
			rows.WriteByte(row[i] - last[i])
		}
		last = row
	}
	z = deflated(rows.Bytes())
	fmt.Fprintf(&b, "%d 0 obj\n<</Type/XRef/Size %d/W[1 3 1]/Root 1 0 R/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 5>>/Length %d>>\nstream\n%s\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n", n+2, n+3, len(z), z, xref)
	return b.Bytes()
}

// TestPDFObjects reads a file by each way to find its objects, and where that way
// is broken.
func TestPDFObjects(t *testing.T) {
	const said = "The kiln was bought in May."
	plain := makePDF(textAt("F1", 12, 72, 700, said))
	packed := packedPDF(pdfObjects(plain))
	startxref := func(b []byte, to string) []byte {
		at := bytes.LastIndex(b, []byte("startxref\n"))
		return append(b[:at:at], "startxref\n"+to+"\n%%EOF\n"...)
	}
	later := func() []byte {
		content := textAt("F1", 12, 72, 700, said)
		at := bytes.LastIndex(plain, []byte("\nxref\n")) + 1
		b := bytes.Clone(plain)
		where := len(b)
		b = fmt.Appendf(b, "8 0 obj\n<</Length %d>>\nstream\n%s\nendstream\nendobj\n", len(content), content)
		xref := len(b)
		return fmt.Appendf(b, "xref\n8 1\n%010d 00000 n \ntrailer\n<</Size 9/Root 1 0 R/Prev %d>>\nstartxref\n%d\n%%%%EOF\n", where, at, xref)
	}
	for name, data := range map[string][]byte{
		"table":                      plain,
		"PDF 2.0":                    bytes.Replace(plain, []byte("%PDF-1.4"), []byte("%PDF-2.0"), 1),
		"bytes before the header":    append([]byte("HTTP/1.1 200 OK\r\n\r\n"), plain...),
		"object stream":              packed,
		"PDF 2.0 with object stream": bytes.Replace(packed, []byte("%PDF-1.5"), []byte("%PDF-2.0"), 1),
		"changed later":              later(),
		"table at another place":     startxref(plain, "3"),
		"stream at another place":    startxref(packed, "3"),
		"no table":                   plain[:bytes.LastIndex(plain, []byte("\nxref\n"))+1],
		"wrong offsets":              bytes.ReplaceAll(plain, []byte("0000000"), []byte("0000009")),
		"other line ends":            bytes.ReplaceAll(makePDFPlain(said), []byte("\n"), []byte("\r")),
		"half of the table":          plain[:bytes.LastIndex(plain, []byte("\nxref\n"))+30],
	} {
		docs, err := extract.New(nil).Extract(t.Context(), ingest.Input{Name: "a.pdf", Data: data})
		if err != nil || docs[0].Text != said || len(docs[0].Pages) != 1 {
			t.Errorf("%s: got %+v, %v", name, docs, err)
		}
	}
}

// makePDFPlain is a file of one page without packed bytes.
func makePDFPlain(said string) []byte {
	return (&pdfParts{}).withPage("", []byte(textAt("F1", 12, 72, 700, said)))
}

// TestPDFVertical reads columns from right to left, each from its top.
func TestPDFVertical(t *testing.T) {
	p := &pdfParts{objects: []string{
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 612 792]>>",
		"<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
	}}
	column := func(x int, s string) string {
		return fmt.Sprintf("BT /F 14 Tf %d 700 Td <%X> Tj ET\n", x, utf16be(s))
	}
	// Drawn from left to right, against the order of reading.
	p.stream("", []byte(column(460, "二十五天。")+column(480, "全体员工每年")+column(500, "年假的规定：")))
	p.add("<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/UniGB-UTF16-V/DescendantFonts[6 0 R]>>")
	p.add("<</Type/Font/Subtype/CIDFontType0/BaseFont/X/DW 1000/DW2[880 -1000]/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 2>>>>")
	docs, err := extract.New(nil).Extract(t.Context(), ingest.Input{Name: "a.pdf", Data: p.bytes()})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(strings.Fields(docs[0].Text), ""); got != "年假的规定：全体员工每年二十五天。" {
		t.Errorf("got %q", got)
	}
}

func utf16be(s string) []byte {
	b := extract.UTF16Bytes(s)
	for i := 0; i+1 < len(b); i += 2 {
		b[i], b[i+1] = b[i+1], b[i]
	}
	return b
}

// TestPDFType3 reads a font whose glyphs are drawings: by ToUnicode, else by their
// names; drawings without either are left out.
func TestPDFType3(t *testing.T) {
	font := func(encoding, more string) []string {
		return []string{
			"<</Type/Font/Subtype/Type3/FontMatrix[0.01 0 0 0.01 0 0]/FontBBox[0 0 100 100]/FirstChar 1/LastChar 3/Widths[60 60 60]/CharProcs<</K 6 0 R/i 6 0 R/l 6 0 R/g1 6 0 R>>/Encoding<</Type/Encoding/Differences[1" + encoding + "]>>" + more + ">>",
			stream("60 0 0 0 50 70 d1 0 0 50 70 re f"),
			stream("1 begincodespacerange <00> <ff> endcodespacerange 3 beginbfchar <01> <7A91> <02> <5728> <03> <6B64> endbfchar"),
		}
	}
	for _, tt := range []struct{ name, encoding, more, want string }{
		{"by names", "/K/i/l", "", "Kil"},
		{"by ToUnicode", "/g1/g1/g1", "/ToUnicode 7 0 R", "窑在此"},
		{"by ToUnicode before names", "/K/i/l", "/ToUnicode 7 0 R", "窑在此"},
		{"by nothing", "/g1/g1/K", "", "K"},
	} {
		docs, err := extract.New(nil).Extract(t.Context(), ingest.Input{Name: "a.pdf", Data: fontPDF("010203", font(tt.encoding, tt.more)...)})
		if err != nil || docs[0].Text != tt.want {
			t.Errorf("%s: got %+v, %v", tt.name, docs, err)
		}
	}
}

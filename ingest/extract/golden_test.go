package extract_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// dump shows documents so that a change can be read in a diff.
func dump(docs []ingest.Document) string {
	var b strings.Builder
	kinds := []string{"para", "heading", "item", "table", "code", "quote"}
	for _, d := range docs {
		fmt.Fprintf(&b, "== %s\n", d.Member)
		fmt.Fprintf(&b, "title %q media %s", d.Title, d.MediaType)
		if !d.Date.IsZero() {
			fmt.Fprintf(&b, " date %s", d.Date.UTC().Format("2006-01-02T15:04:05"))
		}
		fmt.Fprintf(&b, " labels %v\n", d.Labels)
		page, tm := 0, 0
		for _, bl := range d.Blocks {
			for page < len(d.Pages) && d.Pages[page].Offset <= bl.Start {
				fmt.Fprintf(&b, "-- page %d\n", d.Pages[page].Number)
				page++
			}
			for tm < len(d.Times) && d.Times[tm].Offset < bl.End {
				fmt.Fprintf(&b, "-- time %v–%v at %d\n", d.Times[tm].Span.From, d.Times[tm].Span.To, d.Times[tm].Offset)
				tm++
			}
			fmt.Fprintf(&b, "%s", kinds[bl.Kind])
			if bl.Level > 0 {
				fmt.Fprintf(&b, "%d", bl.Level)
			}
			if len(bl.Section) > 0 {
				fmt.Fprintf(&b, " [%s]", strings.Join(bl.Section, " > "))
			}
			if bl.Kind == ingest.Table {
				fmt.Fprintf(&b, " rows %d body %d", len(bl.Rows), bl.Body)
				for i, r := range bl.Rows {
					fmt.Fprintf(&b, "\n  %d: %s", i, strings.ReplaceAll(d.Text[r.Start:r.End], "\t", "⇥"))
				}
				b.WriteByte('\n')
				continue
			}
			fmt.Fprintf(&b, ": %s\n", strings.ReplaceAll(d.Text[bl.Start:bl.End], "\n", "⏎"))
		}
		for _, w := range d.Warnings {
			fmt.Fprintf(&b, "warning: %s\n", w)
		}
	}
	return b.String()
}

type sample struct {
	name string
	data []byte
}

func encoded(t testing.TB, s string, e interface{ String(string) (string, error) }) []byte {
	t.Helper()
	out, err := e.String(s)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(out)
}

// samples are one file of each kind, made or kept by us.
func samples(t testing.TB) []sample {
	chinese := "员工手册\n\n第一章 总则\n\n本手册适用于公司的全体员工，请大家认真阅读并且遵守其中的各项规定。\n"
	traditional := "員工手冊\n\n本手冊適用於公司的全體員工，請大家認真閱讀並且遵守其中的各項規定。這是我們的要求。\n"
	s := []sample{
		{"gb18030.txt", encoded(t, chinese, simplifiedchinese.GB18030.NewEncoder())},
		{"big5.txt", encoded(t, traditional, traditionalchinese.Big5.NewEncoder())},
		{"utf16le.txt", encoded(t, chinese, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder())},
		{"utf16be-bom.txt", encoded(t, chinese, unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder())},
		{"sjis.txt", encoded(t, "これは日本語のテキストです。文字コードを調べます。\n", japanese.ShiftJIS.NewEncoder())},
		{"latin.txt", encoded(t, "Le café est fermé à Noël, voilà où nous étions déjà.\n", charmap.Windows1252.NewEncoder())},
		{"cyrillic.txt", encoded(t, "Это обычный текст на русском языке. Он записан одним байтом на букву.\n", charmap.Windows1251.NewEncoder())},
		{"leave.docx", makeDOCX(t)},
		{"prices.xlsx", makeXLSX(t)},
		{"talk.pptx", makePPTX(t)},
		{"handbook.odt", makeODT(t)},
		{"stock.ods", makeODS(t)},
		{"book.epub", makeEPUB(t)},
		{"bundle.zip", makeZip(t, map[string]string{"a/readme.md": "# Read me\n\nhello\n", "b.txt": "plain words\n", "c.bin": "\x00\x01\x02\x03\x04\x05", "__MACOSX/x": "junk"})},
		{"bundle.tgz", makeTarGz(t, map[string]string{"notes.txt": "tar notes\n", "deep/x.csv": "a,b\n1,2\n"})},
		{"report.pdf", reportPDF()},
		{"columns.pdf", columnsPDF()},
		{"chinese.pdf", chinesePDF(t)},
	}
	files, err := filepath.Glob("testdata/in/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in testdata/in: %v", err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		s = append(s, sample{filepath.Base(f), data})
	}
	return s
}

func reportPDF() []byte {
	var pages []string
	for n := 1; n <= 4; n++ {
		p := textAt("F1", 8, 72, 760, "Acme Annual Report") + textAt("F1", 8, 300, 30, fmt.Sprintf("Page %d of 4", n))
		p += textAt("F2", 18, 72, 700, fmt.Sprintf("Chapter %d", n))
		p += textAt("F1", 10, 72, 670, "The first line of a paragraph that ends with a hyphen-")
		p += textAt("F1", 10, 72, 658, "ated word and goes on to the end of the full text line")
		p += textAt("F1", 10, 72, 646, "and stops here.")
		p += textAt("F1", 10, 72, 620, "A second paragraph, well apart from the first of them.")
		if n == 2 {
			for i, row := range [][]string{{"Region", "Revenue", "Profit"}, {"North", "1,200", "300"}, {"South", "900", "250"}, {"East", "700", "100"}} {
				for k, c := range row {
					p += textAt("F1", 10, 72+float64(k)*150, 580-float64(i)*14, c)
				}
			}
		}
		pages = append(pages, p)
	}
	return makePDF(pages...)
}

func columnsPDF() []byte {
	p := textAt("F2", 18, 120, 740, "A Title Across Both of the Columns")
	left := []string{"The left column starts here and it is", "made of lines that fill nearly all the", "width of the column as they do in the", "papers, so that it is real flowing text", "that ends before the right one begins,", "though the two share their baselines."}
	right := []string{"The right column is to be read after it,", "the left one, from its top down to the", "bottom, and no line of it ever stands", "between the lines of the other column.", "Its last line is also the last line of", "the page and of the whole document."}
	for i := range left {
		p += textAt("F1", 10, 72, 700-float64(i)*12, left[i])
		p += textAt("F1", 10, 320, 700-float64(i)*12, right[i])
	}
	return makePDF(p)
}

func chinesePDF(t testing.TB) []byte {
	line := func(y float64, s string) string {
		return fmt.Sprintf("BT /F3 12 Tf 72 %g Td <%x> Tj ET\n", y, encoded(t, s, simplifiedchinese.GBK.NewEncoder()))
	}
	return makePDF(line(700, "公司的年假规定适用于全体员工，每年二十五天，") + line(684, "请提前两周申请。"))
}

func TestGolden(t *testing.T) {
	x := extract.New(nil)
	for _, s := range samples(t) {
		t.Run(s.name, func(t *testing.T) {
			docs, err := x.Extract(context.Background(), ingest.Input{Name: s.name, Data: s.data})
			if err != nil {
				t.Fatal(err)
			}
			for i := range docs {
				check(t, &docs[i])
			}
			got := dump(docs)
			path := filepath.Join("testdata", "golden", s.name+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("differs from %s (-want +got):\n%s", path, d)
			}
			if !extract.Supported(s.name, s.data[:min(len(s.data), 8<<10)]) {
				t.Error("Supported says no")
			}
		})
	}
}

// check reports what breaks the contract of ingest.Document.
func check(t testing.TB, d *ingest.Document) {
	t.Helper()
	end := 0
	for i, b := range d.Blocks {
		if b.Start < end || b.End <= b.Start || b.End > len(d.Text) {
			t.Errorf("block %d at [%d, %d) after %d in %d bytes", i, b.Start, b.End, end, len(d.Text))
			return
		}
		end = b.End
		if s := d.Text[b.Start:b.End]; strings.TrimSpace(s) == "" {
			t.Errorf("block %d is blank", i)
		}
		if b.Kind == ingest.Table != (len(b.Rows) > 0) {
			t.Errorf("block %d of kind %d has %d rows", i, b.Kind, len(b.Rows))
		}
		at := b.Start
		for _, r := range b.Rows {
			if r.Start < at || r.End < r.Start || r.End > b.End {
				t.Errorf("block %d: row [%d, %d) after %d", i, r.Start, r.End, at)
			}
			at = r.End
		}
		if b.Body < 0 || len(b.Rows) > 0 && b.Body >= len(b.Rows) {
			t.Errorf("block %d: body %d of %d rows", i, b.Body, len(b.Rows))
		}
		if b.Kind == ingest.Heading && (b.Level < 1 || len(b.Section) == 0) {
			t.Errorf("block %d: heading of level %d in section %q", i, b.Level, b.Section)
		}
	}
	at := 0
	for i, p := range d.Pages {
		if p.Offset < at || p.Offset > len(d.Text) || i > 0 && p.Number != d.Pages[i-1].Number+1 {
			t.Errorf("page mark %d: %+v after %d", i, p, at)
		}
		at = p.Offset
	}
	if strings.ToValidUTF8(d.Text, "") != d.Text {
		t.Error("text is not UTF-8")
	}
}

func TestTextIsVerbatim(t *testing.T) {
	x := extract.New(nil)
	for _, s := range []sample{
		{"a.md", []byte("\xef\xbb\xbf---\r\ntitle: x\r\n---\r\n\r\n# A  b\r\n\r\n*c*  d\r\n")},
		{"a.txt", []byte("one\r\n\r\n  two \t three\n")},
		{"a.csv", []byte("a,b\r\n\"x\ny\",2\r\n")},
		{"a.json", []byte(" {\"a\" : [1, 2]}\n")},
		{"a.go", []byte("package a\n\n// F is f.\nfunc F() {}\n")},
		{"a.yaml", []byte("# top\na:\n  b: 1\nc: 2\n")},
		{"a.rst", []byte("Title\n=====\n\ntext\n")},
	} {
		docs, err := x.Extract(context.Background(), ingest.Input{Name: s.name, Data: s.data})
		if err != nil {
			t.Errorf("%s: %v", s.name, err)
			continue
		}
		if docs[0].Text != string(s.data) {
			t.Errorf("%s: text %q differs from the file %q", s.name, docs[0].Text, s.data)
		}
		check(t, &docs[0])
	}
}

package extract_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
	"github.com/lore-kb/lore/store"
)

// pdfPage is a page of text, of an image, or of both.
type pdfPage struct {
	content string
	image   []byte // JPEG
}

// mixedPDF makes a PDF whose pages have Helvetica as F1.
func mixedPDF(t testing.TB, pages ...pdfPage) []byte {
	p := &pdfParts{objects: []string{"<</Type/Catalog/Pages 2 0 R>>", "", "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"}}
	var kids []string
	for _, page := range pages {
		content, xobject := page.content, ""
		if page.image != nil {
			c, err := jpeg.DecodeConfig(bytes.NewReader(page.image))
			if err != nil {
				t.Fatal(err)
			}
			id := p.stream(fmt.Sprintf("/Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8/ColorSpace/DeviceGray/Filter/DCTDecode", c.Width, c.Height), page.image)
			content = "q 612 0 0 792 0 0 cm /I Do Q\n" + content
			xobject = fmt.Sprintf("/XObject<</I %d 0 R>>", id)
		}
		id := p.stream("", []byte(content))
		kids = append(kids, fmt.Sprintf("%d 0 R", p.add("<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents %d 0 R/Resources<</Font<</F1 3 0 R>>%s>>>>", id, xobject)))
	}
	p.objects[1] = fmt.Sprintf("<</Type/Pages/Kids[%s]/Count %d>>", strings.Join(kids, " "), len(kids))
	return p.bytes()
}

func grayJPEG(t testing.TB, width, height int) []byte {
	m := image.NewGray(image.Rect(0, 0, width, height))
	for i := range m.Pix {
		m.Pix[i] = 0xff
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// scanTools puts programs in front of PATH that stand for pdftoppm and tesseract:
// the first writes which page of how many it was asked for, the second reads that
// as a page of two paragraphs, the first of them always "Page stamp".
func scanTools(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	dir := t.TempDir()
	for name, body := range map[string]string{
		"pdftoppm": `n=$(grep -ac '/Type/Page/Parent')
if [ "$5" -gt "$n" ]; then exit 99; fi
printf 'Scanned-%s-of-%s' "$5" "$n"`,
		"tesseract": `if [ "$1" = --list-langs ]; then printf 'List:\neng\n'; exit; fi
in=$(cat)
printf '1\t1\t0\t0\t0\t0\t0\t0\t1000\t1000\t-1\t\n'
printf '5\t1\t1\t1\t1\t1\t800\t900\t100\t20\t90\tPage\n5\t1\t1\t1\t1\t2\t900\t900\t100\t20\t90\tstamp\n'
printf '5\t1\t2\t1\t1\t1\t100\t200\t300\t20\t90\t%s\n5\t1\t2\t1\t1\t2\t500\t200\t100\t20\t90\tsigned\n' "$in"`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// pageAt is the page that an offset of a document's text stands on.
func pageAt(d *ingest.Document, at int) (page int) {
	for _, m := range d.Pages {
		if m.Offset <= at {
			page = m.Number
		}
	}
	return page
}

const longLine = "The parties agree on the terms that are set out below, in words that are many."

func TestPDFScannedPages(t *testing.T) {
	blank := grayJPEG(t, 85, 110)
	text := func(s string) string { return textAt("F1", 20, 72, 740, s) + textAt("F1", 10, 72, 700, longLine) }
	mixed := mixedPDF(t,
		pdfPage{content: text("Terms")},
		pdfPage{image: blank},
		pdfPage{image: blank},
		pdfPage{content: text("Prices")},
		pdfPage{content: textAt("F1", 10, 480, 80, "Page stamp"), image: blank},
		pdfPage{content: text("Ends"), image: blank}, // text on a coloured ground
		pdfPage{image: blank},
	)
	scan := mixedPDF(t, pdfPage{image: blank}, pdfPage{image: blank})
	mail := func(pdf []byte) []byte {
		return []byte("From: a@example.org\nSubject: signed\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nsee below\n--x\nContent-Type: application/pdf\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=c.pdf\n\n" + base64.StdEncoding.EncodeToString(pdf) + "\n--x--\n")
	}
	last := func(t *testing.T, o *extract.PoolOptions, name string, data []byte) *ingest.Document {
		o.Workers, o.NoOffice = 1, true
		docs, err := newPool(t, o).Extract(t.Context(), ingest.Input{Name: name, Data: data})
		if err != nil {
			t.Fatal(err)
		}
		d := &docs[len(docs)-1]
		if d.Scans != nil || d.Picture != nil {
			t.Errorf("%s: scans %v and %d bytes are left", name, d.Scans, len(d.Picture))
		}
		return d
	}
	t.Run("without the programs", func(t *testing.T) {
		d := last(t, &extract.PoolOptions{NoOCR: true}, "c.pdf", mixed)
		want := "the text of pages 2-3, 5, 7 is an image and was not read; install tesseract and pdftoppm (poppler) to recognise it"
		if len(d.Warnings) != 1 || d.Warnings[0] != want {
			t.Errorf("warnings %q, want %q", d.Warnings, want)
		}
	})
	for name, data := range map[string][]byte{"c.pdf": mixed, "c.eml": mail(mixed)} {
		t.Run(name, func(t *testing.T) {
			scanTools(t)
			d := last(t, &extract.PoolOptions{}, name, data)
			want := "Terms\n\n" + longLine + "\n\n" +
				"Page stamp\n\nScanned-2-of-7 signed\n\n" + "Page stamp\n\nScanned-3-of-7 signed\n\n" +
				"Prices\n\n" + longLine + "\n\n" +
				"Page stamp\n\nScanned-5-of-7 signed\n\n" +
				"Ends\n\n" + longLine + "\n\n" +
				"Page stamp\n\nScanned-7-of-7 signed"
			if d.Text != want || len(d.Warnings) != 0 {
				t.Fatalf("got %q, warnings %q", d.Text, d.Warnings)
			}
			section := map[int]string{2: "Terms", 3: "Terms", 5: "Prices", 7: "Ends"}
			for _, b := range d.Blocks {
				s, page := d.Text[b.Start:b.End], pageAt(d, b.Start)
				r, region := store.RegionOf(d.Boxes, b.Start, b.End)
				n := 0
				if _, err := fmt.Sscanf(s, "Scanned-%d-of-7 signed", &n); err == nil {
					want := store.Region{Page: n, X: 0.1, Y: 0.2, W: 0.5, H: 0.02}
					if page != n || r != want || b.Section[len(b.Section)-1] != section[n] {
						t.Errorf("%q on page %d in %v under %q", s, page, r, b.Section)
					}
				} else if region && !strings.HasPrefix(s, "Page stamp") {
					t.Errorf("%q, which is text, has the region %v", s, r)
				}
			}
		})
	}
	t.Run("a scan in a mail", func(t *testing.T) {
		scanTools(t)
		d := last(t, &extract.PoolOptions{}, "s.eml", mail(scan))
		if want := "Page stamp\n\nScanned-1-of-2 signed\n\nPage stamp\n\nScanned-2-of-2 signed"; d.Text != want || d.Member != "c.pdf" {
			t.Errorf("%s: got %q", d.Member, d.Text)
		}
	})
}

// strokes are letters of straight lines in a box of width and height 1, as pairs of
// points from the upper left.
var strokes = map[rune][][4]float64{
	'A': {{0, 1, .5, 0}, {.5, 0, 1, 1}, {.2, .65, .8, .65}},
	'E': {{0, 0, 0, 1}, {0, 0, 1, 0}, {0, .5, .85, .5}, {0, 1, 1, 1}},
	'H': {{0, 0, 0, 1}, {1, 0, 1, 1}, {0, .5, 1, .5}},
	'I': {{.5, 0, .5, 1}},
	'K': {{0, 0, 0, 1}, {1, 0, 0, .6}, {.3, .4, 1, 1}},
	'L': {{0, 0, 0, 1}, {0, 1, 1, 1}},
	'N': {{0, 1, 0, 0}, {0, 0, 1, 1}, {1, 1, 1, 0}},
	'T': {{0, 0, 1, 0}, {.5, 0, .5, 1}},
	'W': {{0, 0, .25, 1}, {.25, 1, .5, 0}, {.5, 0, .75, 1}, {.75, 1, 1, 0}},
}

// drawnPage is a page of 612 by 792 points at 150 dpi with a line of such letters.
func drawnPage(t testing.TB, s string, left, top int) []byte {
	const width, height, gap, pen = 24, 36, 12, 2.5
	m := image.NewGray(image.Rect(0, 0, 1275, 1650))
	for i := range m.Pix {
		m.Pix[i] = 0xff
	}
	x := left
	for _, c := range s {
		for _, l := range strokes[c] {
			for y := -4; y <= height+4; y++ {
				for dx := -4; dx <= width+4; dx++ {
					x1, y1, x2, y2 := l[0]*width, l[1]*height, l[2]*width, l[3]*height
					along := ((float64(dx)-x1)*(x2-x1) + (float64(y)-y1)*(y2-y1)) / ((x2-x1)*(x2-x1) + (y2-y1)*(y2-y1))
					along = min(max(along, 0), 1)
					if math.Hypot(float64(dx)-x1-along*(x2-x1), float64(y)-y1-along*(y2-y1)) < pen {
						m.SetGray(x+dx, top+y, color.Gray{})
					}
				}
			}
		}
		x += width + gap
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestPDFScannedPageRead has the real programs read a page that is an image.
func TestPDFScannedPageRead(t *testing.T) {
	for _, tool := range []string{"pdftoppm", "tesseract"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(tool + " is not installed")
		}
	}
	const said = "THE WHITE KILN WILL HEAT"
	text := pdfPage{content: textAt("F1", 10, 72, 700, longLine)}
	data := mixedPDF(t, text, pdfPage{image: drawnPage(t, said, 127, 825)}, text)
	docs, err := newPool(t, &extract.PoolOptions{Workers: 1, NoOffice: true}).Extract(t.Context(), ingest.Input{Name: "a.pdf", Data: data})
	if err != nil {
		t.Fatal(err)
	}
	d := &docs[0]
	at := strings.Index(d.Text, said)
	if at < 0 || pageAt(d, at) != 2 {
		t.Fatalf("got %q, pages %v, warnings %q", d.Text, d.Pages, d.Warnings)
	}
	// It begins a tenth from the left, in the middle of the page.
	r, ok := store.RegionOf(d.Boxes, at, at+len(said))
	if !ok || r.Page != 2 || math.Abs(r.X-0.1) > 0.01 || math.Abs(r.Y-0.5) > 0.01 || math.Abs(r.W-0.67) > 0.02 || math.Abs(r.H-0.022) > 0.01 {
		t.Errorf("region %+v", r)
	}
}

package extract_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"image/color"
	"image/jpeg"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
	"github.com/lore-kb/lore/store"
)

// scanPDF makes a PDF of pages that are JPEG images.
func scanPDF(t *testing.T, images [][]byte) []byte {
	t.Helper()
	p := &pdfParts{objects: []string{"<</Type/Catalog/Pages 2 0 R>>", ""}}
	var kids []string
	for _, image := range images {
		c, err := jpeg.DecodeConfig(bytes.NewReader(image))
		if err != nil {
			t.Fatal(err)
		}
		space := "DeviceRGB"
		if c.ColorModel == color.GrayModel {
			space = "DeviceGray"
		}
		w, h := float64(c.Width)*72/200, float64(c.Height)*72/200
		body := fmt.Sprintf("%.2f 0 0 %.2f 0 0 cm /I Do", w, h)
		n := len(p.objects) + 1
		p.add("<</Type/Page/Parent 2 0 R/MediaBox[0 0 %.2f %.2f]/Contents %d 0 R/Resources<</XObject<</I %d 0 R>>>>>>", w, h, n+1, n+2)
		p.add("<</Length %d>>\nstream\n%s\nendstream", len(body), body)
		p.objects = append(p.objects, fmt.Sprintf("<</Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8/ColorSpace/%s/Filter/DCTDecode/Length %d>>\nstream\n%s\nendstream", c.Width, c.Height, space, len(image), image))
		kids = append(kids, fmt.Sprintf("%d 0 R", n))
	}
	p.objects[1] = fmt.Sprintf("<</Type/Pages/Kids[%s]/Count %d>>", strings.Join(kids, " "), len(kids))
	return p.bytes()
}

// TestOCRReference reads scans that are made of two pages of each folder's
// doc.pdf below LORE_PDF_REFERENCE, and holds words, characters and places against
// what pdftotext says of the pages.
func TestOCRReference(t *testing.T) {
	dir := os.Getenv("LORE_PDF_REFERENCE")
	if dir == "" {
		t.Skip("LORE_PDF_REFERENCE names no folder")
	}
	for _, tool := range []string{"pdftotext", "pdftoppm", "tesseract"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(tool + " is not installed")
		}
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*", "doc.pdf"))
	p := newPool(t, &extract.PoolOptions{Timeout: 5 * time.Minute})
	for _, file := range files {
		const first = 30
		span := []string{"-f", strconv.Itoa(first), "-l", strconv.Itoa(first + 1)}
		prefix := filepath.Join(t.TempDir(), "page")
		if err := exec.Command("pdftoppm", append(append([]string{"-r", "200", "-gray", "-jpeg"}, span...), file, prefix)...).Run(); err != nil {
			t.Fatal(err)
		}
		names, _ := filepath.Glob(prefix + "*")
		var images [][]byte
		for _, n := range names {
			data, err := os.ReadFile(n)
			if err != nil {
				t.Fatal(err)
			}
			images = append(images, data)
		}
		if to := os.Getenv("LORE_SCAN_DIR"); to != "" {
			if err := os.WriteFile(filepath.Join(to, filepath.Base(filepath.Dir(file))+"-scan.pdf"), scanPDF(t, images), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		docs, err := p.Extract(context.Background(), ingest.Input{Name: "scan.pdf", Data: scanPDF(t, images)})
		if err != nil {
			t.Fatal(err)
		}
		d := docs[0]
		theirs, err := pdftotext(append(append([]string{"-enc", "UTF-8"}, span...), file, "-")...)
		if err != nil {
			t.Fatal(err)
		}
		_, _, words := compareBags(wordBag(d.Text), wordBag(theirs))
		_, _, characters := compareBags(characterBag(d.Text), characterBag(theirs))
		near, asked := regionsRight(t, file, first, &d)
		t.Logf("%s: word F1 %.4f, character F1 %.4f; words that stand once on their page: %d of %d regions right", filepath.Base(filepath.Dir(file)), words, characters, near, asked)
		chinese := strings.ContainsFunc(theirs, func(r rune) bool { return unicode.Is(unicode.Han, r) })
		if chinese && characters < 0.85 || !chinese && words < 0.95 {
			t.Errorf("too much is not recognised")
		}
		if near*100 < asked*98 {
			t.Errorf("too many regions are wrong")
		}
	}
}

func characterBag(s string) map[string]int {
	bag := map[string]int{}
	for _, r := range norm.NFKC.String(s) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			bag[string(r)]++
		}
	}
	return bag
}

// regionsRight looks up words of at least four characters that stand once in a
// page of the PDF and once in what was recognised of it, and counts those whose
// region's middle lies in the word's box, with 3 mm around it.
func regionsRight(t *testing.T, file string, first int, d *ingest.Document) (near, asked int) {
	out, err := pdftotext("-bbox", "-f", strconv.Itoa(first), "-l", strconv.Itoa(first+1), file, "-")
	if err != nil {
		t.Fatal(err)
	}
	var html struct {
		Pages []struct {
			Width  float64 `xml:"width,attr"`
			Height float64 `xml:"height,attr"`
			Words  []struct {
				X1   float64 `xml:"xMin,attr"`
				Y1   float64 `xml:"yMin,attr"`
				X2   float64 `xml:"xMax,attr"`
				Y2   float64 `xml:"yMax,attr"`
				Text string  `xml:",chardata"`
			} `xml:"word"`
		} `xml:"body>doc>page"`
	}
	dec := xml.NewDecoder(strings.NewReader(out))
	dec.Strict, dec.AutoClose, dec.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	if err := dec.Decode(&html); err != nil {
		t.Fatal(err)
	}
	for i, page := range html.Pages {
		if i >= len(d.Pages) {
			break
		}
		from, to := d.Pages[i].Offset, len(d.Text)
		if i+1 < len(d.Pages) {
			to = d.Pages[i+1].Offset
		}
		text := d.Text[from:to]
		count := map[string]int{}
		for _, w := range page.Words {
			count[w.Text]++
		}
		for _, w := range page.Words {
			at := strings.Index(text, w.Text)
			if len([]rune(w.Text)) < 4 || count[w.Text] > 1 || at < 0 || strings.Count(text, w.Text) > 1 {
				continue
			}
			asked++
			r, ok := store.RegionOf(d.Boxes, from+at, from+at+len(w.Text))
			x, y := (r.X+r.W/2)*page.Width, (r.Y+r.H/2)*page.Height
			const around = 3 * 72 / 25.4
			if ok && r.Page == i+1 && x > w.X1-around && x < w.X2+around && y > w.Y1-around && y < w.Y2+around && math.Abs(r.W*page.Width-(w.X2-w.X1)) < w.X2-w.X1+4*around {
				near++
			} else {
				t.Logf("%q at %.0f,%.0f: region %v", w.Text, w.X1, w.Y1, r)
			}
		}
	}
	return near, asked
}

package extract

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/store"
)

// Pages that are images between pages of text: a signed page in a contract, a
// chapter that was scanned. The confined child finds them by what a page paints;
// the programs that recognise text run beside it.

const (
	// scanShare is how much of a page its images cover when it is one.
	scanShare = 0.5
	// A page with this many letters and digits is text with a picture; stamps and
	// numbers of pages are fewer.
	scanLetters = 50
)

// pictured reports whether the page that was read last is an image as far as its
// images tell, or whether its fonts kept lost characters to themselves.
func (r *pdfReader) pictured(lost int) bool {
	return r.paint.pictured >= scanShare || lost >= scanLetters
}

// fewLetters reports whether the lines of a page are no more than stamps and
// numbers on it.
func fewLetters(lines []pdfLine) bool {
	n := 0
	for i := range lines {
		if !lines[i].dropped {
			n += utf8.RuneCountInString(letterKey(lines[i].text()))
		}
	}
	return n < scanLetters
}

// keepScans leaves a document that has pages of images to who recognises their
// text, with the file where it is a member; without such a program it is a warning.
func (j *job) keepScans(doc *ingest.Document, data []byte) {
	switch {
	case len(doc.Scans) == 0:
	case !j.o.Scans:
		doc.Warnings = appendWarning(doc.Warnings, "the text of "+countedPages(doc.Scans)+" is an image and was not read; install tesseract and pdftoppm (poppler) to recognise it")
		doc.Scans = nil
	case j.depth > 0 && !j.takePicture(data):
		doc.Warnings = appendWarning(doc.Warnings, "the text of "+countedPages(doc.Scans)+" is an image and was not read: too many pictures in one file")
		doc.Scans = nil
	case j.depth > 0:
		doc.Picture = data
	}
}

// takePicture counts a picture of a member; false when there were too many.
func (j *job) takePicture(data []byte) bool {
	if j.pictured+len(data) > maxPictures {
		return false
	}
	j.pictured += len(data)
	return true
}

// shareOf is how much of the page a box takes, at most all of it.
func (b pdfBox) shareOf(page pdfBox) float64 {
	w := min(b.x2, page.x2) - max(b.x1, page.x1)
	h := min(b.y2, page.y2) - max(b.y1, page.y1)
	whole := (page.x2 - page.x1) * (page.y2 - page.y1)
	if w <= 0 || h <= 0 || !(whole > 0 && whole < 1e12) {
		return 0
	}
	return w * h / whole
}

// pageNumbers writes numbers in order as people do: "3, 5-7".
func pageNumbers(pages []int) string {
	var b strings.Builder
	for i := 0; i < len(pages); {
		k := i
		for k+1 < len(pages) && pages[k+1] == pages[k]+1 {
			k++
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Itoa(pages[i]))
		if k > i {
			b.WriteString("-" + strconv.Itoa(pages[k]))
		}
		i = k + 1
	}
	return b.String()
}

// countedPages is "page 3" or "pages 3, 5-7".
func countedPages(pages []int) string {
	if len(pages) == 1 {
		return "page " + strconv.Itoa(pages[0])
	}
	return "pages " + pageNumbers(pages)
}

// recognisePages adds the text of the pages in doc.Scans, which are images, to
// the document that was read from the PDF data. Pages that fail are warnings.
func (o *ocr) recognisePages(ctx context.Context, doc *ingest.Document, data []byte) error {
	scans := doc.Scans
	doc.Scans = nil
	var found []scannedPage
	until := time.Now().Add(ocrPagesPerFile * o.timeout)
	languages := ""
	for i, n := range scans {
		if i >= maxOCRPages || time.Now().After(until) {
			doc.Warnings = appendWarning(doc.Warnings, "the text of "+countedPages(scans[i:])+" was not recognised: that takes too long")
			break
		}
		image, err := o.draw(ctx, data, n)
		var words []ocrWord
		if err == nil {
			words, languages, err = o.page(ctx, image, languages)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			doc.Warnings = appendWarning(doc.Warnings, fmt.Sprintf("the text of page %d was not recognised: %v", n, err))
			continue
		}
		if len(words) > 0 {
			found = append(found, scannedPage{n, words})
		}
	}
	insertPages(doc, found)
	return nil
}

// draw makes an image of a page. A page that is not there is an error.
func (o *ocr) draw(ctx context.Context, data []byte, page int) ([]byte, error) {
	n := strconv.Itoa(page)
	image, err := o.run(ctx, data, maxOCRImage, o.pdftoppm, "-r", strconv.Itoa(ocrDPI), "-gray", "-f", n, "-l", n, "-")
	if err == nil && len(image) == 0 {
		err = fmt.Errorf("%w: pdftoppm drew nothing", ingest.ErrDamaged)
	}
	return image, err
}

// scannedPage is a page with the words that were recognised on its image.
type scannedPage struct {
	number int
	words  []ocrWord
}

// insertPages puts the text of images behind what else stands on their pages,
// under the section that is open there. Paragraphs that the page has as text are
// not repeated. Pages are in order.
func insertPages(doc *ingest.Document, pages []scannedPage) {
	var text strings.Builder
	var blocks []ingest.Block
	var marks []ingest.Mark
	var boxes []store.Box
	from, nextBlock, nextMark := 0, 0, 0
	// upTo takes over what stands before an offset of the old text.
	upTo := func(end int) {
		shift := text.Len() - from
		for ; nextBlock < len(doc.Blocks) && doc.Blocks[nextBlock].Start < end; nextBlock++ {
			b := doc.Blocks[nextBlock]
			b.Start, b.End = b.Start+shift, b.End+shift
			rows := make([]ingest.Range, len(b.Rows))
			for i, r := range b.Rows {
				rows[i] = ingest.Range{Start: r.Start + shift, End: r.End + shift}
			}
			if b.Rows = rows; len(rows) == 0 {
				b.Rows = nil
			}
			blocks = append(blocks, b)
		}
		text.WriteString(doc.Text[from:end])
		from = end
	}
	keepMark := func(offset int) {
		marks = append(marks, ingest.Mark{Offset: offset, Number: doc.Pages[nextMark].Number})
		nextMark++
	}
	for _, p := range pages {
		shift := text.Len() - from
		for nextMark < len(doc.Pages) && doc.Pages[nextMark].Number < p.number {
			keepMark(doc.Pages[nextMark].Offset + shift)
		}
		// Only pages behind the last text have no mark.
		own, end := len(doc.Text), len(doc.Text)
		marked := nextMark < len(doc.Pages) && doc.Pages[nextMark].Number == p.number
		if marked {
			own = doc.Pages[nextMark].Offset
			keepMark(own + shift)
		}
		if nextMark < len(doc.Pages) {
			end = doc.Pages[nextMark].Offset
		}
		upTo(end)
		b := (&job{o: (*Options)(nil).withDefaults(), textLeft: maxOCRText}).newBuilder()
		b.recognised(p.number, notIn(p.words, letterKey(doc.Text[own:end])))
		piece := b.done()
		if piece.Text == "" {
			continue
		}
		last := end == len(doc.Text)
		if last && text.Len() > 0 {
			text.WriteString("\n\n")
		}
		start := text.Len()
		if !marked {
			marks = append(marks, ingest.Mark{Offset: start, Number: p.number})
		}
		var section []string
		if n := len(blocks); n > 0 {
			section = blocks[n-1].Section
		}
		for _, b := range piece.Blocks {
			b.Start, b.End, b.Section = b.Start+start, b.End+start, section
			blocks = append(blocks, b)
		}
		for _, x := range piece.Boxes {
			x.Offset += start
			boxes = append(boxes, x)
		}
		text.WriteString(piece.Text)
		boxes = append(boxes, store.Box{Offset: text.Len(), Page: p.number}) // what follows stands on no image
		if !last {
			text.WriteString("\n\n")
		}
	}
	shift := text.Len() - from
	for _, m := range doc.Pages[nextMark:] {
		marks = append(marks, ingest.Mark{Offset: m.Offset + shift, Number: m.Number})
	}
	upTo(len(doc.Text))
	doc.Text, doc.Blocks, doc.Pages = text.String(), blocks, marks
	if len(boxes) > 0 {
		doc.Boxes = boxes
		if doc.Labels == nil {
			doc.Labels = map[string]string{}
		}
		doc.Labels["ocr"] = "true"
	}
}

// notIn leaves out the paragraphs whose letters stand in key.
func notIn(words []ocrWord, key string) []ocrWord {
	if key == "" {
		return words
	}
	var kept []ocrWord
	for len(words) > 0 {
		n := paragraphOf(words)
		var b strings.Builder
		for _, w := range words[:n] {
			b.WriteString(w.text)
		}
		if !strings.Contains(key, letterKey(b.String())) {
			kept = append(kept, words[:n]...)
		}
		words = words[n:]
	}
	return kept
}

package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/store"
)

// ocr reads images of text by tesseract, and scanned PDF pages by pdftoppm and
// tesseract, where these programs are installed. They are programs of their own,
// so they run beside the readers and not in a confined child; each page has a
// deadline.
type ocr struct {
	tesseract string // path; "" when it is not installed
	pdftoppm  string
	timeout   time.Duration
	slots     chan struct{} // one for each page read at once

	once      sync.Once
	languages string
}

const (
	ocrDPI      = 200
	maxOCRPages = 500
	maxOCRImage = 128 << 20
	maxOCRText  = 16 << 20
	maxOCRWords = 1 << 17
	// A file may take as long as this many pages that reach their deadline.
	ocrPagesPerFile = 10
)

// ocrLanguages are used as far as they are installed.
var ocrLanguages = []string{"eng", "chi_sim", "chi_tra"}

func findOCR(workers int, timeout time.Duration) *ocr {
	o := &ocr{timeout: timeout, slots: make(chan struct{}, max(workers, 1))}
	o.tesseract, _ = exec.LookPath("tesseract")
	o.pdftoppm, _ = exec.LookPath("pdftoppm")
	return o
}

// imageMagic are the kinds of images that tesseract reads.
var imageMagic = []struct{ magic, media string }{
	{"\x89PNG\r\n\x1a\n", "image/png"}, {"\xff\xd8\xff", "image/jpeg"}, {"II*\x00", "image/tiff"}, {"MM\x00*", "image/tiff"}, {"BM", "image/bmp"}, {"GIF8", "image/gif"},
}

// imageMedia is the media type of an image, "" for other files.
func imageMedia(data []byte) string {
	for _, m := range imageMagic {
		if bytes.HasPrefix(data, []byte(m.magic)) {
			return m.media
		}
	}
	if len(data) > 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP" {
		return "image/webp"
	}
	return ""
}

// extract reads what a reader could not: err is what it said. The same error
// comes back when the file is nothing that can be recognised, and one that names
// what is missing when it would be.
func (o *ocr) extract(ctx context.Context, in ingest.Input, err error) ([]ingest.Document, error) {
	media := imageMedia(in.Data)
	scan := errors.Is(err, ingest.ErrNoText) && isPDF(&probe{data: in.Data})
	switch {
	case media == "" && !scan:
		return nil, err
	case o.tesseract == "":
		return nil, fmt.Errorf("%w; install tesseract to recognise its text", err)
	case scan && o.pdftoppm == "":
		return nil, fmt.Errorf("%w; install pdftoppm (poppler) to recognise its text", err)
	}
	j := &job{ctx: ctx, o: (*Options)(nil).withDefaults()}
	j.textLeft = j.o.MaxText
	b := j.newBuilder()
	languages := ""
	if scan {
		media = pdfMedia
		until := time.Now().Add(ocrPagesPerFile * o.timeout)
		for n := 1; n <= maxOCRPages; n++ {
			if time.Now().After(until) {
				b.warn(fmt.Sprintf("pages from %d on were not recognised: it took more than %s", n, ocrPagesPerFile*o.timeout))
				break
			}
			image, e := o.draw(ctx, in.Data, n)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if e != nil {
				break // behind the last page
			}
			b.page(n)
			var words []ocrWord
			if words, languages, e = o.page(ctx, image, languages); e != nil {
				b.warn(fmt.Sprintf("page %d: %v", n, e))
			}
			b.recognised(n, words)
		}
	} else {
		words, _, e := o.page(ctx, in.Data, "")
		if e != nil {
			return nil, e
		}
		b.recognised(0, words)
	}
	doc := b.done()
	if len(doc.Blocks) == 0 {
		if len(doc.Warnings) > 0 {
			return nil, fmt.Errorf("%w; recognition failed: %s", ingest.ErrNoText, doc.Warnings[0])
		}
		return nil, fmt.Errorf("%w, nor was any recognised in its images", ingest.ErrNoText)
	}
	doc.MediaType = media
	doc.Labels = map[string]string{"ocr": "true"}
	return []ingest.Document{doc}, nil
}

// page recognises the text of one image. languages are what the page before was
// read in, "" for the first; what it was read in is returned.
func (o *ocr) page(ctx context.Context, image []byte, languages string) ([]ocrWord, string, error) {
	select {
	case o.slots <- struct{}{}:
		defer func() { <-o.slots }()
	case <-ctx.Done():
		return nil, languages, ctx.Err()
	}
	if languages == "" {
		languages = o.installed(ctx)
	}
	words, err := o.words(ctx, image, languages)
	if err != nil {
		return nil, languages, err
	}
	// Read in all languages at once, Han text loses to Latin look-alikes; its own
	// language first reads it better.
	if better := o.languageOf(ctx, words); better != languages {
		if again, err := o.words(ctx, image, better); err == nil && len(again) > 0 {
			words, languages = again, better
		}
	}
	return words, languages, nil
}

func (o *ocr) words(ctx context.Context, image []byte, languages string) ([]ocrWord, error) {
	out, err := o.run(ctx, image, maxOCRText, o.tesseract, "stdin", "stdout", "-l", languages, "--dpi", strconv.Itoa(ocrDPI), "-c", "tessedit_create_tsv=1")
	if err != nil {
		return nil, err
	}
	return parseTSV(string(out)), nil
}

// languageOf is what a page with these words is best read in.
func (o *ocr) languageOf(ctx context.Context, words []ocrWord) string {
	all := o.installed(ctx)
	han, letters, traditional := 0, 0, 0
	for _, w := range words {
		for _, r := range w.text {
			switch {
			case unicode.Is(unicode.Han, r):
				han++
				if strings.ContainsRune(onlyTraditional, r) {
					traditional++
				} else if strings.ContainsRune(onlySimplified, r) {
					traditional--
				}
			case unicode.IsLetter(r):
				letters++
			}
		}
	}
	if 2*han < letters || han == 0 {
		return all
	}
	first := "chi_sim"
	if traditional > 0 {
		first = "chi_tra"
	}
	have := strings.Split(all, "+")
	if !slices.Contains(have, first) {
		return all
	}
	if slices.Contains(have, "eng") {
		return first + "+eng"
	}
	return first
}

// Frequent characters that are written in one way of Chinese only.
const (
	onlySimplified  = "们这国说对时后来个为发会学经过还进应与开关长问题动现点业产实无电书两车马东见"
	onlyTraditional = "們這國說對時後來個為發會學經過還進應與開關長問題動現點業產實無電書兩車馬東見"
)

// ocrWord is a word that was recognised.
type ocrWord struct {
	text            string
	block, par, row int
	box             store.Box // without offset and page
}

// parseTSV reads the words of tesseract's table: level, page, block, paragraph,
// line, word, left, top, width, height, confidence, text.
func parseTSV(s string) (words []ocrWord) {
	width, height := 0, 0
	for line := range strings.Lines(s) {
		f := strings.SplitN(strings.TrimRight(line, "\r\n"), "\t", 12)
		if len(f) < 11 {
			continue
		}
		var n [10]int
		ok := true
		for i := range n {
			v, err := strconv.Atoi(f[i])
			ok = ok && err == nil && v >= 0 && v < 1<<20
			n[i] = v
		}
		switch {
		case !ok:
		case n[0] == 1:
			width, height = n[8], n[9]
		case n[0] == 5 && len(f) == 12 && width > 0 && height > 0:
			text := oneLine(strings.ToValidUTF8(f[11], ""))
			if text == "" || len(words) >= maxOCRWords {
				continue
			}
			share := func(v, whole int) int { return min(v*10000/whole, 10000) }
			w := ocrWord{text: text, block: n[2], par: n[3], row: n[4]}
			w.box.Left, w.box.Top = share(n[6], width), share(n[7], height)
			w.box.Width = min(share(n[8], width), 10000-w.box.Left)
			w.box.Height = min(share(n[9], height), 10000-w.box.Top)
			words = append(words, w)
		}
	}
	return words
}

// paragraphOf is how many words the paragraph of the first one has.
func paragraphOf(words []ocrWord) int {
	n := 1
	for n < len(words) && words[n].block == words[0].block && words[n].par == words[0].par {
		n++
	}
	return n
}

// recognised adds the words of a page in paragraphs, and a box for each. Hyphens
// at line ends go, and so do the blanks that recognition puts between Han
// characters.
func (b *builder) recognised(page int, words []ocrWord) {
	for len(words) > 0 {
		n := paragraphOf(words)
		start := b.begin("\n\n")
		var text strings.Builder
		var boxes []store.Box
		for i, w := range words[:n] {
			have := text.String()
			last, _ := utf8.DecodeLastRuneInString(have)
			first, _ := utf8.DecodeRuneInString(w.text)
			switch {
			case i == 0:
			case words[i-1].row != w.row && hyphenated(have, w.text):
				have = strings.TrimRight(have, "-‐")
				text.Reset()
				text.WriteString(have)
			case isCJK(last) && isCJK(first):
			default:
				text.WriteByte(' ')
			}
			w.box.Offset, w.box.Page = start+text.Len(), page
			boxes = append(boxes, w.box)
			text.WriteString(closeCJK(w.text))
		}
		words = words[n:]
		b.write(text.String())
		b.doc.Boxes = append(b.doc.Boxes, boxes...)
		b.doc.Blocks = append(b.doc.Blocks, ingest.Block{Kind: ingest.Paragraph, Start: start, End: b.text.Len(), Section: b.path()})
	}
}

// installed are the languages to recognise, as tesseract wants them. All of them
// at once: what tesseract says of the script of an image is wrong too often.
func (o *ocr) installed(ctx context.Context) string {
	o.once.Do(func() {
		o.languages = ocrLanguages[0]
		list, err := o.run(ctx, nil, 1<<16, o.tesseract, "--list-langs")
		if err != nil {
			return
		}
		have := strings.Fields(string(list))
		var use []string
		for _, l := range ocrLanguages {
			if slices.Contains(have, l) {
				use = append(use, l)
			}
		}
		if len(use) > 0 {
			o.languages = strings.Join(use, "+")
		}
	})
	return o.languages
}

// run gives a program its input and returns at most limit bytes of its output.
func (o *ocr) run(ctx context.Context, stdin []byte, limit int, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	// More threads than one make tesseract slower when several pages are read.
	cmd.Env = append(os.Environ(), "OMP_THREAD_LIMIT=1")
	cmd.WaitDelay = time.Second
	cmd.Stdin = bytes.NewReader(stdin)
	out := &limitedBuffer{limit: limit, full: cancel}
	cmd.Stdout = out
	err := cmd.Run()
	switch {
	case out.over:
		return nil, fmt.Errorf("%w: %s wrote more than %d MB", ingest.ErrTooLarge, name, limit>>20)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, fmt.Errorf("%w: %s on one page", ingest.ErrTimeout, name)
	case err != nil:
		return nil, fmt.Errorf("%w: %s: %w", ingest.ErrDamaged, name, err)
	}
	return out.b.Bytes(), nil
}

// limitedBuffer ends the program that writes too much.
type limitedBuffer struct {
	b     bytes.Buffer
	limit int
	over  bool
	full  func()
}

func (l *limitedBuffer) Write(p []byte) (int, error) {
	if l.b.Len()+len(p) > l.limit {
		l.over = true
		l.full()
		return 0, errors.New("too much output")
	}
	return l.b.Write(p)
}

// closeCJK drops single blanks between characters of scripts without blanks.
func closeCJK(s string) string {
	var out strings.Builder
	out.Grow(len(s))
	var last rune
	for i, r := range s {
		if r == ' ' && isCJK(last) {
			if next, _ := utf8.DecodeRuneInString(s[i+1:]); isCJK(next) {
				continue
			}
		}
		out.WriteRune(r)
		last = r
	}
	return out.String()
}

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
	"unicode/utf8"

	"github.com/lore-kb/lore/ingest"
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
	maxOCRText  = 4 << 20
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
	if scan {
		media = "application/pdf"
		until := time.Now().Add(ocrPagesPerFile * o.timeout)
		for n := 1; n <= maxOCRPages; n++ {
			if time.Now().After(until) {
				b.warn(fmt.Sprintf("pages from %d on were not recognised: it took more than %s", n, ocrPagesPerFile*o.timeout))
				break
			}
			image, e := o.run(ctx, in.Data, maxOCRImage, o.pdftoppm, "-r", strconv.Itoa(ocrDPI), "-gray", "-f", strconv.Itoa(n), "-l", strconv.Itoa(n), "-")
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if e != nil || len(image) == 0 {
				break // behind the last page
			}
			b.page(n)
			if e := o.page(ctx, b, image); e != nil {
				b.warn(fmt.Sprintf("page %d: %v", n, e))
			}
		}
	} else if e := o.page(ctx, b, in.Data); e != nil {
		return nil, e
	}
	doc := b.done()
	if len(doc.Blocks) == 0 {
		return nil, fmt.Errorf("%w, nor was any recognised in its images", ingest.ErrNoText)
	}
	doc.MediaType = media
	doc.Labels = map[string]string{"ocr": "true"}
	return []ingest.Document{doc}, nil
}

// page recognises the text of one image.
func (o *ocr) page(ctx context.Context, b *builder, image []byte) error {
	select {
	case o.slots <- struct{}{}:
		defer func() { <-o.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	text, err := o.run(ctx, image, maxOCRText, o.tesseract, "stdin", "stdout", "-l", o.installed(ctx), "--dpi", strconv.Itoa(ocrDPI))
	if err != nil {
		return err
	}
	s := strings.ToValidUTF8(strings.ReplaceAll(string(text), "\f", "\n\n"), "")
	for p := range paragraphs(s) {
		b.para(joinLines(s[p.Start:p.End]))
	}
	return nil
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

// joinLines makes a paragraph of recognised lines: hyphens at line ends go, and
// so do the blanks that recognition puts between Han characters.
func joinLines(s string) string {
	var out strings.Builder
	for line := range strings.Lines(s) {
		line = oneLine(line)
		if line == "" {
			continue
		}
		have := out.String()
		if hyphenated(have, line) {
			out.Reset()
			out.WriteString(strings.TrimRight(have, "-‐"))
		} else if have != "" {
			out.WriteByte(' ')
		}
		out.WriteString(line)
	}
	return closeCJK(out.String())
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

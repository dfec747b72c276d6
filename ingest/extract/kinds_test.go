package extract_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
)

// TestKinds reads the files of LORE_FILES, one folder for each kind, in child
// processes, and reports for each kind how many were read, why the others were
// not, and how long it took. With LORE_PASSWORDS, a file of lines, it knows
// passwords.
func TestKinds(t *testing.T) {
	dir := os.Getenv("LORE_FILES")
	if dir == "" {
		t.Skip("LORE_FILES names no folder")
	}
	o := &extract.PoolOptions{NoOCR: os.Getenv("LORE_OCR") == "", Workers: 1}
	if file := os.Getenv("LORE_PASSWORDS"); file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		o.Passwords = strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	}
	p := newPool(t, o)
	_, _ = p.Extract(context.Background(), ingest.Input{Name: "a.txt", Data: []byte("start the child")})
	type kind struct {
		files, read int
		why         []string
		seconds     float64
		bytes       int
	}
	kinds := map[string]*kind{}
	total, read := 0, 0
	for _, path := range filesIn(t, dir) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(filepath.Dir(path))
		k := kinds[name]
		if k == nil {
			k = &kind{}
			kinds[name] = k
		}
		start := time.Now()
		docs, err := p.Extract(context.Background(), ingest.Input{Name: filepath.Base(path), Data: data})
		k.seconds += time.Since(start).Seconds()
		k.files++
		total++
		speech := slices.ContainsFunc(docs, func(d ingest.Document) bool { return len(d.Recording) > 0 })
		switch {
		case err != nil:
			k.why = append(k.why, filepath.Base(path)+": "+err.Error())
		case speech:
			k.why = append(k.why, filepath.Base(path)+": a recording, to be transcribed")
		default:
			k.read++
			read++
			for i := range docs {
				k.bytes += len(docs[i].Text)
			}
		}
	}
	var names []string
	for n := range kinds {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		k := kinds[n]
		t.Logf("%-16s files %2d read %2d seconds %6.2f text %8d bytes", n, k.files, k.read, k.seconds, k.bytes)
		for _, w := range k.why {
			t.Logf("%-16s   %s", "", w)
		}
	}
	t.Logf("%d of %d files give text", read, total)
}

// TestPoolSaturates reads the files of LORE_PDF_DIR thrice by one child and by two;
// for a quiet machine only.
func TestPoolSaturates(t *testing.T) {
	if os.Getenv("LORE_PDF_TIME") == "" {
		t.Skip("LORE_PDF_TIME is not set")
	}
	files := pdfFolder(t)
	var data [][]byte
	for range 3 {
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			data = append(data, b)
		}
	}
	took := func(workers int) float64 {
		p := newPool(t, &extract.PoolOptions{NoOCR: true, Workers: workers})
		next := make(chan []byte, len(data))
		for _, d := range data {
			next <- d
		}
		close(next)
		start := time.Now()
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for d := range next {
					_, _ = p.Extract(context.Background(), ingest.Input{Name: "a.pdf", Data: d})
				}
			})
		}
		wg.Wait()
		return time.Since(start).Seconds()
	}
	one, two := took(1), took(2)
	t.Logf("one child %.2fs, two children %.2fs: %.2f times as fast", one, two, one/two)
}

// BenchmarkDOCX reads a file whose document part is 32 MB of XML; the rate is that
// of the XML.
func BenchmarkDOCX(b *testing.B) {
	var body bytes.Buffer
	for i := 0; body.Len() < 32<<20; i++ {
		fmt.Fprintf(&body, `<w:p><w:pPr><w:pStyle w:val="BodyText"/><w:spacing w:before="120" w:after="120"/></w:pPr><w:r><w:rPr><w:rFonts w:ascii="Calibri" w:hAnsi="Calibri"/><w:sz w:val="22"/></w:rPr><w:t xml:space="preserve">Paragraph %d of a long report says </w:t></w:r><w:r><w:rPr><w:b/></w:rPr><w:t>what there is to say</w:t></w:r><w:r><w:t>, and nothing that has been said before.</w:t></w:r></w:p>`, i)
	}
	xml := docxBody(body.String())
	data := makeZip(b, map[string]string{"word/document.xml": xml})
	b.SetBytes(int64(len(xml)))
	for b.Loop() {
		if _, err := extract.New(nil).Extract(context.Background(), ingest.Input{Name: "a.docx", Data: data}); err != nil && !errors.Is(err, ingest.ErrTooLarge) {
			b.Fatal(err)
		}
	}
}

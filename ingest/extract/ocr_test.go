package extract

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/store"
)

// fakeOCR has shell scripts in place of the programs: pages 1 and 2 exist.
func fakeOCR(t *testing.T) *ocr {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	dir := t.TempDir()
	script := func(name, body string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	o := findOCR(1, 10*time.Second)
	o.tesseract = script("tesseract", `
if [ "$1" = --list-langs ]; then printf 'List:\neng\nchi_sim\nosd\n'; exit; fi
in=$(cat)
row() { printf '%s\t1\t%s\t1\t%s\t%s\t%s\t%s\t%s\t%s\t90\t%s\n' "$@"; }
printf 'level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n'
printf '1\t1\t0\t0\t0\t0\t0\t0\t1000\t2000\t-1\t\n'
row 5 1 1 1 100 200 100 20 "$4"
row 5 1 1 2 210 200 100 20 recog-
row 5 1 2 1 100 230 100 20 nised
row 5 1 2 2 210 230 100 20 "$in"
row 5 2 1 1 100 400 20 20 这
row 5 2 1 2 120 400 20 20 '是 文'
row 5 2 1 3 140 400 20 20 ' '
row 5 2 1 4 170 400 60 20 words
`)
	o.pdftoppm = script("pdftoppm", `case "$5" in 1|2) printf 'image %s' "$5";; *) exit 99;; esac`)
	return o
}

func TestOCR(t *testing.T) {
	o := fakeOCR(t)
	noText := errors.Join(ingest.ErrNoText)
	docs, err := o.extract(context.Background(), ingest.Input{Data: []byte("%PDF-1.4 scan")}, noText)
	if err != nil {
		t.Fatal(err)
	}
	d := docs[0]
	want := "eng+chi_sim recognised image 1\n\n这是文 words\n\neng+chi_sim recognised image 2\n\n这是文 words"
	if d.Text != want || len(d.Blocks) != 4 || len(d.Pages) != 2 || d.Pages[1].Offset != strings.Index(want, "eng+chi_sim recognised image 2") {
		t.Errorf("got %q, %d blocks, pages %v", d.Text, len(d.Blocks), d.Pages)
	}
	// The hyphenated word keeps the box of its first part, which is on the line above.
	at := strings.LastIndex(want, "nised")
	if r, ok := store.RegionOf(d.Boxes, at, at+5); !ok || r != (store.Region{Page: 2, X: 0.1, Y: 0.115, W: 0.1, H: 0.01}) {
		t.Errorf("region of the second part %v", r)
	}
	at = strings.LastIndex(want, "words")
	if r, ok := store.RegionOf(d.Boxes, at, at+5); !ok || r != (store.Region{Page: 2, X: 0.17, Y: 0.2, W: 0.06, H: 0.01}) {
		t.Errorf("region of the last word %v", r)
	}
	docs, err = o.extract(context.Background(), ingest.Input{Data: []byte("\x89PNG\r\n\x1a\n")}, ingest.ErrUnsupported)
	if err != nil || docs[0].MediaType != "image/png" || docs[0].Pages != nil {
		t.Errorf("image: got %v, %v", docs, err)
	}
	if _, err := o.extract(context.Background(), ingest.Input{Data: []byte("\x7fELF")}, ingest.ErrUnsupported); err != ingest.ErrUnsupported {
		t.Errorf("a program: got %v, want the reader's error", err)
	}
	missing := &ocr{}
	if _, err := missing.extract(context.Background(), ingest.Input{Data: []byte("\xff\xd8\xff")}, ingest.ErrUnsupported); !errors.Is(err, ingest.ErrUnsupported) || !strings.Contains(err.Error(), "install tesseract") {
		t.Errorf("without tesseract: got %v", err)
	}
}

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
printf '%s recog-\nnised from ' "$4"
cat
printf '\n\n这 是 文 字 and words\n\f'
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
	want := "eng+chi_sim recognised from image 1\n\n这是文字 and words\n\neng+chi_sim recognised from image 2\n\n这是文字 and words"
	if d.Text != want || len(d.Blocks) != 4 || len(d.Pages) != 2 || d.Pages[1].Offset != strings.Index(want, "eng+chi_sim recognised from image 2") {
		t.Errorf("got %q, %d blocks, pages %v", d.Text, len(d.Blocks), d.Pages)
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

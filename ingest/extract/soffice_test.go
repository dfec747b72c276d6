package extract_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
)

// converter puts a program into the path in LibreOffice's place.
func converter(t *testing.T, script string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in is a shell script")
	}
	dir := t.TempDir()
	if script != "" {
		if err := os.WriteFile(filepath.Join(dir, "soffice"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	if script == "" {
		t.Setenv("PATH", dir)
	}
}

// args finds what LibreOffice's arguments name: $target, $out and $in.
const args = `while [ $# -gt 0 ]; do
case "$1" in --convert-to) target=$2; shift;; --outdir) out=$2; shift;; *) in=$1;; esac
shift; done
mkdir -p "$out"
`

func readOld(t *testing.T, o *extract.PoolOptions, name string, data []byte) ([]ingest.Document, error) {
	t.Helper()
	o.Workers, o.NoOCR = 1, true
	p, err := extract.NewPool(o)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	return p.Extract(t.Context(), ingest.Input{Name: name, Data: data})
}

func TestOldFormatsByWayOfLibreOffice(t *testing.T) {
	perfect := []byte("\xffWPC\x10\x00\x00\x00the words of an old letter")
	t.Run("installed", func(t *testing.T) {
		// Writes what it was given, from byte 9 on, as a page.
		converter(t, args+`[ "$target" = docx ] && [ ! -e "$HOME/.config" ] || exit 3
{ printf '<html><body><p>'; tail -c +9 "$in"; printf '</p></body></html>'; } > "$out/in.docx"`)
		docs, err := readOld(t, &extract.PoolOptions{}, "letter.wpd", perfect)
		if err != nil || len(docs) != 1 || docs[0].Text != "the words of an old letter" || !strings.Contains(strings.Join(docs[0].Warnings, " "), "LibreOffice") {
			t.Errorf("got %+v, %v", docs, err)
		}
	})
	t.Run("not installed", func(t *testing.T) {
		converter(t, "")
		if _, err := readOld(t, &extract.PoolOptions{}, "letter.wpd", perfect); !errors.Is(err, ingest.ErrUnsupported) || !strings.Contains(err.Error(), "install LibreOffice") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("fails", func(t *testing.T) {
		converter(t, "exit 7")
		if _, err := readOld(t, &extract.PoolOptions{}, "letter.wpd", perfect); !errors.Is(err, ingest.ErrDamaged) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("writes nothing", func(t *testing.T) {
		converter(t, "exit 0")
		if _, err := readOld(t, &extract.PoolOptions{}, "letter.wpd", perfect); !errors.Is(err, ingest.ErrDamaged) || !strings.Contains(err.Error(), "could not read it") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("not asked", func(t *testing.T) {
		converter(t, "exit 7")
		if _, err := readOld(t, &extract.PoolOptions{}, "data.bin", []byte("\x01\x02\x03\x04\x05\x06\x07")); !errors.Is(err, ingest.ErrUnsupported) || strings.Contains(err.Error(), "LibreOffice") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no end", func(t *testing.T) {
		converter(t, "while :; do :; done")
		p, err := extract.NewPool(&extract.PoolOptions{Workers: 1, NoOCR: true, Timeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		extract.SetOfficeTimeout(p, 300*time.Millisecond)
		if _, err := p.Extract(t.Context(), ingest.Input{Name: "letter.wpd", Data: perfect}); !errors.Is(err, ingest.ErrTimeout) {
			t.Errorf("got %v", err)
		}
	})
}

package extract_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
)

// The files are one page of ours, encrypted by pypdf: "…-open" with an empty user
// password, "…-user" with "gate"; the owner password is "master".
func TestEncrypted(t *testing.T) {
	files, err := filepath.Glob("testdata/encrypted/*.pdf")
	if err != nil || len(files) != 10 {
		t.Fatalf("found %d files, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			passwords []string
			open      bool
		}{
			{nil, strings.Contains(file, "-open")},
			{[]string{"wrong"}, strings.Contains(file, "-open")},
			{[]string{"wrong", "gate"}, true},
			{[]string{"master"}, true},
		} {
			docs, err := extract.New(&extract.Options{Passwords: tt.passwords}).Extract(context.Background(), ingest.Input{Name: "a.pdf", Data: data})
			switch {
			case !tt.open && !errors.Is(err, ingest.ErrEncrypted):
				t.Errorf("%s with %q: got %v, want it to stay closed", file, tt.passwords, err)
			case tt.open && err != nil:
				t.Errorf("%s with %q: %v", file, tt.passwords, err)
			case tt.open && docs[0].Text != "The secret is out":
				t.Errorf("%s with %q: text is %q", file, tt.passwords, docs[0].Text)
			}
		}
	}
}

func TestPoolPassesPasswords(t *testing.T) {
	data, err := os.ReadFile("testdata/encrypted/aes-256-user.pdf")
	if err != nil {
		t.Fatal(err)
	}
	p := newPool(t, &extract.PoolOptions{Options: extract.Options{Passwords: []string{"gate"}}})
	if _, err := p.Extract(context.Background(), ingest.Input{Name: "a.pdf", Data: data}); err != nil {
		t.Error(err)
	}
}

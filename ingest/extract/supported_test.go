package extract_test

import (
	"context"
	"testing"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
)

// TestSupportedByItsStart holds the promise that a file which would be read is not
// turned away by its first kilobytes.
func TestSupportedByItsStart(t *testing.T) {
	for _, s := range samples(t) {
		if _, err := extract.New(nil).Extract(context.Background(), ingest.Input{Name: s.name, Data: s.data}); err != nil {
			continue
		}
		if !extract.Supported(s.name, s.data[:min(len(s.data), 8<<10)]) {
			t.Errorf("%s would be read and is turned away", s.name)
		}
	}
	// The directory of an old Office file may stand at its end.
	head := append([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), make([]byte, 8<<10)...)
	if !extract.Supported("report.doc", head) {
		t.Error("an Office file whose directory is further on is turned away")
	}
}

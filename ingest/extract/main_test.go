package extract_test

import (
	"os"
	"testing"

	"github.com/lore-kb/lore/ingest/extract"
)

func TestMain(m *testing.M) {
	extract.MaybeChild()
	os.Exit(m.Run())
}

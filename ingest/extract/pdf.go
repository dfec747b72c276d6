package extract

import (
	"fmt"

	"github.com/lore-kb/lore/ingest"
)

func isPDF(p *probe) bool { return false }

func readPDF(j *job, in ingest.Input) ([]ingest.Document, error) {
	return nil, fmt.Errorf("%w: PDF", ingest.ErrUnsupported)
}

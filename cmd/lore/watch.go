package main

import (
	"context"
	"errors"

	"github.com/lore-kb/lore/ingest"
)

// watch keeps sources in sync until ctx ends.
func (p *program) watch(ctx context.Context, syncer *ingest.Syncer, sources []ingest.Source) error {
	p.note("watching; stop with Ctrl-C")
	return errors.New("not there")
}

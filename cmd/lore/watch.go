package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lore-kb/lore/ingest"
)

// watch keeps sources in sync until ctx ends.
func (p *program) watch(ctx context.Context, syncer *ingest.Syncer, sources []ingest.Source) error {
	p.note("watching; stop with Ctrl-C")
	group, ctx := errgroup.WithContext(ctx)
	for _, src := range sources {
		folder, ok := src.(*ingest.Folder)
		if !ok {
			continue
		}
		first := true
		group.Go(func() error {
			return syncer.Watch(ctx, folder, &ingest.WatchOptions{
				Synced: func(report *ingest.Report, err error) {
					if err != nil && ctx.Err() == nil {
						fmt.Fprintf(p.err, "lore: %s\n", oneLine(err.Error()))
						return
					}
					if first {
						first = false
						return // the sync before said it
					}
					for _, failure := range report.Failures {
						fmt.Fprintf(p.err, "failed: %s: %s\n", printable(failure.Path), printable(failure.Reason))
					}
					fmt.Fprintf(p.out, "%s ", time.Now().Format(time.TimeOnly))
					p.printSummary(report)
				},
				Filled: func(filled ingest.Filled, err error) {
					if err != nil && ctx.Err() == nil {
						fmt.Fprintf(p.err, "lore: %s\n", oneLine(err.Error()))
					}
					if filled.Warning != "" {
						p.note("note: %s", filled.Warning)
					}
				},
			})
		})
	}
	return group.Wait()
}

package ingest

import (
	"context"
	"fmt"
	"strings"

	"github.com/lore-kb/lore/store"
)

// A batch is written when it holds this many documents or bytes of text.
const (
	batchDocuments = 2048
	batchBytes     = 4 << 20
	removeAtOnce   = 500
	writesAtOnce   = 10 << 20 // two batches, so that one is coded while the other is committed, or a large one alone
)

// batch gathers writes. They reach the store in an order in which a run may be
// cut off anywhere: members before the file that vouches for them, and what is
// replaced goes only after that. Batches do not depend on one another.
type batch struct {
	members, files []store.Document
	bytes          int
	marks          []mark
	remove         []string
}

type mark struct {
	ids    []string
	status store.Status
	reason string
}

// add takes the documents of one file, the file's own last.
func (b *batch) add(docs ...store.Document) {
	n := len(docs) - 1
	b.members = append(b.members, docs[:n]...)
	b.files = append(b.files, docs[n])
	for i := range docs {
		b.bytes += len(docs[i].Text)
	}
}

func (b *batch) mark(ids []string, status store.Status, reason string) {
	b.marks = append(b.marks, mark{ids, status, reason})
}

func (b *batch) full() bool {
	return len(b.files)+len(b.members) >= batchDocuments || b.bytes >= batchBytes
}

// flush writes the batch and empties it.
func (b *batch) flush(ctx context.Context, r *run) error {
	if r.opts.DryRun {
		*b = batch{}
		return nil
	}
	for _, docs := range [][]store.Document{b.members, b.files} {
		if len(docs) == 0 {
			continue
		}
		if err := r.store.Put(ctx, docs); err != nil {
			return fmt.Errorf("write %s: %w", docs[0].Path, err)
		}
	}
	if err := b.flushMarks(ctx, r); err != nil {
		return err
	}
	for ids := b.remove; len(ids) > 0; {
		n := min(len(ids), removeAtOnce)
		if _, err := r.store.Remove(ctx, store.Filter{Documents: ids[:n]}); err != nil {
			return fmt.Errorf("remove what is gone: %w", err)
		}
		ids = ids[n:]
	}
	*b = batch{}
	return nil
}

// flushMarks writes what changed of the state of stored documents, those of one
// state and reason together.
func (b *batch) flushMarks(ctx context.Context, r *run) error {
	marks := b.marks
	b.marks = nil
	if r.opts.DryRun {
		return nil
	}
	for len(marks) > 0 {
		first := marks[0]
		var rest []mark
		for _, m := range marks[1:] {
			if m.status == first.status && m.reason == first.reason {
				first.ids = append(first.ids, m.ids...)
			} else {
				rest = append(rest, m)
			}
		}
		if err := r.store.Mark(ctx, first.ids, first.status, first.reason); err != nil {
			return fmt.Errorf("mark %s: %w", strings.Join(first.ids, ", "), err)
		}
		marks = rest
	}
	return nil
}

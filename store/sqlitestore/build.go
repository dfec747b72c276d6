package sqlitestore

import (
	"context"
	"io"
	"runtime"
	"sync"

	"github.com/lore-kb/lore/store"
)

// build makes what a Put writes while it writes: the rows of each document, on all
// processors, and the segment of all points. Both are done by the time the
// transaction gets there, or it waits.
type build struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup
	ready  []prepared
	done   []chan struct{} // by document

	points  pointBuilder
	terms   termWriter
	coded   []byte // lists of postings
	largest float32
	err     error
	indexed chan struct{}
}

// startBuild begins to build documents; words may be nil. The caller calls stop.
func startBuild(ctx context.Context, docs []store.Document, words *vocabulary) *build {
	ctx, cancel := context.WithCancel(ctx)
	b := &build{cancel: cancel, ready: make([]prepared, len(docs)), done: make([]chan struct{}, len(docs)), indexed: make(chan struct{})}
	for i := range b.done {
		b.done[i] = make(chan struct{})
	}
	next := make(chan int)
	b.wg.Go(func() {
		defer close(next)
		for i := range docs {
			select {
			case next <- i:
			case <-ctx.Done():
				return
			}
		}
	})
	for range min(len(docs), runtime.GOMAXPROCS(0)) {
		b.wg.Go(func() {
			for i := range next {
				b.ready[i] = prepare(&docs[i], words)
				close(b.done[i])
			}
		})
	}
	b.wg.Go(func() {
		defer close(b.indexed)
		b.index(ctx, docs)
	})
	return b
}

// stop ends what is still going on.
func (b *build) stop() {
	b.cancel()
	b.wg.Wait()
	room := b.coded // alone, without b
	codeRoom.Put(&room)
}

// document returns the rows of a document.
func (b *build) document(ctx context.Context, i int) (*prepared, error) {
	select {
	case <-b.done[i]:
		return &b.ready[i], nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// index codes the postings of all documents.
func (b *build) index(ctx context.Context, docs []store.Document) {
	postings := gather(&b.points, docs)
	b.largest = b.points.largest()
	if b.err = ctx.Err(); b.err != nil {
		return
	}
	b.coded = (*codeRoom.Get().(*[]byte))[:0]
	w := listWriter{weights: &b.points.weights}
	b.err = postings.each(&w, func(term uint32) error {
		from := len(b.coded)
		b.coded = w.appendTo(b.coded, b.largest)
		b.terms.add(term, uint32(from), uint32(len(b.coded)-from))
		if b.terms.n%1024 == 0 {
			return ctx.Err()
		}
		return nil
	})
}

// segment writes the segment of all points; keys are those of the documents that
// have some.
func (b *build) segment(ctx context.Context, out io.Writer, keys []uint32) (int64, error) {
	select {
	case <-b.indexed:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if b.err != nil {
		return 0, b.err
	}
	b.points.runKeys = keys
	s := b.points.begin(out, b.largest)
	s.write(b.coded)
	return b.points.end(s, &b.terms)
}

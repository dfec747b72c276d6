package sqlitestore

import "sync"

// recent keeps what readers decoded last: a search reads the passages around
// those it read a moment ago, and a small collection is soon here as a whole. Keys
// are given once, so a key's text never changes; its record is good for the
// generation at which it was read.
//
// Each half of the room is filled by what is new or asked for again; when it is
// full, the older half goes.
type recent struct {
	mu         sync.Mutex
	generation int64
	young, old recentHalf
	size       int // bytes in young
}

type recentHalf struct {
	documents map[int64]*recentDocument
	blocks    map[int64][]byte
}

type recentDocument struct {
	row    row
	points *points
}

const (
	recentRoom  = 8 << 20 // bytes, in both halves
	recentExtra = 1 << 10 // what an entry takes besides its bytes
)

func (r *recent) half() *recentHalf {
	if r.size > recentRoom/2 {
		r.old, r.young, r.size = r.young, recentHalf{}, 0
	}
	if r.young.blocks == nil {
		r.young = recentHalf{map[int64]*recentDocument{}, map[int64][]byte{}}
	}
	return &r.young
}

// block returns at least size bytes of a block of text, or nil. Nobody writes to
// them.
func (r *recent) block(key int64, size int) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b := r.young.blocks[key]; len(b) >= size {
		return b
	}
	b := r.old.blocks[key]
	if len(b) < size {
		return nil
	}
	r.half().blocks[key] = b
	r.size += len(b) + recentExtra
	return b
}

func (r *recent) keepBlock(key int64, b []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.half()
	r.size += cap(b) - cap(h.blocks[key]) + recentExtra
	h.blocks[key] = b
}

// document returns a document as it is in a generation, or nil.
func (r *recent) document(key, generation int64) *recentDocument {
	r.mu.Lock()
	defer r.mu.Unlock()
	if generation != r.generation {
		return nil
	}
	d := r.young.documents[key]
	if d == nil {
		if d = r.old.documents[key]; d != nil {
			r.half().documents[key] = d
			r.size += len(d.points.coded) + recentExtra
		}
	}
	return d
}

func (r *recent) keepDocument(d *recentDocument, generation int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case generation < r.generation:
		return
	case generation > r.generation:
		r.generation = generation
		clear(r.young.documents)
		clear(r.old.documents)
	}
	r.half().documents[d.row.key] = d
	r.size += len(d.points.coded) + recentExtra
}

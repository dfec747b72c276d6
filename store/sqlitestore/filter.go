package sqlitestore

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/lore-kb/lore/store"
)

// selection is the points of a segment that a filter selects; a nil set is all.
type selection struct {
	set   bitset
	count int
}

// selections applies a filter to each segment of points. It returns nil for a
// filter without conditions on points.
func (ix *index) selections(ctx context.Context, c *conn, f *store.Filter) ([]selection, error) {
	g := *f
	g.Statuses = nil
	if g.Empty() {
		return nil, nil
	}
	var documents [][2]uint32 // ranges of keys
	if len(f.Documents) > 0 {
		for _, id := range f.Documents {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if _, err := c.one("SELECT key, chunks FROM documents WHERE id = ?", func(v []value) error {
				documents = append(documents, [2]uint32{uint32(asInt(v[0])), uint32(asInt(v[0]) + asInt(v[1]))})
				return nil
			}, idValue(id)); err != nil {
				return nil, err
			}
		}
	}
	g.Documents = nil
	out := make([]selection, len(ix.points))
	for i, p := range ix.points {
		if len(f.Documents) == 0 {
			out[i] = p.cache.get(p.pointSegment, &g)
			continue
		}
		set := newBitset(p.n)
		for _, d := range documents {
			at, ok := slices.BinarySearch(p.runKeys, d[0])
			if ok && d[1] > d[0] {
				set.setRange(p.runLocals[at], min(p.runLocals[at]+d[1]-d[0], p.runLocals[at+1]))
			}
		}
		if !g.Empty() {
			other := p.cache.get(p.pointSegment, &g)
			for j := range set {
				set[j] &= other.set[j]
			}
		}
		out[i] = selection{set, set.count()}
	}
	return out, nil
}

// selectionCache keeps the answers to the last few filters.
type selectionCache struct {
	mu   sync.Mutex
	keys []string
	sets []selection
}

const cachedSelections = 8

func (sc *selectionCache) get(p *pointSegment, f *store.Filter) selection {
	key := filterKey(f)
	sc.mu.Lock()
	if i := slices.Index(sc.keys, key); i >= 0 {
		s := sc.sets[i]
		sc.mu.Unlock()
		return s
	}
	sc.mu.Unlock()
	set := p.attrs.selected(f, p.n)
	s := selection{set, set.count()}
	sc.mu.Lock()
	defer sc.mu.Unlock()
	if len(sc.keys) == cachedSelections {
		sc.keys, sc.sets = sc.keys[1:], sc.sets[1:]
	}
	sc.keys, sc.sets = append(sc.keys, key), append(sc.sets, s)
	return s
}

func filterKey(f *store.Filter) string {
	b := putStrings(nil, f.Roots)
	b = putStrings(b, f.Paths)
	b = putStrings(b, f.MediaTypes)
	b = putStrings(b, f.Languages)
	b = putLabels(b, f.Labels)
	return string(putTime(putTime(b, f.After), f.Before))
}

// selected evaluates the filter on each run of points with equal attributes.
func (a *attributes) selected(f *store.Filter, n int) bitset {
	roots := matching(a.roots, f.Roots, func(want, got string) bool { return want == got })
	media := matching(a.media, f.MediaTypes, store.MatchMediaType)
	languages := matching(a.languages, f.Languages, func(want, got string) bool { return want == got })
	labels := make([]bool, len(a.labels))
	for i, have := range a.labels {
		labels[i] = true
		for k, v := range f.Labels {
			if got, ok := have[k]; !ok || got != v {
				labels[i] = false
			}
		}
	}
	set := newBitset(n)
	for i := range a.seconds {
		c := a.codes[4*i : 4*i+4]
		if !roots[c[0]] || !media[c[1]] || !languages[c[2]] || !labels[c[3]] {
			continue
		}
		if !f.After.IsZero() || !f.Before.IsZero() {
			date := time.Unix(a.seconds[i], int64(a.nanos[i]))
			if !f.After.IsZero() && date.Before(f.After) || !f.Before.IsZero() && !date.Before(f.Before) {
				continue
			}
		}
		if len(f.Paths) > 0 {
			path := string(a.paths[a.pathFrom[i]:a.pathFrom[i+1]])
			if !slices.ContainsFunc(f.Paths, func(p string) bool { return store.MatchPath(p, path) }) {
				continue
			}
		}
		set.setRange(a.locals[i], a.locals[i+1])
	}
	return set
}

// matching says for each of have whether one of want, or no want at all,
// matches it.
func matching(have, want []string, match func(want, got string) bool) []bool {
	out := make([]bool, len(have))
	for i, got := range have {
		out[i] = len(want) == 0 || slices.ContainsFunc(want, func(w string) bool { return match(w, got) })
	}
	return out
}

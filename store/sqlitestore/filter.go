package sqlitestore

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"
	"sync"

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
	var documents []uint32 // keys
	if len(f.Documents) > 0 {
		for _, id := range f.Documents {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if _, err := c.one("SELECT key FROM documents WHERE id = ?", func(v []value) error {
				documents = append(documents, uint32(asInt(v[0])))
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
			var err error
			if out[i], err = p.cache.get(p.pointSegment, &g); err != nil {
				return nil, err
			}
			continue
		}
		set := newBitset(p.n)
		for _, key := range documents {
			if run, ok := slices.BinarySearch(p.runKeys, key); ok {
				set.setRange(p.runLocals[run], p.runLocals[run+1])
			}
		}
		if !g.Empty() {
			other, err := p.cache.get(p.pointSegment, &g)
			if err != nil {
				return nil, err
			}
			set.and(other.set)
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

func (sc *selectionCache) get(p *pointSegment, f *store.Filter) (selection, error) {
	key := filterKey(f)
	sc.mu.Lock()
	if i := slices.Index(sc.keys, key); i >= 0 {
		s := sc.sets[i]
		sc.mu.Unlock()
		return s, nil
	}
	sc.mu.Unlock()
	a, err := p.attributes()
	if err != nil {
		return selection{}, err
	}
	set := a.selected(f, p.n)
	s := selection{set, set.count()}
	sc.mu.Lock()
	defer sc.mu.Unlock()
	if len(sc.keys) == cachedSelections {
		sc.keys, sc.sets = sc.keys[1:], sc.sets[1:]
	}
	sc.keys, sc.sets = append(sc.keys, key), append(sc.sets, s)
	return s, nil
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
	if !slices.Contains(roots, true) || !slices.Contains(media, true) || !slices.Contains(languages, true) || !slices.Contains(labels, true) {
		return set
	}
	coded := len(f.Roots) > 0 || len(f.MediaTypes) > 0 || len(f.Languages) > 0 || len(f.Labels) > 0
	// Instants as bounds of seconds and nanoseconds; a zero time bounds nothing.
	after, afterNano := int64(math.MinInt64), 0
	if !f.After.IsZero() {
		after, afterNano = f.After.Unix(), f.After.Nanosecond()
	}
	before, beforeNano := int64(math.MaxInt64), 0
	if !f.Before.IsZero() {
		before, beforeNano = f.Before.Unix(), f.Before.Nanosecond()
	}
	paths := pathMatchers(f.Paths)
	for i, second := range a.seconds {
		if second < after || second > before || second == after && int(a.nanos[i]) < afterNano || second == before && int(a.nanos[i]) >= beforeNano {
			continue
		}
		if coded {
			if c := a.codes[4*i : 4*i+4]; !roots[c[0]] || !media[c[1]] || !languages[c[2]] || !labels[c[3]] {
				continue
			}
		}
		if len(paths) > 0 {
			path := a.paths[a.pathFrom[i]:a.pathFrom[i+1]]
			if !slices.ContainsFunc(paths, func(m pathMatcher) bool { return m.matches(path) }) {
				continue
			}
		}
		set.setRange(a.locals[i], a.locals[i+1])
	}
	return set
}

// pathMatcher is a pattern of paths with the letters that every path has that it
// matches.
type pathMatcher struct {
	pattern string
	begins  []byte
}

func pathMatchers(patterns []string) []pathMatcher {
	out := make([]pathMatcher, len(patterns))
	for i, p := range patterns {
		begins := p
		if k := strings.IndexAny(p, "*?[\\{"); k >= 0 {
			begins = p[:k]
		}
		out[i] = pathMatcher{p, []byte(strings.TrimSuffix(begins, "/"))}
	}
	return out
}

func (m *pathMatcher) matches(path []byte) bool {
	return bytes.HasPrefix(path, m.begins) && store.MatchPath(m.pattern, string(path))
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

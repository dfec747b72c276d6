package retrieve

import (
	"errors"
	"sync"

	"github.com/lore-kb/lore/store"
)

// The legs give bare hits, of which only those that matter are read: what is
// compared closely and what becomes a passage.

// loadAhead is how many candidates are read at a time, when one is needed that
// was not read yet.
const loadAhead = 12

// errChanged says that a document was replaced between its search and its
// reading.
var errChanged = errors.New("documents changed meanwhile")

// load reads those candidates of list, by their numbers, that were not read yet.
func (s *search) load(list []candidate, numbers []int) error {
	var hits []store.Hit
	var of []int
	for _, i := range numbers {
		if c := &list[i]; !c.read {
			hits = append(hits, store.Hit{ID: c.id, Key: c.key})
			of = append(of, i)
		}
	}
	if len(hits) == 0 {
		return nil
	}
	if err := s.readHalves(hits); err != nil {
		return err
	}
	for n, i := range of {
		if hits[n].Payload.DocumentID == "" {
			return errChanged
		}
		list[i].payload, list[i].read = hits[n].Payload, true
	}
	return nil
}

// worthHalves is from how many passages on two readers are sooner done than one.
const worthHalves = 16

// readHalves reads the payloads of hits, of many by two readers at once.
func (s *search) readHalves(hits []store.Hit) error {
	if len(hits) < worthHalves {
		return s.payloads(hits)
	}
	half := len(hits) / 2
	var first error
	var wg sync.WaitGroup
	wg.Go(func() { first = s.payloads(hits[:half]) })
	second := s.payloads(hits[half:])
	wg.Wait()
	if first != nil {
		return first
	}
	return second
}

// need makes sure that the ranked candidates from first up to last are read, and
// with a missing one some that follow.
func (s *search) need(first, last int) error {
	last = min(last, len(s.candidates))
	for ; first < last && s.candidates[first].read; first++ {
	}
	if first >= last {
		return nil
	}
	var numbers []int
	for i := first; i < min(len(s.candidates), max(last, first+loadAhead)); i++ {
		numbers = append(numbers, i)
	}
	return s.load(s.candidates, numbers)
}

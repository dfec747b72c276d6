package eval

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/store"
)

// ErrOtherSet says that a store holds other documents than those of the question
// set, or the same ones cut or analysed in another way.
var ErrOtherSet = errors.New("the index is of other documents than this question set, or by another version of lore")

// setURI begins the URI of the root that says which set a store holds.
const setURI = "eval:"

// claim reports whether st holds the documents of set already. An empty store is
// marked as theirs, so that a later run knows them; it is not filled here. A store
// that was left before all of them were in is theirs, and is filled again. Any
// other store is left alone: the error is [ErrOtherSet].
func claim(ctx context.Context, st store.Store, set *Set) (indexed bool, err error) {
	stats, err := st.Stats(ctx)
	if err != nil {
		return false, fmt.Errorf("look for a kept index: %w", err)
	}
	settings, err := st.Settings(ctx)
	if err != nil {
		return false, fmt.Errorf("look for a kept index: %w", err)
	}
	mark := store.Root{ID: store.RootID(setURI), URI: setURI + set.digest()}
	if i := slices.IndexFunc(settings.Roots, func(r store.Root) bool { return r.ID == mark.ID }); i >= 0 && settings.Roots[i].URI == mark.URI {
		ids := make(map[string]bool, len(set.Documents))
		for _, d := range set.Documents {
			ids[d.ID] = true
		}
		return stats.Documents == len(ids), nil
	}
	if stats.Documents > 0 || stats.Failed > 0 || len(settings.Roots) > 0 {
		return false, ErrOtherSet
	}
	settings.Roots = []store.Root{mark}
	if err := st.SetSettings(ctx, settings); err != nil {
		return false, fmt.Errorf("mark the index: %w", err)
	}
	return false, nil
}

// digest is of all that decides what is stored for the documents of s, their
// vectors apart, of which the store itself knows the model.
func (s *Set) digest() string {
	h := sha256.New()
	fmt.Fprintf(h, "%d %d %d\n", analysis.Version, chunkTokens, len(s.Documents))
	for _, d := range s.Documents {
		fmt.Fprintf(h, "%q %q %q\n", d.ID, d.Title, d.Text)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

package main

import (
	"context"
	"errors"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/store"
)

// upgraded reports whether a collection could not be opened because its vectors
// are of the built-in encoder of another version of lore. Its user chose no other
// model, so that is no reason to refuse an answer.
func upgraded(err error) bool {
	var m *store.ModelMismatchError
	return errors.As(err, &m) && builtIn(m.Stored.Fingerprint) && builtIn(m.Want.Fingerprint)
}

// openToAsk opens the collection for questions. It returns the embedder to ask
// with: none if the vectors are of another version of the built-in encoder, so
// that words alone are searched, which the result says (see retriever).
func (p *program) openToAsk(ctx context.Context, how access, embedder model.Embedder) (store.Store, model.Embedder, error) {
	st, err := p.openStore(ctx, how, embedder)
	if upgraded(err) {
		embedder = nil
		st, err = p.openStore(ctx, how, nil)
	}
	return st, embedder, err
}

// openToIndex opens the collection for writing. If its vectors are of another
// version of the built-in encoder, it is given the present one at once, and
// indexing makes the vectors anew; the old ones are kept as after any switch.
// A dry run changes nothing and is given no embedder then.
func (p *program) openToIndex(ctx context.Context, how access, embedder model.Embedder, dryRun bool) (store.Store, model.Embedder, error) {
	st, err := p.openStore(ctx, how, embedder)
	if !upgraded(err) {
		return st, embedder, err
	}
	p.note("note: collection %q has vectors of another version of lore: they are made anew, newest documents first; until then search is by words where they are missing", p.cfg.Collection)
	if st, err = p.openStore(ctx, writing, nil); err != nil {
		return nil, nil, err
	}
	if dryRun {
		return st, nil, nil
	}
	err = p.giveModel(ctx, st, modelOf(embedder))
	if err = errors.Join(err, st.Close()); err != nil {
		return nil, nil, err
	}
	st, err = p.openStore(ctx, how, embedder)
	return st, embedder, err
}

// giveModel gives the collection a model whose vectors are all to be made yet. A
// switch to another that is under way is in the way of that.
func (p *program) giveModel(ctx context.Context, st store.Store, target store.Model) error {
	switcher, ok := st.(store.Switcher)
	if !ok {
		return errors.New("this store cannot change its model")
	}
	status, err := switcher.Switching(ctx)
	if err != nil {
		return err
	}
	if status.Next != (store.Model{}) && status.Next != target {
		return underWay(status.Next)
	}
	w, err := switcher.BeginSwitch(ctx, target)
	if err != nil {
		return err
	}
	return w.Commit(ctx)
}

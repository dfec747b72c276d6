package qdrantstore_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/qdrantstore"
	"github.com/lore-kb/lore/store/qdrantstore/qdranttest"
	"github.com/lore-kb/lore/store/storetest"
)

// options of a store on the test's server, impatient.
func options(s *qdranttest.Server) qdrantstore.Options {
	return qdrantstore.Options{Address: s.Address(), Collection: "handbook", Model: storetest.Model, Create: true, Backoff: time.Millisecond}
}

func harness(o qdrantstore.Options) func(ctx context.Context, with storetest.OpenOptions) (store.Store, error) {
	return func(ctx context.Context, with storetest.OpenOptions) (store.Store, error) {
		o := o
		o.Collection, o.Model, o.Create, o.ReadOnly = with.Collection, with.Model, with.Create, with.ReadOnly
		s, err := qdrantstore.Open(ctx, o)
		if err != nil {
			return nil, err
		}
		return s, nil
	}
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		h := storetest.Harness{Open: harness(options(qdranttest.Start(t)))}
		if underRace {
			h.Points = 1000
		}
		return h
	})
}

// TestConformanceReal runs the suite on a real server, LORE_TEST_QDRANT=HOST:PORT.
// It removes the collections there that have the names of the suite's.
func TestConformanceReal(t *testing.T) {
	address := os.Getenv("LORE_TEST_QDRANT")
	if address == "" {
		t.Skip("LORE_TEST_QDRANT is not set")
	}
	o := qdrantstore.Options{Address: address, APIKey: os.Getenv("QDRANT_API_KEY")}
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		names, err := qdrantstore.Collections(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			o.Collection = name
			if name == "conformance" || name == "one" || name == "two" || strings.HasPrefix(name, "random") {
				if err := qdrantstore.RemoveCollection(t.Context(), o); err != nil {
					t.Fatal(err)
				}
			}
		}
		return storetest.Harness{Open: harness(o), LooseDense: true, LaggingIDF: true}
	})
}

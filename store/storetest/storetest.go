// Package storetest is the conformance suite of [store.Store].
//
// A store's test calls [Run] with a function that makes a [Harness]: a fresh,
// empty place in which collections can be opened again and again. The suite
// writes documents that it invents (fixture.go), keeps a naive copy of what
// must be there (reference.go) and compares. What a store cannot do is
// declared in the harness and skipped by that declaration.
package storetest

import (
	"context"
	"testing"

	"github.com/lore-kb/lore/store"
)

// Harness opens stores in one place that nothing else uses.
type Harness struct {
	// Open opens a collection. It fails with store.ErrNoCollection when there is
	// none and o.Create is false. The suite closes what it opens and has at most
	// one handle open at a time that is not read-only.
	Open func(ctx context.Context, o OpenOptions) (store.Store, error)

	// LaggingIDF declares that document frequencies may still count removed
	// points for a while, so that sparse scores are compared loosely after a
	// removal.
	LaggingIDF bool

	// LooseDense declares that the dense leg may miss a true neighbour now and
	// then; the suite then asks for 98 of 100.
	LooseDense bool

	// Points is the size of the generated collection; 0 means 10,000.
	Points int
}

// OpenOptions says what to open and how.
type OpenOptions struct {
	Collection string
	Model      store.Model
	Create     bool // make the collection when there is none
	ReadOnly   bool
}

// Model is the model of the suite's vectors.
var Model = store.Model{Fingerprint: "storetest/20", Dimension: 20}

// Run runs the suite as subtests of t. newHarness is called once per subtest.
func Run(t *testing.T, newHarness func(t *testing.T) Harness) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *env)
	}{
		{"Open/UnknownCollection", testUnknownCollection},
		{"Open/Reopen", testReopen},
		{"Open/Collections", testCollections},
		{"Open/ModelMismatch", testModelMismatch},
		{"Open/NoModel", testNoModel},
		{"Open/ReadOnly", testReadOnly},
		{"Open/ReaderFollows", testReaderFollows},
		{"Open/Closed", testClosed},
		{"Open/Cancelled", testCancelled},
		{"Ledger/Documents", testDocuments},
		{"Ledger/Filters", testDocumentFilters},
		{"Ledger/Text", testText},
		{"Ledger/Points", testPoints},
		{"Ledger/Replace", testReplace},
		{"Ledger/ReplaceAtomic", testReplaceAtomic},
		{"Ledger/Failed", testFailed},
		{"Ledger/Mark", testMark},
		{"Ledger/Remove", testRemove},
		{"Ledger/EmptyFilter", testEmptyFilter},
		{"Ledger/Settings", testSettings},
		{"Ledger/Stats", testStats},
		{"Ledger/Unicode", testUnicode},
		{"Ledger/Huge", testHuge},
		{"Search/Nothing", testSearchNothing},
		{"Search/Empty", testSearchEmpty},
		{"Search/Sparse", testSparse},
		{"Search/IDF", testIDF},
		{"Search/Dense", testDense},
		{"Search/Ties", testTies},
		{"Search/Payload", testHitPayload},
		{"Search/Bare", testBare},
		{"Search/Apart", testApart},
		{"Search/FilterBeforeLimit", testFilterBeforeLimit},
		{"Search/Generated", testGenerated},
		{"Vectors/Pending", testPending},
		{"Vectors/Set", testSetVectors},
		{"Vectors/Skipped", testSetVectorsSkips},
		{"Vectors/Dimension", testDimension},
		{"Vectors/Shared", testShared},
		{"Vectors/Details", testDetails},
		{"Random", testRandom},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.test(t, &env{t: t, h: newHarness(t), collection: "conformance"})
		})
	}
}

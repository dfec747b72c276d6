package qdrantstore

import (
	"testing"
	"time"

	"github.com/qdrant/go-client/qdrant"

	"github.com/lore-kb/lore/store"
)

// TestGraphFollowsFilters holds the links of the vectors' graph to what searches
// filter by: those have them, nothing else has.
func TestGraphFollowsFilters(t *testing.T) {
	c := pointCondition(&store.Filter{Documents: []string{"d"}, Roots: []string{"r"}, Paths: []string{"p"}, MediaTypes: []string{"text/plain", "text/*"},
		Languages: []string{"en"}, Labels: map[string]string{"k": "v"}, After: time.Unix(0, 0)})
	filters := map[string]bool{}
	var visit func(f *qdrant.Filter)
	visit = func(f *qdrant.Filter) {
		for _, list := range [][]*qdrant.Condition{f.GetMust(), f.GetShould()} {
			for _, x := range list {
				filters[x.GetField().GetKey()] = true
				visit(x.GetFilter())
			}
		}
	}
	visit(c.filter)
	if len(filters) < 7 {
		t.Fatalf("the filter asks for %v", filters)
	}
	for key := range pointIndexes {
		p := indexParams(key, Storage{})
		graph := p.GetKeywordIndexParams().GetEnableHnsw() || p.GetIntegerIndexParams().GetEnableHnsw() || p == nil
		if graph != filters[key] {
			t.Errorf("%s: links %v, filtered by %v", key, graph, filters[key])
		}
		if p != nil && indexParams(key, Storage{PayloadInMemory: true}).GetKeywordIndexParams().GetOnDisk() {
			t.Errorf("%s lies on disk though payload is to be in memory", key)
		}
	}
}

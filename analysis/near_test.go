package analysis

import (
	"slices"
	"testing"
)

func TestNear(t *testing.T) {
	for _, tt := range []struct {
		text string // one word
		near string // a word that is meant
		want bool
	}{
		{"anual", "annual", true},
		{"polcy", "policy", true},
		{"polciy", "policies", true},
		{"Proceedure", "procedure", true},
		{"certifikate", "certificates", true},
		{"reimbursment", "reimbursement", true},
		{"aply", "apply", false},      // too short
		{"jolicy", "policy", false},   // the first letter stays
		{"plcy", "policy", false},     // too short
		{"pollcci", "policy", false},  // two letters
		{"policy", "policies", false}, // itself
		{"报销制度", "报销", false},
		{"v2.0.1", "v2.0.2", false},
		{"max_tokens", "max_token", false},
		{"naïvete", "naivete", false},
	} {
		terms := Terms(tt.text)
		want := Terms(tt.near)[0].Index
		got := false
		for _, term := range terms {
			near := Near(tt.text, term)
			got = got || slices.ContainsFunc(near, func(n Term) bool { return n.Index == want })
			seen := map[uint32]bool{}
			for _, n := range near {
				if seen[n.Index] || n.Index == term.Index || n.Start != term.Start || Index(n.Text) != n.Index {
					t.Fatalf("%s: near term %+v", tt.text, n)
				}
				seen[n.Index] = true
			}
		}
		if got != tt.want {
			t.Errorf("%s is near %s: %v, want %v", tt.text, tt.near, got, tt.want)
		}
	}
}

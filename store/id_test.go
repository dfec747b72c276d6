package store

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

func TestIdentifiers(t *testing.T) {
	for _, parts := range [][]string{{"a"}, {"point", "", "é", "7"}, {"document", strings.Repeat("long/", 200), "\x00", ""}} {
		want := uuid.NewSHA1(namespace, []byte(strings.Join(parts, "\x00"))).String()
		if got := name(parts...); got != want {
			t.Errorf("%q: %s, want %s", parts, got, want)
		}
	}
}

func BenchmarkPointID(b *testing.B) {
	document, version := DocumentID("default", RootID("file:///r"), "a.md"), Digest("v")
	for b.Loop() {
		PointID(document, version, 7)
	}
}

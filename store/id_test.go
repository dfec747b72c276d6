package store

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

func TestName(t *testing.T) {
	for _, parts := range [][]string{{}, {""}, {"a"}, {"a", "", "b"}, {"point", strings.Repeat("长", 400), "0"}} {
		want := uuid.NewSHA1(namespace, []byte(strings.Join(parts, "\x00"))).String()
		if got := name(parts...); got != want {
			t.Errorf("name(%q) = %s, want %s", parts, got, want)
		}
	}
}

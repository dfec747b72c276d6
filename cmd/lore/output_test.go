package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// brim takes some bytes and then no more.
type brim struct{ left int }

func (b *brim) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errors.New("no space left on device")
	}
	return len(p), nil
}

func TestResultsThatDoNotArrive(t *testing.T) {
	isolate(t)
	lore(t, t.Context(), exitOK, "index", "../../examples/handbook/company")
	for _, args := range [][]string{{"ls"}, {"ls", "--json"}, {"search", "office"}, {"version"}, {"ask", "Where is the head office?"}} {
		var errs bytes.Buffer
		if code := run(t.Context(), args, strings.NewReader(""), &brim{left: 10}, &errs); code != exitFailure || !strings.Contains(errs.String(), "no space left") {
			t.Errorf("lore %v: exit %d, %q", args, code, errs.String())
		}
		if code := run(t.Context(), args, strings.NewReader(""), &brim{left: 1 << 20}, &errs); code != exitOK {
			t.Errorf("lore %v: exit %d, %q", args, code, errs.String())
		}
	}
}

//go:build noencoder

package encoder

import (
	"errors"
	"strings"
	"testing"
)

func TestNewWithoutWeights(t *testing.T) {
	_, err := New(Options{})
	if !errors.Is(err, ErrNoWeights) || !strings.Contains(err.Error(), "noencoder") {
		t.Errorf("error %v, want ErrNoWeights, which names the tag", err)
	}
}

package config

import (
	"strings"
	"testing"
)

func TestUnknownVariables(t *testing.T) {
	got := UnknownVariables([]string{"LORE_DATA=/x", "LORE_MODLE=none", "LORE_CONFIG=a", "LORE_COLOURS_OF_AUTUMN=1", "HOME=/root", "LORE_TEST_QDRANT=x", "OPENAI_API_KEX=secret"})
	if text := strings.Join(got, "\n"); len(got) != 2 || !strings.Contains(text, "LORE_MODLE is no variable of lore; did you mean LORE_MODEL?") || !strings.Contains(text, "`lore config`") || strings.Contains(text, "none") {
		t.Errorf("%q", got)
	}
}

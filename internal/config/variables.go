package config

import (
	"fmt"
	"slices"
	"strings"
)

// UnknownVariables returns, for each variable of an environment (NAME=value) that
// begins with LORE_ and that nothing reads, a line that says so and names the
// nearest known one. Other programs' variables are none of lore's business.
func UnknownVariables(environment []string) []string {
	known := []string{ConfigEnv}
	for _, setting := range Settings {
		known = append(known, setting.Env)
	}
	var out []string
	for _, variable := range environment {
		name, _, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "LORE_") || slices.Contains(known, name) || strings.HasPrefix(name, "LORE_TEST_") || strings.HasPrefix(name, "LORE_SOAK") {
			continue
		}
		best, distance := "", 4
		for _, other := range known {
			if d := editDistance(name, other); d < distance {
				best, distance = other, d
			}
		}
		hint := "; `lore config` lists the settings"
		if best != "" {
			hint = "; did you mean " + best + "?"
		}
		out = append(out, fmt.Sprintf("%s is no variable of lore%s", name, hint))
	}
	slices.Sort(out)
	return out
}

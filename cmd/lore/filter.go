package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lore-kb/lore/store"
)

// filterFlag adds --filter.
func filterFlag(cmd *cobra.Command, values *[]string) {
	cmd.Flags().StringArrayVar(values, "filter", nil,
		"only documents with `KEY=VALUE`: path (prefix or glob), type, language, label:NAME, id, after or before (YYYY-MM-DD); may be given several times")
}

// parseFilter turns --filter values into a filter. Several values of one key
// are alternatives; different keys must all hold.
func parseFilter(values []string) (store.Filter, error) {
	var f store.Filter
	for _, condition := range values {
		key, value, ok := strings.Cut(condition, "=")
		if !ok || value == "" {
			return f, usagef("--filter %q: write it as KEY=VALUE", condition)
		}
		switch name, label, _ := strings.Cut(key, ":"); name {
		case "path":
			f.Paths = append(f.Paths, value)
		case "type":
			f.MediaTypes = append(f.MediaTypes, value)
		case "language":
			f.Languages = append(f.Languages, value)
		case "id":
			f.Documents = append(f.Documents, value)
		case "label":
			if label == "" {
				return f, usagef("--filter %q: write it as label:NAME=VALUE", condition)
			}
			if f.Labels == nil {
				f.Labels = map[string]string{}
			}
			f.Labels[label] = value
		case "after", "before":
			day, err := time.Parse(time.DateOnly, value)
			if err != nil {
				return f, usagef("--filter %q: %q is not a date of the form 2026-01-31", condition, value)
			}
			if name == "after" {
				f.After = day
			} else {
				f.Before = day
			}
		default:
			return f, usagef("--filter %q: unknown key %q; known are path, type, language, label:NAME, id, after and before", condition, key)
		}
	}
	return f, nil
}

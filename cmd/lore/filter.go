package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lore-kb/lore/retrieve"
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
			f.MediaTypes = append(f.MediaTypes, retrieve.MediaTypes(value)...)
		case "language":
			if value != "en" && value != "zh" {
				return f, usagef("--filter %q: the language can be en or zh", condition)
			}
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
			day, err := parseDay(value)
			if err != nil {
				return f, usagef("--filter %q: %q is not a date of the form 2026-01-31, 2026-01 or 2026", condition, value)
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

// parseDay reads a day, or the first day of a month or year.
func parseDay(value string) (day time.Time, err error) {
	for _, layout := range []string{time.DateOnly, "2006-01", "2006"} {
		if day, err = time.Parse(layout, value); err == nil {
			return day, nil
		}
	}
	return day, err
}

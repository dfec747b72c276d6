package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"
)

var (
	notText = regexp.MustCompile("(?s)\\A---\n.*?\n---\n|<!--.*?-->|```.*?```")
	marks   = regexp.MustCompile("[#*`>|\\[]|\\]\\([^)]*\\)")
	gap     = regexp.MustCompile(`\n\s*\n`)
)

// paragraphs returns up to limit paragraphs of 80 to 900 characters from the
// Markdown files under root, spread evenly over them, without front matter, code
// and marks.
func paragraphs(root string, limit int) ([]string, error) {
	var all []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".md" {
			return err
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, p := range gap.Split(notText.ReplaceAllString(string(b), ""), -1) {
			p = strings.Join(strings.Fields(marks.ReplaceAllString(p, "")), " ")
			if n := utf8.RuneCountInString(p); n >= 80 && n <= 900 {
				all = append(all, p)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(all) <= limit {
		return all, nil
	}
	some := make([]string, limit)
	for i := range some {
		some[i] = all[i*len(all)/limit]
	}
	return some, nil
}

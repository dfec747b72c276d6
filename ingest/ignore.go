package ingest

import (
	"fmt"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// rule is one line of an ignore file, or one glob of FolderOptions.
type rule struct {
	glob   string // for the path below base, or for the last element when !rooted
	base   string // folder the rule belongs to, "" for the root
	above  string // path from the rule's folder to the root, when it lies above it
	rooted bool
	dir    bool // matches folders only
	negate bool
	unhide bool // a negated line of .loreignore, which brings hidden files back as well
}

// ignoreFiles are read in every folder; lines of a later one count more.
var ignoreFiles = []string{".gitignore", ".loreignore"}

// parseIgnore reads an ignore file in folder base, with the rules of
// gitignore(5). Lines that are no valid pattern match nothing, as in git.
func parseIgnore(text, base string, lore bool) []rule {
	var rules []rule
	text = strings.TrimPrefix(text, "\ufeff")
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		line = trimTrailing(line)
		if line == "" || line[0] == '#' {
			continue
		}
		r := rule{base: base}
		if line[0] == '!' {
			r.negate, r.unhide, line = true, lore, line[1:]
		}
		// gitignore(5) knows no alternatives in braces.
		line = strings.NewReplacer("{", `\{`, "}", `\}`).Replace(line)
		if r.set(line) == nil {
			rules = append(rules, r)
		}
	}
	return rules
}

// trimTrailing removes trailing blanks that no backslash protects.
func trimTrailing(line string) string {
	trimmed := strings.TrimRight(line, " \t")
	if len(trimmed) < len(line) && oddBackslashes(trimmed) {
		trimmed += line[len(trimmed) : len(trimmed)+1]
	}
	return trimmed
}

func oddBackslashes(s string) bool {
	return (len(s)-len(strings.TrimRight(s, `\`)))%2 == 1
}

// parseGlob reads a glob of --include or --exclude: a line of an ignore file
// without negation, in which {a,b} stands for either.
func parseGlob(glob string) (rule, error) {
	var r rule
	if err := r.set(glob); err != nil {
		return rule{}, fmt.Errorf("bad pattern %q: %w", glob, err)
	}
	return r, nil
}

func (r *rule) set(line string) error {
	if s := strings.TrimSuffix(line, "/"); s != line && !oddBackslashes(s) {
		r.dir, line = true, s
	}
	if strings.Contains(line, "/") {
		r.rooted = true
		line = strings.TrimPrefix(line, "/")
	}
	// "a/**" means what is in a, not a itself.
	if line == "**" {
		line = "*"
	} else if strings.HasSuffix(line, "/**") {
		line += "/*"
	}
	if line == "" || !doublestar.ValidatePattern(line) {
		return doublestar.ErrBadPattern
	}
	r.glob = line
	return nil
}

// match reports whether the rule's pattern fits the slash path rel of the root.
func (r *rule) match(rel string, dir bool) bool {
	if r.dir && !dir {
		return false
	}
	if r.base != "" {
		var ok bool
		if rel, ok = strings.CutPrefix(rel, r.base+"/"); !ok {
			return false
		}
	}
	if !r.rooted {
		rel = path.Base(rel)
	} else if r.above != "" {
		rel = r.above + "/" + rel
	}
	return doublestar.MatchUnvalidated(r.glob, rel)
}

// verdict is what ignore rules say of a path.
type verdict int

const (
	silent verdict = iota
	ignored
	restored
	unhidden // restored by .loreignore
)

// judge returns what the last matching rule says of rel. Folders above rel must
// have been judged before: what is in an ignored folder stays ignored.
func judge(rules []rule, rel string, dir bool) verdict {
	for i := len(rules) - 1; i >= 0; i-- {
		r := &rules[i]
		if !r.match(rel, dir) {
			continue
		}
		switch {
		case r.unhide:
			return unhidden
		case r.negate:
			return restored
		default:
			return ignored
		}
	}
	return silent
}

// anyMatch reports whether a glob fits rel or a folder above it.
func anyMatch(globs []rule, rel string, dir bool) bool {
	for i := range globs {
		r := &globs[i]
		if r.match(rel, dir) {
			return true
		}
		for up := path.Dir(rel); up != "."; up = path.Dir(up) {
			if r.match(up, true) {
				return true
			}
		}
	}
	return false
}

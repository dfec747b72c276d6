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
		if r.set(fromGit(line)) == nil {
			rules = append(rules, r)
		}
	}
	return rules
}

// classes are those of fnmatch(3) inside brackets, in ASCII.
var classes = strings.NewReplacer(
	"[:alnum:]", "a-zA-Z0-9", "[:alpha:]", "a-zA-Z", "[:blank:]", " \t", "[:digit:]", "0-9", "[:lower:]", "a-z",
	"[:upper:]", "A-Z", "[:space:]", " \t\n\v\f\r", "[:xdigit:]", "0-9a-fA-F", "[:punct:]", "!-/:-@\\[-`{-~",
)

// fromGit turns a pattern of gitignore(5) into a glob: braces are no
// alternatives there, and brackets may hold classes, or "]" in first place.
func fromGit(line string) string {
	var b strings.Builder
	for i := 0; i < len(line); i++ {
		switch c := line[i]; c {
		case '{', '}':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\\':
			b.WriteByte(c)
			if i++; i < len(line) {
				b.WriteByte(line[i])
			}
		case '[':
			n := bracket(line[i:])
			if n == 0 {
				b.WriteString(`[`) // not closed: matches nothing, see set
				continue
			}
			inside := line[i+1 : i+n-1]
			i += n - 1
			b.WriteByte('[')
			if inside[0] == '!' || inside[0] == '^' {
				b.WriteByte('^')
				inside = inside[1:]
			}
			if rest, ok := strings.CutPrefix(inside, "]"); ok {
				b.WriteString(`\]`)
				inside = rest
			}
			b.WriteString(classes.Replace(inside) + "]")
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// bracket returns the length of the bracket expression that s begins with, 0
// when it is not closed.
func bracket(s string) int {
	i := 1
	if i < len(s) && (s[i] == '!' || s[i] == '^') {
		i++
	}
	for first := i; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case strings.HasPrefix(s[i:], "[:"):
			if end := strings.Index(s[i:], ":]"); end > 0 {
				i += end + 1
			}
		case s[i] == ']' && i > first:
			return i + 1
		}
	}
	return 0
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
	if line == "**" && !r.rooted {
		line = "*"
	} else if line == "**" || strings.HasSuffix(line, "/**") {
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

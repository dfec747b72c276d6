package extract

import (
	"regexp"
	"sync"
)

// lazyRegexp is compiled when it is first used: children must start fast, and
// most of them never need most expressions.
type lazyRegexp struct{ get func() *regexp.Regexp }

func lazy(expr string) *lazyRegexp {
	return &lazyRegexp{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })}
}

func (l *lazyRegexp) FindStringSubmatch(s string) []string { return l.get().FindStringSubmatch(s) }
func (l *lazyRegexp) MatchString(s string) bool            { return l.get().MatchString(s) }

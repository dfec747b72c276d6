package ask

import (
	"fmt"
	"strings"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/retrieve"
)

// conflictAlike is the share of words that two sentences have in common when
// they are taken to say the same thing, figures aside.
const conflictAlike = 0.5

// conflictLooked bounds the candidates that are held against an answer.
const conflictLooked = 24

// conflict returns the best candidate of another document that says what c says
// with another figure, or denies it where c affirms; nil when there is none. A
// question that asks for a figure is needed, or one to be answered by yes or no.
func (p *part) conflict(c *candidate, passages []retrieve.Passage) *candidate {
	var mine []figure
	switch {
	case p.question.expected.sure():
		if mine = p.answering(c, passages); len(mine) == 0 {
			return nil
		}
	case p.question.expected != expectYesNo || c.polarity == polarityNone:
		return nil
	}
	words := contentSet(c.folded)
	for i := 0; i < len(p.ranked) && i < conflictLooked; i++ {
		o := &p.ranked[i]
		if passages[o.passage].DocumentID == passages[c.passage].DocumentID || alike(words, contentSet(o.folded)) < conflictAlike {
			continue
		}
		if len(mine) == 0 {
			if o.polarity != polarityNone && o.polarity != c.polarity {
				return o
			}
			continue
		}
		theirs := p.answering(o, passages)
		if len(theirs) > 0 && !anyOccurs(mine, theirs) && sameDimension(mine, theirs) {
			return o
		}
	}
	return nil
}

// answering returns the figures of a candidate that are of the kind asked for and
// that the question does not name itself.
func (p *part) answering(c *candidate, passages []retrieve.Passage) []figure {
	var out []figure
	all := append(figures(c.folded), columnFigures(passages[c.passage].Text, &c.unit)...)
	for i := range all {
		f := &all[i]
		if f.occursIn(p.question.figures) {
			continue
		}
		if p.question.expected == expectTime && f.kind == figureDate || p.question.expected != expectTime && p.question.expected.figure(f) == 1 {
			out = append(out, *f)
		}
	}
	return out
}

func anyOccurs(a, b []figure) bool {
	for i := range a {
		if a[i].occursIn(b) {
			return true
		}
	}
	return false
}

// sameDimension reports whether some figure of a measures what one of b does.
func sameDimension(a, b []figure) bool {
	for i := range a {
		for k := range b {
			if a[i].kind == b[k].kind && a[i].dimension == b[k].dimension {
				return true
			}
		}
	}
	return false
}

// contentSet is the words of folded text without figures and stop words; Han
// characters count in pairs.
func contentSet(folded string) map[uint32]bool {
	out := map[uint32]bool{}
	for _, t := range analysis.Terms(folded) {
		if !t.Stop && (t.Kind == analysis.KindWord || t.Kind == analysis.KindBigram || t.Kind == analysis.KindIdentifier) {
			out[t.Index] = true
		}
	}
	return out
}

// alike is the number of common words as a part of all words of both.
func alike(a, b map[uint32]bool) float64 {
	common := 0
	for t := range a {
		if b[t] {
			common++
		}
	}
	all := len(a) + len(b) - common
	if all == 0 {
		return 0
	}
	return float64(common) / float64(all)
}

// differ says in one line which documents contradict each other, with their
// dates where they are known.
func (t *task) differ(a, b *Citation) string {
	name := func(c *Citation) string {
		s := fmt.Sprintf("[%d] %s", c.Marker, c.document())
		if !c.Date.IsZero() {
			s += " (" + c.Date.Format("2006-01-02") + ")"
		}
		return s
	}
	if t.language == "zh" {
		return "文档之间说法不一：" + strings.Join([]string{name(a), name(b)}, "；")
	}
	return "the documents differ: " + name(a) + " and " + name(b)
}

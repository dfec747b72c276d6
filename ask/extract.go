package ask

import (
	"math"
	"regexp"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/retrieve"
)

// candidate is a unit that may answer, with what speaks for it.
type candidate struct {
	passage  int // index in the passages
	unit     unit
	at       int // index among the units of its passage
	order    int // position among all units
	features [featureCount]float64
	score    float64
	own      presence // terms of the question in the unit itself
	context  presence // and in its headings and neighbours
	leans    bool     // cannot be understood without the sentence before
	holds    float64  // how well it holds the kind of thing asked for
	folded   string
	polarity polarity
}

// Features of a candidate; each is about between 0 and 1.
const (
	featureCover     = iota // share of the question's weight in the unit
	featureContext          // the same with headings, title and the sentence before
	featurePassage          // the same for the whole passage
	featureRank             // relative score of the passage
	featureFirst            // passage ranks first
	featureKind             // holds what is asked for
	featureRun              // longest common run
	featureNear             // terms close together
	featureHook             // holds what stands beside the interrogative
	featureCounted          // figure right before the counted noun
	featureLength           // log of the length, 1 at about 60 words
	featureLead             // first unit of its passage
	featureNew              // share of the unit that the question does not say
	featureDense            // nearness in meaning, in standard deviations; of questions across languages
	featureAlike            // the same piece by piece
	featureOwn              // is in the question's language
	featureKindCover        // kind × cover
	featureVerdict          // of yes/no questions: denies or affirms, 1 when it says so outright
	featureAsks             // is itself a question
	featureReplies          // stands right behind a question or a heading that asks what the question asks
	featureAnaphora         // leans on the sentence before, which holds the question's words
	featureFresh            // says enough that the question does not: 1 at six content words
	featureSure             // holds a date, a figure or a measure when one is asked for
	featureKey              // is a table row of which a cell, whole, stands in the question
	featureCount
)

// candidates returns all units of the passages with their features, in reading
// order: by passage rank, then position.
func candidates(q *questionText, passages []retrieve.Passage) []candidate {
	var out []candidate
	top := 0.0
	for i := range passages {
		top = math.Max(top, passages[i].Score)
	}
	for i := range passages {
		p := &passages[i]
		whole := q.holdPassage(p)
		own := mostlyHan(p.Text) == q.han
		head := q.hold(append([]string{p.Title}, p.Section...)...)
		cut := cutUnits(p)
		var before presence
		asked, since := 0.0, 0 // the last question in the text: its share, units since
		heading := ""
		for k := range cut {
			u := cut[k]
			text := p.Text[u.start:u.end]
			folded := analysis.Fold(text).Text
			if orders(folded) {
				continue
			}
			terms := analysis.Terms(text)
			c := candidate{passage: i, unit: u, at: k, order: len(out)}
			c.own = presence{has: make([]bool, len(q.terms))}
			fresh, words := 0, 0
			for _, t := range terms {
				j, ok := q.index[t.Index]
				if ok && !c.own.has[j] {
					c.own.has[j] = true
					c.own.weight += q.terms[j].weight
				}
				if t.Kind != analysis.KindBigram && t.Kind != analysis.KindPart {
					words++
					if !ok && !t.Stop {
						fresh++
					}
				}
			}
			c.context = c.own.or(head, q)
			if len(u.headings) > 0 {
				c.context = c.context.or(q.hold(u.headings...), q)
			}
			if u.header != "" {
				c.context = c.context.or(q.hold(u.header), q)
			}
			if before.has != nil {
				c.context = c.context.or(before, q)
			}
			c.folded = folded
			figs := append(figures(c.folded), columnFigures(p.Text, &u)...)
			c.holds = q.expected.holds(text, c.folded, figs, q)
			f := &c.features
			f[featureCover] = q.share(c.own)
			f[featureContext] = q.share(c.context)
			f[featurePassage] = q.share(whole)
			if top > 0 {
				f[featureRank] = p.Score / top
			}
			if i == 0 {
				f[featureFirst] = 1
			}
			f[featureKind] = c.holds
			f[featureRun] = q.longestRun(terms)
			f[featureNear] = q.near(terms)
			for _, h := range q.hooks {
				if strings.Contains(c.folded, h) {
					f[featureHook] += 0.5
				}
			}
			if q.counted != "" {
				f[featureCounted] = counts(q.counted, c.folded, figs)
			}
			f[featureLength] = math.Log1p(float64(words)) / math.Log1p(60)
			if k == 0 {
				f[featureLead] = 1
			}
			if words > 0 {
				f[featureNew] = float64(fresh) / float64(words)
			}
			if leans(text) {
				c.leans = true
				f[featureAnaphora] = f[featureContext] - f[featureCover]
			}
			f[featureFresh] = min(float64(fresh), 6) / 6
			if q.expected.sure() {
				f[featureSure] = c.holds
			}
			if u.kind == unitRow && q.keyed(text) {
				f[featureKey] = 1
			}
			if own {
				f[featureOwn] = 1
			}
			f[featureKindCover] = c.holds * f[featureCover]
			c.polarity = polarityOf(c.folded)
			if q.expected == expectYesNo {
				switch {
				case outright.MatchString(c.folded) || q.decides(c.folded):
					f[featureVerdict] = 1
				case c.polarity != polarityNone:
					f[featureVerdict] = 0.5
				}
			}
			if n := len(u.headings); n > 0 && u.headings[n-1] != heading {
				if heading = u.headings[n-1]; asks(foldText(heading)) {
					asked, since = q.share(q.hold(heading)), 0
				}
			}
			switch since++; {
			case asks(c.folded):
				f[featureAsks] = 1
				asked, since = f[featureCover], 0
			case since <= 2:
				f[featureReplies] = asked
			}
			if f[featureAsks] == 0 && strings.ContainsAny(c.folded, "?？") {
				f[featureAsks] = 0.5 // repeats a question
			}
			before = c.own
			out = append(out, c)
		}
	}
	return out
}

// keyed reports whether a cell of a table row, or one of the things it lists, is
// what the question names: Orion DO in a question about it, and not Orion DO Deep.
func (q *questionText) keyed(row string) bool {
	for _, cell := range cells(row) {
		for _, name := range strings.FieldsFunc(foldText(plainText(cell)), func(r rune) bool { return strings.ContainsRune("、,，;；/", r) }) {
			name = strings.TrimSpace(name)
			if utf8.RuneCountInString(name) >= 2 && strings.IndexFunc(name, unicode.IsLetter) >= 0 && holdsWord(q.folded, name) {
				return true
			}
		}
	}
	return false
}

var anaphor = regexp.MustCompile(`^(?:(?:However|In turn|Later|Then|Thus|Therefore|Also|Moreover|Furthermore|As a result|In addition|Today|Instead|Indeed|Consequently|Finally|Eventually|For example|And|But|So)[, ]+)*(?:It|Its|They|Their|He|His|She|Her|This|These|That|Those|Both|Neither|Such|it|its|they|their|he|his|she|her|this|these|those|that|both|such|The (?:group|two|latter|former|same|city|company|company's|area|region|name|term|result|event|building|work|book|film|song|team|state|country|family|system|method|process|project|program|treaty|act|law|war|battle))\b`)

var anaphorHan = regexp.MustCompile(`^[，,、]?(?:然而|但是?|后来|其后|之后|同时|此外|另外|因此|所以|于是|不过|而且|并且|并|也|亦|又|还|则|随后|同年|次年|翌年|当时|最后|现在|如今|目前)?[，,]?(?:它们?|他们?|她们?|其|该|此|这|那|两者|前者|后者|双方|当中|其中)|^(?:[，,]|(?:后|现|曾|亦|又|并|同年|次年|翌年|毕业于|出生于|生于|卒于|位于|师从|为\d|由))`)

// leans reports whether a sentence begins with words that point back, or without
// a subject.
func leans(text string) bool {
	return anaphor.MatchString(text) || anaphorHan.MatchString(text)
}

// outright is how a verdict is given in so many words: "my view: no".
var outright = regexp.MustCompile(`(?:^|[:：,，]\s*)[*"“「]*(?:不会|会|不能|能|可以|不可以|是的?|不是|否|没有|不需要|需要|不支持|支持|不允许|允许|yes|no)[*"”」]*(?:[.。,，!！;；]|$)`)

// asks reports whether a folded unit is a question.
func asks(folded string) bool {
	s := strings.TrimRight(folded, " *_\"'”’」』)）")
	return strings.HasSuffix(s, "?") || strings.HasSuffix(s, "？")
}

// counts reports whether a figure stands at most two words before the noun.
func counts(noun, folded string, figs []figure) float64 {
	for _, f := range figs {
		rest := folded[f.end:]
		if len(rest) > 60 {
			cut := 60
			for cut > 0 && !utf8.RuneStart(rest[cut]) {
				cut--
			}
			rest = rest[:cut]
		}
		for i, t := range analysis.Terms(rest) {
			if i > 2 {
				break
			}
			if t.Text == noun {
				return 1
			}
		}
	}
	return 0
}

// rank scores the candidates and orders them best first; ties fall to reading
// order. byMeaning says that the dense feature is filled and words do not tell.
func rank(q *questionText, cs []candidate, byMeaning bool) {
	w := &weightsEnglish
	switch {
	case byMeaning:
		w = &weightsMeaning
	case q.han:
		w = &weightsChinese
	}
	for i := range cs {
		cs[i].score = 0
		for f, v := range cs[i].features {
			cs[i].score += w[f] * v
		}
	}
	sort.SliceStable(cs, func(i, j int) bool {
		if cs[i].score != cs[j].score {
			return cs[i].score > cs[j].score
		}
		return cs[i].order < cs[j].order
	})
}

// Weights of the features, by language of the question.
var (
	weightsEnglish = [featureCount]float64{
		featureCover: 4.2, featureContext: 5.0, featurePassage: 1.7, featureRank: 1.5, featureFirst: 1.0, featureKind: 0.2, featureRun: 1.5, featureNear: 1.0, featureCounted: 0.2, featureLength: 1.3, featureLead: 0.3, featureNew: -1.4, featureAnaphora: 0.9, featureSure: 1.3, featureVerdict: 3, featureAsks: -3, featureReplies: 2.5, featureKey: 2.5,
	}
	weightsChinese = [featureCount]float64{
		featureCover: 2.8, featureContext: 6.4, featurePassage: 1.3, featureRank: 3.1, featureFirst: 1.0, featureKind: 1.0, featureRun: 0.7, featureNear: 0.7, featureHook: 2.4, featureLength: -0.6, featureLead: 0.4, featureNew: -1.7, featureAnaphora: 0.2, featureSure: 1.5, featureVerdict: 3, featureAsks: -3, featureReplies: 2.5, featureKey: 2.5,
	}
)

// weightsMeaning rank across languages.
var weightsMeaning = [featureCount]float64{featureDense: 0.7, featureAlike: 0.5, featureOwn: 0.8, featureRank: 5, featureCover: 2, featureAsks: -3, featureKey: 1}

// maxQuotes bounds an extractive answer.
const maxQuotes = 5

// choose returns the units of an extractive answer out of ranked candidates, in
// the order they are to be shown: the deciding one first. byMeaning says that
// they were ranked across languages.
func choose(q *questionText, ranked []candidate, byMeaning bool) []candidate {
	if len(ranked) == 0 {
		return nil
	}
	total := 0.0
	for i := range ranked {
		total += math.Exp(ranked[i].score - ranked[0].score)
	}
	chosen := []candidate{ranked[0]}
	for i := 1; i < len(ranked) && len(chosen) < maxQuotes; i++ {
		c := &ranked[i]
		p := math.Exp(c.score-ranked[0].score) / total
		first := 1 / total
		if p < chooseBeside*first {
			break
		}
		if repeats(chosen, c) {
			continue
		}
		worth := p >= chooseShare*first && p >= chooseLeast || byMeaning && len(chosen) == 1
		if c.unit.kind == unitRow && chosen[0].features[featureKey] > c.features[featureKey] {
			continue // another row's figures
		}
		switch {
		case beside(&chosen[0], c):
			// It joins the first quote and takes no place of its own.
		case !worth:
			continue
		case len(chosen) >= 2 && !enumerates(chosen, c):
			continue
		}
		chosen = append(chosen, *c)
	}
	return chosen
}

// chooseShare and chooseLeast say when a further quote is worth its place: its
// probability against the first's, and absolutely.
const (
	chooseShare = 0.22
	chooseLeast = 0.09
	// chooseBeside is the least share for a neighbour of the first quote, and
	// across languages, where the order is less sure, for a second one.
	chooseBeside = 0.05
)

// repeats reports whether c says what a chosen unit says.
func repeats(chosen []candidate, c *candidate) bool {
	for i := range chosen {
		if chosen[i].folded == c.folded || strings.Contains(chosen[i].folded, c.folded) {
			return true
		}
	}
	return false
}

// beside reports whether c is the sentence right before or behind the first.
func beside(first, c *candidate) bool {
	d := c.at - first.at
	return c.passage == first.passage && c.unit.block == first.unit.block && (d == 1 || d == -1) &&
		first.unit.kind == unitSentence && c.unit.kind == unitSentence &&
		max(c.unit.end, first.unit.end)-min(c.unit.start, first.unit.start) <= longestJoined
}

// enumerates reports whether a third or later quote continues a list or table.
func enumerates(chosen []candidate, c *candidate) bool {
	last := &chosen[len(chosen)-1]
	return (c.unit.kind == unitItem || c.unit.kind == unitRow || c.unit.kind == unitCode) && c.unit.kind == last.unit.kind &&
		c.passage == last.passage
}

// longestJoined bounds a quote that neighbouring sentences share, in bytes.
const longestJoined = 420

// quotes turns chosen units into quotes: a sentence that leans on the one before
// it takes that one along, neighbours become one quote, and a unit that announces
// a list takes its items. Quotes keep the order of the choice.
func quotes(chosen []candidate, read func(passage int) *readPassage) []window {
	var out []window
	for i := range chosen {
		c := &chosen[i]
		r := read(c.passage)
		w := window{passage: c.passage, from: c.at, to: c.at}
		joinable := func(from, to int) bool {
			return from >= 0 && to < len(r.units) && r.units[from].block == r.units[to].block && !r.barred[from] && !r.barred[to] &&
				r.units[to].end-r.units[from].start <= longestJoined && r.units[from].kind != unitRow && r.units[from].kind != unitCode
		}
		merged := false
		for k := range out {
			o := &out[k]
			if o.passage != w.passage || w.from > o.to+1 || w.to < o.from-1 {
				continue
			}
			if from, to := min(o.from, w.from), max(o.to, w.to); joinable(from, to) {
				o.from, o.to, merged = from, to, true
				break
			}
			if o.from <= w.from && w.to <= o.to {
				merged = true
				break
			}
		}
		if merged {
			continue
		}
		if c.leans && joinable(w.from-1, w.to) {
			w.from--
		}
		w.to = r.announced(w.from, w.to)
		out = append(out, w)
	}
	return out
}

// announced returns the last unit of the list that unit to announces, or to.
func (r *readPassage) announced(from, to int) int {
	u := r.units
	if u[to].kind != unitSentence || !u[to].announces || to+1 >= len(u) || u[to+1].kind == unitSentence {
		return to
	}
	kind := u[to+1].kind
	for n := 0; n < 6 && to+1 < len(u) && u[to+1].kind == kind && !r.barred[to+1] && u[to+1].end-u[from].start <= longestQuote; n++ {
		to++
	}
	return to
}

package ask

import (
	"context"
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/retrieve"
	"github.com/lore-kb/lore/store"
)

// Texts gives the whole text of a document, the text that offsets of passages
// index. A store.Store is one.
type Texts interface {
	Text(ctx context.Context, documentID string) (string, error)
}

// Thresholds of support, found on the question sets (docs/ANSWERS.md).
const (
	// supportLeast is the share of a statement's content words that its quote
	// must hold when both are in one language.
	supportLeast = 0.45
	// supportRepair is the same for a quote that we chose against, or without,
	// the model's marker.
	supportRepair = 0.6
	// supportBetter is by how much another passage must support a statement
	// better than the one that its marker names to be cited in its place: small
	// models mark the first passage whatever they took the words from.
	supportBetter = 0.25
	// longestQuote bounds a quote of several neighbouring sentences, in bytes.
	longestQuote = 700
	// Least length of a quote, by script.
	leastHan     = 4
	leastLetters = 12
)

// verifier holds statements against passages and their documents. It keeps what
// it read; make one for each answer.
type verifier struct {
	texts     Texts
	sources   []retrieve.Passage
	question  *questionText
	documents map[string]documentText
	passages  []*readPassage
	prefer    map[[2]int]float64 // how well a unit answers the question, by source and unit, up to 1/2; may be nil
	favourite *window            // the unit of the sources that answers best; nil when none is preferred
}

type documentText struct {
	text string
	err  error
}

// readPassage is a passage cut and analysed once.
type readPassage struct {
	units   []unit
	terms   []map[uint32]bool
	folded  []string
	barred  []bool   // the unit gives orders and is no evidence
	figures []figure // of the whole passage with title and sections
	words   string   // folded passage, title and sections, for names
	han     bool
}

func newVerifier(texts Texts, sources []retrieve.Passage, question *questionText) *verifier {
	return &verifier{texts: texts, sources: sources, question: question, documents: map[string]documentText{}, passages: make([]*readPassage, len(sources))}
}

// rate says how well each unit answers the question, from the ranking of those of
// passages, of which the sources are some.
func (v *verifier) rate(ranked []candidate, passages []retrieve.Passage) {
	type place struct {
		document string
		start    int
	}
	sources := make(map[place]int, len(v.sources))
	for i := range v.sources {
		sources[place{v.sources[i].DocumentID, v.sources[i].Start}] = i
	}
	v.prefer = make(map[[2]int]float64, len(ranked))
	for i := range ranked {
		c := &ranked[i]
		p := &passages[c.passage]
		source, ok := sources[place{p.DocumentID, p.Start}]
		if !ok {
			continue
		}
		if v.favourite == nil {
			v.favourite = &window{passage: source, from: c.at, to: c.at}
		}
		v.prefer[[2]int{source, c.at}] = math.Exp(c.score-ranked[0].score) / 2
	}
}

func (v *verifier) read(i int) *readPassage {
	if v.passages[i] != nil {
		return v.passages[i]
	}
	p := &v.sources[i]
	r := &readPassage{units: cutUnits(p), han: mostlyHan(p.Text)}
	for _, u := range r.units {
		text := p.Text[u.start:u.end]
		folded := analysis.Fold(text).Text
		r.folded = append(r.folded, folded)
		r.barred = append(r.barred, orders(folded))
		set := map[uint32]bool{}
		for _, t := range analysis.Terms(text) {
			set[t.Index] = true
		}
		r.terms = append(r.terms, set)
	}
	head := strings.Join(append([]string{p.Title, p.Context}, p.Section...), "\n")
	// Only what can be quoted counts: what is barred, and comments that a reader
	// never sees, lend no figures and no names.
	var rest strings.Builder
	for k, u := range r.units {
		if !r.barred[k] {
			rest.WriteString("\n" + p.Text[u.start:u.end])
			for _, h := range u.headings {
				if k == 0 || u.block != r.units[k-1].block {
					rest.WriteString("\n" + h)
				}
			}
		}
	}
	r.words = analysis.Fold(head + rest.String()).Text
	r.figures = figures(r.words)
	for k := range r.units {
		if !r.barred[k] {
			r.figures = append(r.figures, columnFigures(p.Text, &r.units[k])...)
		}
	}
	v.passages[i] = r
	return r
}

// verdict is the outcome of a check.
type verdict struct {
	citations []Citation // without markers numbered
	removal   *Removal   // not nil: the statement must go
	repaired  bool       // the citation is not the one that the model gave
	score     float64    // of the quote: how well it supports the statement
}

// statementText is a statement as it is compared.
type statementText struct {
	text     string
	folded   string
	terms    map[uint32]float64
	total    float64
	figures  []figure
	names    []string
	negated  bool
	han      bool
	verdict  bool // says hardly more than yes or no
	polarity polarity
}

func readStatement(text string) *statementText {
	s := &statementText{text: text, folded: analysis.Fold(text).Text, terms: map[uint32]float64{}}
	for _, t := range analysis.Terms(text) {
		if t.Stop || t.Kind == analysis.KindPart {
			continue
		}
		w := 1.0
		switch t.Kind {
		case analysis.KindHan:
			w = 0.25
		case analysis.KindNumber, analysis.KindDate, analysis.KindIdentifier:
			w = 1.5
		}
		if _, ok := s.terms[t.Index]; !ok {
			s.terms[t.Index] = w
			s.total += w
		}
	}
	s.han = mostlyHan(text)
	s.figures = figures(s.folded)
	s.names = namesOf(text, false)
	s.negated = negated(s.folded)
	s.polarity = polarityOf(s.folded)
	if bareVerdict.MatchString(strings.Trim(s.folded, " .。!！,，")) {
		s.verdict = true
	}
	return s
}

// cover is the share of the statement that a set of terms holds.
func (s *statementText) cover(sets ...map[uint32]bool) float64 {
	if s.total == 0 {
		return 0
	}
	got := 0.0
	for t, w := range s.terms {
		for _, set := range sets {
			if set[t] {
				got += w
				break
			}
		}
	}
	return got / s.total
}

// check holds one claim against the sources it names, and when they do not
// support it, against the others.
func (v *verifier) check(ctx context.Context, c claim) verdict {
	s := readStatement(c.text)
	var named []int
	outside := false
	for _, m := range c.markers {
		if m >= 1 && m <= len(v.sources) {
			named = append(named, m-1)
		} else {
			outside = true
		}
	}
	var marked verdict
	if len(named) > 0 {
		marked = v.support(ctx, s, c, named, supportLeast)
	}
	var others []int
	for i := range v.sources {
		if !contains(named, i) {
			others = append(others, i)
		}
	}
	other := v.support(ctx, s, c, others, supportRepair)
	other.repaired = true
	switch {
	case len(named) > 0 && marked.removal == nil && (other.removal != nil || other.score < marked.score+supportBetter):
		return marked
	case other.removal == nil:
		return other
	case marked.removal != nil:
		return verdict{removal: marked.removal}
	case outside:
		return verdict{removal: &Removal{Text: c.text, Reason: ReasonWrongDocument, Detail: "the marker names no passage"}}
	}
	return verdict{removal: &Removal{Text: c.text, Reason: ReasonNoQuote, Detail: "no passage holds a sentence that supports it"}}
}

func contains(list []int, n int) bool {
	for _, m := range list {
		if m == n {
			return true
		}
	}
	return false
}

// window is a run of neighbouring units of one passage.
type window struct {
	passage, from, to int // units from..to inclusive
	cover, score      float64
}

// support looks for the quote in the given sources.
func (v *verifier) support(ctx context.Context, s *statementText, c claim, sources []int, least float64) verdict {
	if len(sources) == 0 {
		return verdict{removal: &Removal{Text: s.text, Reason: ReasonNoQuote, Detail: "it cites nothing"}}
	}
	reject := func(r Reason, format string, args ...any) verdict {
		return verdict{removal: &Removal{Text: s.text, Reason: r, Detail: fmt.Sprintf(format, args...)}}
	}
	if missing := v.missingFigure(s, sources); missing != "" {
		return reject(ReasonFigures, "%q is not in what it cites", missing)
	}
	if missing := v.missingName(s, sources); missing != "" {
		return reject(ReasonFigures, "%q is not in what it cites", missing)
	}
	if foreign := v.foreignHan(s, sources); foreign != "" {
		return reject(ReasonFigures, "%q is not in what it cites", foreign)
	}
	if s.total == 0 && !s.verdict {
		return reject(ReasonUnsupported, "it says nothing that could be checked")
	}
	if foreign := v.foreignAddress(s.text, sources); foreign != "" {
		return reject(ReasonUnsupported, "the address %s is not in what it cites", foreign)
	}
	best := window{passage: -1}
	denied := false
	var marked []int
	for _, m := range c.markers {
		marked = append(marked, m-1)
	}
	for _, i := range sources {
		r := v.read(i)
		cross := s.alien(r)
		for from := range r.units {
			var sets []map[uint32]bool
			for to := from; to < len(r.units) && to < from+3; to++ {
				if r.units[to].end-r.units[from].start > longestQuote && to > from || to > from && r.units[to].block != r.units[to-1].block && r.units[to].block > r.units[to-1].block+1 {
					break
				}
				if r.barred[to] {
					break
				}
				sets = append(sets, r.terms[to])
				w := window{passage: i, from: from, to: to, cover: s.cover(sets...)}
				asked := v.asked(sets...)
				w.score = w.cover + 0.3*asked - 0.12*float64(to-from)
				folded := strings.Join(r.folded[from:to+1], " ")
				figs := s.figuresIn(figures(folded))
				w.score += 0.5*figs + 0.3*s.namesIn(folded)
				switch {
				case cross:
					// Words cannot be compared; figures and names were. Against
					// the model's marker they must be there to go by.
					w.cover = 0
					anchored := figs+s.namesIn(folded) > 0
					if anchored || least < supportRepair && contains(marked, i) {
						w.cover = 1
					}
					w.score += v.prefer[[2]int{i, from}]
				case s.verdict:
					w.cover = 0
					if asked >= 0.35 && polarityOf(folded) == s.polarity {
						w.cover = 1
					}
				case !v.agrees(s, folded, r, from, to):
					if w.cover >= least {
						denied = true
					}
					continue
				}
				if w.cover < least {
					continue
				}
				if best.passage < 0 || w.score > best.score+1e-9 {
					best = w
				}
			}
		}
	}
	if best.passage < 0 {
		if denied {
			return reject(ReasonUnsupported, "the passage says the opposite or does not deny it")
		}
		return reject(ReasonUnsupported, "no sentence of the passage says it")
	}
	quotes := []window{best}
	if f := v.favourite; f != nil && s.alien(v.read(best.passage)) && !v.read(f.passage).barred[f.from] && !within(quotes, *f) {
		read := v.read(best.passage)
		if folded := strings.Join(read.folded[best.from:best.to+1], " "); s.figuresIn(figures(folded))+s.namesIn(folded) == 0 {
			// Nothing ties the statement to this sentence but the model's
			// marker: the sentence that answers best stands beside it.
			quotes = append(quotes, *f)
		}
	}
	// Figures that stand elsewhere in the passage get a quote of their own:
	// two quotes, never one stitched from two places.
	r := v.read(best.passage)
	folded := strings.Join(r.folded[best.from:best.to+1], " ")
	have := figures(folded)
	for k := range s.figures {
		f := &s.figures[k]
		if f.trivial() || f.occursIn(have) || len(quotes) > 2 {
			continue
		}
		for _, i := range sources {
			r := v.read(i)
			found := false
			for n := range r.units {
				more := figures(r.folded[n])
				if !r.barred[n] && f.occursIn(more) {
					quotes = append(quotes, window{passage: i, from: n, to: n})
					have = append(have, more...)
					found = true
					break
				}
			}
			if found {
				break
			}
		}
	}
	if c.quoted != "" && longEnough(c.quoted) && !v.quotedStands(c.quoted, sources) && strings.Contains(s.folded, analysis.Fold(c.quoted).Text) {
		return reject(ReasonQuoteNotFound, "the words in quotation marks are not in the passage")
	}
	var out []Citation
	for _, w := range quotes {
		citation, err := v.cite(ctx, w)
		if err != nil {
			return reject(ReasonQuoteNotFound, "%v", err)
		}
		out = append(out, citation)
	}
	return verdict{citations: out, score: best.score}
}

// alien reports whether a passage is in another script than the statement, so
// that their words cannot be compared.
func (s *statementText) alien(r *readPassage) bool { return r.han != s.han }

// asked is the share of the question that the sets hold.
func (v *verifier) asked(sets ...map[uint32]bool) float64 {
	q := v.question
	if q == nil || q.total == 0 {
		return 0
	}
	got := 0.0
	for _, t := range q.terms {
		for _, set := range sets {
			if set[t.index] {
				got += t.weight
				break
			}
		}
	}
	return got / q.total
}

// missingFigure returns the first figure of s that no named source holds. The
// question's own figures may stand in the statement without being cited, if a
// source does not contradict them by saying others of the kind.
func (v *verifier) missingFigure(s *statementText, sources []int) string {
	for k := range s.figures {
		f := &s.figures[k]
		if f.trivial() {
			continue
		}
		found := false
		for _, i := range sources {
			if f.occursIn(v.read(i).figures) {
				found = true
				break
			}
		}
		if !found {
			return f.text
		}
	}
	return ""
}

// missingName returns the first name of s that no named source holds. In a
// statement about a Chinese source, names in Latin letters may be translations;
// only identifiers must match there.
func (v *verifier) missingName(s *statementText, sources []int) string {
	for _, name := range s.names {
		found := false
		for _, i := range sources {
			r := v.read(i)
			if holdsWord(r.words, name) || s.alien(r) && !s.han && !strings.ContainsAny(name, "0123456789_./") {
				found = true
				break
			}
		}
		if !found {
			return name
		}
	}
	return ""
}

// foreignHan returns the first run of two or more Han characters of s of which
// neither the sources of its script nor the question hold any, or "". Chinese
// does not mark its names: who puts another name, place or thing in the place of
// the document's writes characters that stand nowhere in it. Characters that only
// build sentences do not count, nor do units behind a number, which are compared
// as figures.
func (v *verifier) foreignHan(s *statementText, sources []int) string {
	if !s.han {
		return ""
	}
	known := ""
	if v.question != nil {
		known = v.question.folded
	}
	for _, i := range sources {
		r := v.read(i)
		if s.alien(r) {
			return ""
		}
		known += r.words
	}
	run, counted := "", false // counted: the run stands behind a number
	before := rune(0)
	for _, r := range s.folded + "\n" {
		if isHan(r) && !strings.ContainsRune(plainHan, r) && !strings.ContainsRune(known, r) {
			if run == "" {
				counted = unicode.IsDigit(before) || strings.ContainsRune(hanNumerals, before)
			}
			run += string(r)
		} else {
			if utf8.RuneCountInString(run) >= 2 && !counted {
				return run
			}
			run = ""
		}
		before = r
	}
	return ""
}

// plainHan are the characters of numbers, and of words that any sentence may be
// built with.
const plainHan = hanNumerals + "半第几的了是在为由被和与将于及或其这那有也都就而并可以能会要应须需必该等个位名年月日号时分秒周点中上下内外里至到从向对把给让用按据因所之者们它他她您你我吗呢吧" +
	"根括包属称叫做作成即则另还已曾很更最多少每各种类些本次均允许支持进行通过提供具如若但才只天小间台"

// holdsWord reports whether folded text holds the folded word, not as a part of
// a longer Latin word; an ending of the word may differ by s.
func holdsWord(folded, word string) bool {
	for _, w := range []string{word, strings.TrimSuffix(word, "s")} {
		if len(w) < 2 && w != word {
			continue
		}
		for at := 0; ; {
			i := strings.Index(folded[at:], w)
			if i < 0 {
				break
			}
			i += at
			before, after := rune(0), rune(0)
			if i > 0 {
				before = lastRune(folded[:i])
			}
			for _, r := range folded[i+len(w):] {
				after = r
				break
			}
			if !isLatinOrDigit(before) && (!isLatinOrDigit(after) || after == 's' || w != word) {
				return true
			}
			at = i + len(w)
		}
	}
	return false
}

func lastRune(s string) rune {
	r := []rune(s[max(0, len(s)-4):])
	if len(r) == 0 {
		return 0
	}
	return r[len(r)-1]
}

func isLatinOrDigit(r rune) bool {
	return unicode.Is(unicode.Latin, r) || unicode.IsDigit(r)
}

// figuresIn is the share of the statement's figures among those of a source.
func (s *statementText) figuresIn(source []figure) float64 {
	n, got := 0, 0
	for k := range s.figures {
		if s.figures[k].trivial() {
			continue
		}
		n++
		if s.figures[k].occursIn(source) {
			got++
		}
	}
	if n == 0 {
		return 0
	}
	return float64(got) / float64(n)
}

func (s *statementText) namesIn(folded string) float64 {
	if len(s.names) == 0 {
		return 0
	}
	got := 0
	for _, n := range s.names {
		if holdsWord(folded, n) {
			got++
		}
	}
	return float64(got) / float64(len(s.names))
}

// agrees reports whether statement and quote both deny or both do not. The
// quote's negation counts when it stands in the clause that the statement
// repeats.
func (v *verifier) agrees(s *statementText, folded string, r *readPassage, from, to int) bool {
	denies := negated(folded)
	if s.negated && !denies {
		return false
	}
	if s.negated || !denies {
		return true
	}
	bestCover, bestNegated := 0.0, false
	for _, clause := range strings.FieldsFunc(folded, isClauseMark) {
		set := map[uint32]bool{}
		for _, t := range analysis.Terms(clause) {
			set[t.Index] = true
		}
		if c := s.cover(set); c > bestCover {
			bestCover, bestNegated = c, negated(clause)
		}
	}
	return bestCover < 0.5 || !bestNegated
}

func isClauseMark(r rune) bool {
	return strings.ContainsRune(",，;；:：.。!！?？—–()（）、", r)
}

// longEnough reports whether a quote has the least length of its script.
func longEnough(s string) bool {
	han, letters := 0, 0
	for _, r := range s {
		switch {
		case isHan(r):
			han++
		case isWordRune(r):
			letters++
		}
	}
	return han >= leastHan || letters+3*han >= leastLetters
}

// quotedStands reports whether a quote stands in one of the sources as one run.
func (v *verifier) quotedStands(quote string, sources []int) bool {
	for _, i := range sources {
		if _, ok := FindQuote(v.sources[i].Text, quote); ok {
			return true
		}
	}
	return false
}

// FindQuote returns where quote stands in text as one run, equal after folding
// of case, width, script and space; ok is false when it does not, or when it is
// shorter than a few Han characters or a dozen letters.
func FindQuote(text, quote string) (analysis.Range, bool) {
	if !longEnough(quote) {
		return analysis.Range{}, false
	}
	needle := strings.Trim(analysis.Fold(quote).Text, " .。…")
	r, _, ok := analysis.Fold(text).Index(needle, 0)
	return r, ok
}

// cite makes the citation of a window and holds its quote against the document.
func (v *verifier) cite(ctx context.Context, w window) (Citation, error) {
	p := &v.sources[w.passage]
	r := v.read(w.passage)
	from, to := w.from, w.to
	for !longEnough(p.Text[r.units[from].start:r.units[to].end]) && (from > 0 || to+1 < len(r.units)) {
		switch {
		case to+1 < len(r.units) && !r.barred[to+1] && (from == 0 || r.units[to+1].block == r.units[to].block):
			to++
			continue
		case from > 0 && !r.barred[from-1]:
			from--
			continue
		}
		break
	}
	return v.citeRange(ctx, w.passage, r.units[from].start, r.units[to].end)
}

// citeRange cites the bytes [start, end) of a source.
func (v *verifier) citeRange(ctx context.Context, source, start, end int) (Citation, error) {
	p := &v.sources[source]
	quote := p.Text[start:end]
	c := Citation{
		Passage: p.Rank, DocumentID: p.DocumentID, Title: p.Title, URI: p.URI, Path: p.Path,
		Section: p.Section, Quote: quote, Start: p.Start + start, End: p.Start + end,
		Date: p.Date,
	}
	document, err := v.document(ctx, p.DocumentID)
	if err != nil {
		return c, fmt.Errorf("document %s cannot be read: %w", p.Name(), err)
	}
	if c.End > len(document) || document[c.Start:c.End] != quote {
		return c, fmt.Errorf("document %s has changed; the quote is not where it was", p.Name())
	}
	c.Page = p.PageAt(c.Start)
	spoken := p.Spoken(c.Start, c.End)
	c.From, c.To = spoken.From, spoken.To
	if r, ok := store.RegionOf(p.Boxes, c.Start, c.End); ok {
		c.Region = &r
	}
	line := max(p.Line, 1)
	c.Lines[0] = line + strings.Count(p.Text[:start], "\n")
	c.Lines[1] = c.Lines[0] + strings.Count(quote, "\n")
	c.Verified = true
	return c, nil
}

func (v *verifier) document(ctx context.Context, id string) (string, error) {
	if d, ok := v.documents[id]; ok {
		return d.text, d.err
	}
	var d documentText
	d.text, d.err = v.texts.Text(ctx, id)
	v.documents[id] = d
	return d.text, d.err
}

// Verify holds a statement with its markers against sources, source n being
// what marker n means, and returns its citations or why it cannot stand.
func Verify(ctx context.Context, texts Texts, s Statement, sources []retrieve.Passage) ([]Citation, *Removal) {
	got := newVerifier(texts, sources, nil).check(ctx, claim{text: s.Text, markers: s.Markers})
	return got.citations, got.removal
}

package analysis

import "strings"

// Matcher holds texts against the terms of one question. It is made once for a
// question and used for many texts; it is not safe for concurrent use.
type Matcher struct {
	weights map[uint32]float64
	pairs   []pair
	ends    map[uint32][]end // pairs by the terms that begin or end them
	total   float64

	lexer  lexer
	take   emitFunc
	breaks []Range
	next   int // index in breaks of the sentence that is being read
	header int // index of the table header above it, or -1
	seen   map[uint32]int
	sum    float64
	best   float64
	title  map[uint32]bool
	head   float64 // weight of the terms in the title

	text    string
	tables  bool            // text has some
	columns map[uint32]bool // terms of the table header above
	named   float64         // their weight
	inHead  bool
	pos     int
	last    map[uint32]int // where a term of a pair stood last
	met     []bool
	chains  []chain // by the pair that they end with
	whole   bool
}

// pair is two neighbouring terms of a question.
type pair struct {
	a, b   uint32
	weight float64
	apart  int // places from one to the other in the question
}

// chain is of pairs of the question that follow one another in a text.
type chain struct {
	pairs int
	at    int // place of its last term
}

// end says that a term is the first or the second of a pair.
type end struct {
	pair  int
	first bool
}

// Evidence is how closely a text holds the terms of a question, each figure as a
// share of the weight of all its terms.
type Evidence struct {
	Sentence float64 // the most that one sentence holds, with what the title holds; a table row has the header of its columns with it
	Order    float64 // neighbouring terms of the question that stand near each other, by the lighter of the two
	Whole    bool    // all of them do, each where the one before left off: the question itself, be it a name
}

// NewMatcher returns a matcher for terms with their weights, in the order of the
// question; weights are positive and len(weights) == len(terms).
func NewMatcher(terms []Term, weights []float64) *Matcher {
	m := &Matcher{
		weights: make(map[uint32]float64, len(terms)), ends: make(map[uint32][]end),
		seen: make(map[uint32]int), title: make(map[uint32]bool), columns: make(map[uint32]bool), last: make(map[uint32]int),
	}
	before, apart := -1, 1
	for i := range terms {
		t := &terms[i]
		if weights[i] <= 0 {
			continue
		}
		m.weights[t.Index] = weights[i]
		m.total += weights[i]
		if !ordered(t.Kind) {
			continue
		}
		if t.Stop {
			apart++
			continue
		}
		if before >= 0 {
			b := &terms[before]
			n := len(m.pairs)
			m.pairs = append(m.pairs, pair{b.Index, t.Index, min(weights[before], weights[i]), apart})
			m.ends[b.Index] = append(m.ends[b.Index], end{n, true})
			m.ends[t.Index] = append(m.ends[t.Index], end{n, false})
		}
		before, apart = i, 1
	}
	m.met, m.chains = make([]bool, len(m.pairs)), make([]chain, len(m.pairs))
	m.take = m.term
	return m
}

// ordered reports whether the order of terms of a kind is looked at.
func ordered(k Kind) bool {
	return k == KindWord || k == KindNumber || k == KindPart || k == KindBigram
}

const (
	ahead  = 3 // places by which the second term of a pair may follow the first
	behind = 2 // and by which it may stand before it
)

// Match returns the evidence in a text under its title.
func (m *Matcher) Match(title, text string) Evidence {
	if m.total == 0 {
		return Evidence{}
	}
	clear(m.title)
	clear(m.seen)
	clear(m.last)
	clear(m.met)
	clear(m.chains)
	clear(m.columns)
	m.head, m.named, m.best, m.sum, m.pos, m.next, m.header = 0, 0, 0, 0, 0, 0, -1
	m.inHead, m.whole = true, false
	m.lexer.run(title, m.take)
	m.inHead = false
	m.text, m.breaks = text, Sentences(text)
	m.tables = strings.Contains(text, "\n|") || strings.Contains(text, cellMark)
	m.enter()
	m.lexer.run(text, m.take)
	m.best = max(m.best, m.sum)
	m.text = ""
	var e Evidence
	for i, met := range m.met {
		if met {
			e.Order += m.pairs[i].weight
		}
	}
	e.Order /= m.total
	e.Sentence, e.Whole = m.best/m.total, m.whole
	return e
}

// enter begins the sentence m.next with what holds for it: the title and, in a
// table, the header.
func (m *Matcher) enter() {
	m.sum = m.head
	if !m.tables || len(m.breaks) == 0 {
		return
	}
	switch {
	case !m.row(m.next):
		m.header = -1
	case m.header >= 0:
		m.sum += m.named
		return
	case m.next+1 < len(m.breaks) && (m.ruler(m.next+1) || !m.piped(m.next) && m.row(m.next+1)):
		m.header = m.next
	}
	clear(m.columns)
	m.named = 0
}

// row reports whether sentence i is a row of a table.
func (m *Matcher) row(i int) bool {
	return m.piped(i) || strings.Contains(m.text[m.breaks[i].Start:m.breaks[i].End], cellMark)
}

// piped reports whether sentence i begins with the mark of a row; the header of
// such a table has a ruler below it.
func (m *Matcher) piped(i int) bool { return m.text[m.breaks[i].Start] == '|' }

// ruler reports whether sentence i is the line between a table's header and its
// rows.
func (m *Matcher) ruler(i int) bool {
	line := m.text[m.breaks[i].Start:m.breaks[i].End]
	return strings.Contains(line, "-") && strings.Trim(line, "|-: ") == ""
}

// term takes one term of the title or the text.
func (m *Matcher) term(kind Kind, folded []byte, start, _ int) {
	at := m.pos
	if kind != KindBigram && kind != KindIdentifier && kind != KindDate {
		m.pos++
	}
	index := hash(folded)
	w, ok := m.weights[index]
	if !ok {
		return
	}
	if m.inHead {
		if !m.title[index] {
			m.title[index] = true
			m.head += w
		}
		return
	}
	for m.next < len(m.breaks)-1 && start >= m.breaks[m.next].End {
		m.best = max(m.best, m.sum)
		m.next++
		m.enter()
	}
	if m.header == m.next && !m.title[index] && !m.columns[index] {
		m.columns[index] = true
		m.named += w
	}
	if n, ok := m.seen[index]; (!ok || n != m.next) && !m.title[index] && (m.header == m.next || !m.columns[index]) {
		m.seen[index] = m.next
		m.sum += w
	}
	ends, ok := m.ends[index]
	if !ok || !ordered(kind) {
		return
	}
	for _, e := range ends {
		p := &m.pairs[e.pair]
		other, reach := p.a, ahead
		if e.first {
			other, reach = p.b, behind
		}
		if was, ok := m.last[other]; ok && at > was && at-was <= reach {
			m.met[e.pair] = true
			if !e.first && at-was <= p.apart {
				c := chain{1, at}
				if before := e.pair - 1; before >= 0 && m.chains[before].pairs > 0 && m.chains[before].at == was {
					c.pairs += m.chains[before].pairs
				}
				m.chains[e.pair] = c
				m.whole = m.whole || c.pairs == len(m.pairs)
			}
		}
	}
	m.last[index] = at
}

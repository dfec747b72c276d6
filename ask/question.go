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

// questionText is a question as units and passages are compared with it.
type questionText struct {
	text     string
	folded   string
	han      bool // asked in Chinese
	expected expected
	terms    []weighted // content terms, each index once, in order of appearance
	total    float64    // sum of their weights
	sequence []uint32   // words and Han characters in order, without function words at the edges
	claims   []string   // of a yes/no question in Chinese: what it asks to affirm, 会开源, and its denials
	hooks    []string   // folded text beside the interrogative: what the answer stands next to
	role     bool       // asks who holds a role, naming nothing else
	counted  string     // stem of the noun that "how many" counts
	words    map[string]bool
	figures  []figure
	names    []string // named things and identifiers, folded
	index    map[uint32]int
}

// weighted is a term of a question with its weight in the collection.
type weighted struct {
	index  uint32
	text   string // as the question writes it, folded
	weight float64
	known  bool // the collection holds it
	start  int  // in the question
	kind   analysis.Kind
}

// defaultIDF stands for terms whose weight the retriever does not tell; it is
// the weight of a word that about one passage in a hundred holds.
const defaultIDF = 4

func readQuestion(text string, result *retrieve.Result) *questionText {
	q := &questionText{text: text, words: map[string]bool{}, index: map[uint32]int{}}
	q.folded = analysis.Fold(text).Text
	q.han = analysis.Language(text) == "zh" || hanShare(text) > 0.4
	q.expected = expect(text)
	q.figures = figures(q.folded)
	idf := map[uint32]retrieve.TermWeight{}
	if result != nil {
		for _, t := range result.Terms {
			idf[t.Index] = t
		}
		if result.Language == "zh" {
			q.han = true
		}
	}
	for _, t := range analysis.QuestionTerms(text) {
		if t.Kind != analysis.KindBigram && t.Kind != analysis.KindPart {
			q.sequence = append(q.sequence, t.Index)
		}
		if t.Kind == analysis.KindWord || t.Kind == analysis.KindIdentifier {
			q.words[analysis.Fold(text[t.Start:t.End]).Text] = true
		}
		if t.Stop {
			continue
		}
		if _, ok := q.index[t.Index]; ok {
			continue
		}
		w := weighted{index: t.Index, text: analysis.Fold(text[t.Start:t.End]).Text, known: true, start: t.Start, kind: t.Kind}
		k, ok := idf[t.Index]
		switch {
		case ok:
			w.known = k.Known
			w.weight = k.IDF * t.Weight
		default:
			w.weight = defaultIDF * t.Weight
		}
		if w.weight <= 0 {
			continue
		}
		q.index[t.Index] = len(q.terms)
		q.terms = append(q.terms, w)
		q.total += w.weight
	}
	q.names = namesOf(text, true)
	q.role = len(q.names) == 0 && roleQuestion.MatchString(q.folded)
	q.hooks = hooks(q.folded)
	if q.expected == expectYesNo {
		q.claims = affirmed(q.folded)
	}
	if m := countedNoun.FindStringSubmatch(q.folded); m != nil {
		if t := analysis.Terms(m[1]); len(t) > 0 {
			q.counted = t[0].Text
		}
	}
	return q
}

var roleQuestion = regexp.MustCompile(`^(?:and )?who(?:'s| is| was| are| were) (?:the|your|our|its|their) [a-z -]+\??$|^(?:谁是|公司的?)?\p{Han}{2,10}是谁[?？]?$`)

var countedNoun = regexp.MustCompile(`\bhow (?:many|much) (?:[a-z]+ly )?([a-z]+)`)

var hanInterrogative = regexp.MustCompile(`什么(?:时候|地方|人|样的?|时间|名字|职业)?|哪(?:里|儿|(?:一|个|位|几|些|两|座|年|种|所|条|部|家)+)?|谁|多少|几|何(?:时|处|人|地|种|名)|多(?:久|长|大|高|远)|怎么样?|怎样|如何|为什么|为何`)

// hooks returns what stands right before and after the interrogative of a
// Chinese question: 位于哪里 is answered by 位于….
func hooks(folded string) []string {
	m := hanInterrogative.FindStringIndex(folded)
	if m == nil {
		return nil
	}
	var out []string
	before := []rune(folded[:m[0]])
	for len(before) > 0 && strings.ContainsRune("的了是在于有", before[len(before)-1]) && len(before) > 2 {
		before = before[:len(before)-1]
	}
	if n := len(before); n >= 2 && isHan(before[n-1]) && isHan(before[n-2]) {
		out = append(out, string(before[n-2:]))
	}
	after := []rune(strings.TrimFunc(folded[m[1]:], func(r rune) bool { return !isWordRune(r) }))
	if len(after) >= 2 && isHan(after[0]) && isHan(after[1]) {
		out = append(out, string(after[:2]))
	}
	return out
}

// namesOf returns named things of text, folded: identifiers, words with digits
// and capitalised words. In English the first word of a sentence does not count
// as a name; asked says that text is a question, where interrogatives begin.
func namesOf(text string, asked bool) []string {
	seen := map[string]bool{}
	var out []string
	add := func(s string) {
		s = strings.TrimSuffix(analysis.Fold(s).Text, "'s")
		if s != "" && !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	english := hanShare(text) < 0.2
	start := true
	for _, loc := range latinWord.FindAllStringIndex(text, -1) {
		w := strings.TrimRight(text[loc[0]:loc[1]], ".-_/'’")
		if w == "" {
			continue
		}
		first := start
		start = false
		if rest := strings.TrimLeft(text[loc[1]:], " \n"); rest != "" && strings.ContainsRune(".!?:\n", []rune(rest)[0]) || strings.HasSuffix(text[loc[0]:loc[1]], ".") {
			start = true
		}
		letters, digits, upper := 0, 0, 0
		for _, r := range w {
			switch {
			case unicode.IsUpper(r):
				upper++
				letters++
			case unicode.IsLetter(r):
				letters++
			case unicode.IsDigit(r):
				digits++
			}
		}
		switch {
		case letters == 0:
		case digits > 0 && letters > 0, strings.ContainsAny(w, "_"):
			if !ordinalWord.MatchString(w) {
				add(w)
			}
		case !english && letters >= 2:
			add(w)
		case english && upper > 0 && letters >= 2:
			if first && upper == 1 || isFunctionWord(strings.ToLower(w)) {
				continue
			}
			if m := strings.ToLower(w); len(m) >= 3 && months[m[:3]] > 0 && monthWord.MatchString(m) {
				continue
			}
			add(w)
		}
	}
	return out
}

var (
	latinWord   = regexp.MustCompile(`[\p{Latin}\d][\p{Latin}\d_'’]*(?:[-./][\p{Latin}\d_]+)*`)
	ordinalWord = regexp.MustCompile(`^\d+(?:st|nd|rd|th|s|am|pm|%|km|m|cm|mm|kg|g|mg|gb|mb|kb|tb|ms|h|x|k|bn)$`)
	monthWord   = regexp.MustCompile(`^` + monthNames + `$`)
)

// presence is which content terms of a question a text holds.
type presence struct {
	has    []bool
	weight float64
}

// hold tells which terms of q stand in the texts.
func (q *questionText) hold(texts ...string) presence {
	p := presence{has: make([]bool, len(q.terms))}
	for _, text := range texts {
		for _, t := range analysis.Terms(text) {
			if i, ok := q.index[t.Index]; ok && !p.has[i] {
				p.has[i] = true
				p.weight += q.terms[i].weight
			}
		}
	}
	return p
}

// holdPassage tells which terms of q stand in a passage with what stands above it.
func (q *questionText) holdPassage(p *retrieve.Passage) presence {
	return q.hold(append([]string{p.Title, p.Text, p.Context}, p.Section...)...)
}

// or returns the union of p and o.
func (p presence) or(o presence, q *questionText) presence {
	out := presence{has: make([]bool, len(p.has))}
	for i := range p.has {
		if p.has[i] || o.has[i] {
			out.has[i] = true
			out.weight += q.terms[i].weight
		}
	}
	return out
}

// share is the part of the question's weight that p holds.
func (q *questionText) share(p presence) float64 {
	if q.total == 0 {
		return 0
	}
	return p.weight / q.total
}

// longestRun is the length of the longest run of words that text shares with the
// question, as a part of the question's length.
func (q *questionText) longestRun(terms []analysis.Term) float64 {
	if len(q.sequence) == 0 {
		return 0
	}
	best := 0
	row := make([]int, len(q.sequence)+1)
	for _, t := range terms {
		if t.Kind == analysis.KindBigram || t.Kind == analysis.KindPart {
			continue
		}
		diagonal := 0
		for j, s := range q.sequence {
			above := row[j+1]
			if s == t.Index {
				row[j+1] = diagonal + 1
				best = max(best, row[j+1])
			} else {
				row[j+1] = 0
			}
			diagonal = above
		}
	}
	return float64(best) / float64(len(q.sequence))
}

// near is how close together text holds the question's terms: the weight of
// pairs of neighbouring question terms that stand within five words, as a part
// of the weight of all such pairs.
func (q *questionText) near(terms []analysis.Term) float64 {
	position := make([]int, len(q.terms))
	for i := range position {
		position[i] = -1
	}
	all := make([][]int, len(q.terms))
	n := 0
	for _, t := range terms {
		if t.Kind != analysis.KindBigram && t.Kind != analysis.KindPart {
			n++
		}
		if i, ok := q.index[t.Index]; ok {
			all[i] = append(all[i], n)
		}
	}
	total, got := 0.0, 0.0
	previous := -1
	for i := range q.terms {
		k := q.terms[i].kind
		if k == analysis.KindBigram || k == analysis.KindPart {
			continue
		}
		if previous >= 0 {
			w := math.Min(q.terms[i].weight, q.terms[previous].weight)
			total += w
			if closeTogether(all[previous], all[i], 5) {
				got += w
			}
		}
		previous = i
	}
	if total == 0 {
		return 0
	}
	return got / total
}

func closeTogether(a, b []int, distance int) bool {
	for _, x := range a {
		for _, y := range b {
			if d := x - y; d <= distance && d >= -distance {
				return true
			}
		}
	}
	return false
}

// missing returns what the question names that p lacks, heaviest first: whole
// words, and for Chinese the longest runs of missing characters.
func (q *questionText) missing(p presence) []string {
	type piece struct {
		text   string
		weight float64
		at     int
	}
	var pieces []piece
	for i, t := range q.terms {
		if p.has[i] || t.kind == analysis.KindPart {
			continue
		}
		if n := len(pieces); t.kind == analysis.KindBigram || t.kind == analysis.KindHan {
			// Overlapping bigrams of one missing word join.
			if n > 0 && t.start <= pieces[n-1].at && isHan([]rune(t.text)[0]) {
				if end := t.start + len(t.text); end > pieces[n-1].at {
					if over := end - pieces[n-1].at; over <= len(t.text) {
						pieces[n-1].text += t.text[len(t.text)-over:]
					}
					pieces[n-1].at = end
				}
				pieces[n-1].weight += t.weight
				continue
			}
			if t.kind == analysis.KindHan {
				continue
			}
		}
		pieces = append(pieces, piece{t.text, t.weight, t.start + len(t.text)})
	}
	sort.SliceStable(pieces, func(i, j int) bool { return pieces[i].weight > pieces[j].weight })
	var out []string
	for _, x := range pieces {
		if r := []rune(x.text); len(r) > 0 && isHan(r[0]) {
			out = append(out, contentRuns(x.text)...)
			continue
		}
		out = append(out, x.text)
	}
	return out
}

// functionHan are characters that carry a Chinese question rather than what it
// is about.
const functionHan = "的了吗呢么嘛吧是在有多少几谁什怎样哪何为能会可以要需更应该和与或及我你他它这那请问如果被把对从到个些吗久每"

// contentRuns cuts a run of Han characters at those that only carry a question;
// single characters say too little to be named.
func contentRuns(run string) []string {
	var out []string
	for _, piece := range strings.FieldsFunc(run, func(r rune) bool { return strings.ContainsRune(functionHan, r) }) {
		if utf8.RuneCountInString(piece) >= 2 {
			out = append(out, piece)
		}
	}
	return out
}

var hanModal = regexp.MustCompile(`(会|能|可以|可|允许|需要|需|必须|应该|要|支持|属于|是|有|包含|包括|适用于?)(?:不(?:会|能|可以|需要|要|是))?([\p{Han}a-z0-9 ]{1,8}?)(?:了)?(?:吗|么|呢|\?|？|$)`)

// affirmed returns the predicate of a Chinese yes/no question with its modal
// verb, as a sentence would say it: 会开源, 不会开源, 没有开源.
func affirmed(folded string) []string {
	m := hanModal.FindStringSubmatch(folded)
	if m == nil {
		return nil
	}
	modal, predicate := m[1], strings.TrimSpace(m[2])
	out := []string{modal + predicate, "不" + modal + predicate}
	if utf8.RuneCountInString(predicate) >= 2 {
		out = append(out, "没有"+predicate, "未"+predicate, "不"+predicate, "可以"+predicate, "不予"+predicate)
	}
	return out
}

// decides reports whether a folded unit says in so many words what a yes/no
// question asks.
func (q *questionText) decides(folded string) bool {
	for _, c := range q.claims {
		for at := 0; ; {
			i := strings.Index(folded[at:], c)
			if i < 0 {
				break
			}
			at += i + len(c)
			rest := strings.TrimLeft(folded[at:], " 了呢吗么?？")
			if len(rest) == len(folded[at:]) {
				return true
			}
		}
	}
	return false
}

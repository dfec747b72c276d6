package analysis

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Parsed is a question as the read path needs it.
type Parsed struct {
	Text        string   // without its filters
	Language    string   // "en", "zh" or ""
	Terms       []Term   // one of each index, in order of appearance; Weight is what it counts before IDF
	Phrases     []string // between quotation marks, as written
	Identifiers []string // compounds as written: max_tokens, v2.0.1, ERR-4012
	Filter      Inline
}

// Inline are the conditions that a question itself states.
type Inline struct {
	Paths  []string          // path:docs/ops
	Types  []string          // type:pdf
	Labels map[string]string // label:team=infra
	After  time.Time         // after:2024-01-31, not before that day
	Before time.Time         // before:2024
}

// Empty reports whether the question states no condition.
func (f *Inline) Empty() bool {
	return len(f.Paths) == 0 && len(f.Types) == 0 && len(f.Labels) == 0 && f.After.IsZero() && f.Before.IsZero()
}

// Question analyses a question. Words of the form path:, type:, label:, before:
// and after: followed directly by a value are taken out as filters; a value with
// spaces stands in double quotation marks. What is not a well-formed filter
// stays in the text. A question without any term has no Terms.
func Question(text string) *Parsed {
	q := new(Parsed)
	q.Text = q.takeFilters(text)
	q.Phrases = phrases(q.Text)
	all := QuestionTerms(q.Text)
	q.Language = questionLanguage(q.Text, all)
	standForNumerals(q.Text, all)
	seen := make(map[uint32]int, len(all))
	stops := true
	for _, t := range all {
		if t.Kind == KindIdentifier {
			if id := q.Text[t.Start:t.End]; !slices.Contains(q.Identifiers, id) {
				q.Identifiers = append(q.Identifiers, id)
			}
		}
		stops = stops && t.Stop
		if i, ok := seen[t.Index]; ok {
			q.Terms[i].Weight = max(q.Terms[i].Weight, t.Weight)
			continue
		}
		seen[t.Index] = len(q.Terms)
		q.Terms = append(q.Terms, t)
	}
	if stops { // "The Who": then they are what is asked for
		for i := range q.Terms {
			q.Terms[i].Weight = questionWeight(q.Terms[i].Kind, false)
		}
	}
	return q
}

// QuestionTerms returns the terms of a question as [Terms] does, save that the
// word behind "how" that only says what kind of thing is asked for (how long, how
// many) is a stop word.
func QuestionTerms(text string) []Term {
	terms := Terms(text)
	for i := 1; i < len(terms); i++ {
		t := &terms[i]
		if terms[i-1].Text == "how" && t.Kind == KindWord && !t.Stop && measured[t.Text] {
			t.Stop, t.Weight = true, t.Weight*stopWeight
		}
	}
	return terms
}

// measured are stems of the words that make an interrogative with "how".
var measured = func() map[string]bool {
	m := make(map[string]bool)
	var buf []byte
	for _, w := range strings.Fields("long much many often far soon old big large tall high deep wide fast heavy small quickly frequently") {
		m[string(stem([]byte(w), &buf))] = true
	}
	return m
}()

// standForNumerals lets a number that a question spells in Chinese numerals stand
// for its characters, as digits do: otherwise 第三十三条 is nearer to 第三十二条
// than to 第33条. The characters keep a stop word's weight, and so do bigrams that
// begin or end within a numeral of several; 三月 and 第三 stay.
func standForNumerals(text string, terms []Term) {
	for i := range terms {
		n := &terms[i]
		first, size := utf8.DecodeRuneInString(text[n.Start:])
		if n.Kind != KindNumber || !isNumeral(lowerHan(first, simplifiedOf())) {
			continue
		}
		single := n.End-n.Start == size
		for j := range terms {
			t := &terms[j]
			inside := t.Start >= n.Start && t.End <= n.End
			if (t.Kind == KindHan || t.Kind == KindBigram) && !t.Stop && (inside || !single && t.Start < n.End && t.End > n.Start) {
				t.Stop, t.Weight = true, t.Weight*stopWeight
			}
		}
	}
}

// Sparse returns the weights of the question's terms by ascending index.
func (q *Parsed) Sparse() (indices []uint32, values []float32) {
	terms := slices.Clone(q.Terms)
	slices.SortFunc(terms, func(a, b Term) int {
		switch {
		case a.Index < b.Index:
			return -1
		case a.Index > b.Index:
			return 1
		}
		return 0
	})
	for _, t := range terms {
		indices = append(indices, t.Index)
		values = append(values, float32(t.Weight))
	}
	return indices, values
}

// takeFilters moves the filters of text into q.Filter and returns the rest.
func (q *Parsed) takeFilters(text string) string {
	if !strings.ContainsAny(text, ":：") {
		return text
	}
	var rest strings.Builder
	kept := 0
	for i := 0; i < len(text); {
		if i > 0 && text[i-1] != ' ' && text[i-1] != '\t' && text[i-1] != '\n' && !strings.HasSuffix(text[:i], "\u3000") {
			i++
			continue
		}
		end := q.filterAt(text, i)
		if end == 0 {
			i++
			continue
		}
		rest.WriteString(text[kept:i])
		for end < len(text) && text[end] == ' ' {
			end++
		}
		kept, i = end, end
	}
	if kept == 0 {
		return text
	}
	rest.WriteString(text[kept:])
	return strings.TrimSpace(rest.String())
}

// filterAt reads one filter at i and returns the offset behind it, or 0.
func (q *Parsed) filterAt(text string, i int) int {
	for _, name := range [...]string{"path", "type", "label", "before", "after"} {
		if len(text)-i <= len(name) || !strings.EqualFold(text[i:i+len(name)], name) {
			continue
		}
		j := i + len(name)
		if r, size := utf8.DecodeRuneInString(text[j:]); r == ':' || r == '：' {
			j += size
		} else {
			continue
		}
		value, end := filterValue(text, j)
		if value == "" || !q.addFilter(name, value) {
			return 0
		}
		return end
	}
	return 0
}

// filterValue reads a value, bare or in double quotation marks, at i.
func filterValue(text string, i int) (string, int) {
	if i < len(text) && text[i] == '"' {
		if n := strings.IndexByte(text[i+1:], '"'); n >= 0 {
			return text[i+1 : i+1+n], i + n + 2
		}
	}
	end := len(text)
	if n := strings.IndexAny(text[i:], " \t\n\u3000"); n >= 0 {
		end = i + n
	}
	return text[i:end], end
}

func (q *Parsed) addFilter(name, value string) bool {
	switch name {
	case "path":
		q.Filter.Paths = append(q.Filter.Paths, value)
	case "type":
		q.Filter.Types = append(q.Filter.Types, strings.ToLower(value))
	case "label":
		k, v, ok := strings.Cut(value, "=")
		if !ok || k == "" {
			return false
		}
		if q.Filter.Labels == nil {
			q.Filter.Labels = make(map[string]string)
		}
		q.Filter.Labels[k] = v
	case "before", "after":
		t, ok := day(value)
		if !ok {
			return false
		}
		if name == "before" {
			q.Filter.Before = t
		} else {
			q.Filter.After = t
		}
	}
	return true
}

// day reads a year, a month or a day as its first moment in UTC.
func day(s string) (time.Time, bool) {
	for _, layout := range [...]string{"2006-01-02", "2006-01", "2006", "2006/01/02", "2006/01", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// phrases returns what stands between double quotation marks of any kind and
// holds at least one term.
func phrases(text string) []string {
	var out []string
	open, from := rune(0), 0
	for i, r := range text {
		if open != 0 {
			if closes(open, r) {
				if p := strings.TrimSpace(text[from:i]); p != "" && len(Terms(p)) > 0 && !slices.Contains(out, p) {
					out = append(out, p)
				}
				open = 0
			}
			continue
		}
		switch r {
		case '"', '“', '”', '「', '『', '„', '«', '＂':
			open, from = r, i+utf8.RuneLen(r)
		}
	}
	return out
}

// closes reports whether r closes what open began.
func closes(open, r rune) bool {
	switch open {
	case '"', '＂':
		return r == '"' || r == '＂'
	case '“', '„', '”':
		return r == '”' || r == '“'
	case '「':
		return r == '」'
	case '『':
		return r == '』'
	case '«':
		return r == '»'
	}
	return false
}

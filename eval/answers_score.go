package eval

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/lore-kb/lore/ask"
)

// judgedAnswer is an answer held against what is known of its question. It is
// computed from the answer's citations and the set's own texts alone.
type judgedAnswer struct {
	question     Question
	refused      bool
	confidence   float64
	first, two   bool // a gold answer in the first quote, in the first two
	exact        bool
	f1           float64
	citations    int
	good         int // quotes that hold a gold answer or overlap gold evidence
	verified     int // quotes that are the document's bytes
	evidence     bool
	milliseconds float64
	afterSearch  float64
	tokens       int
}

func (j *judgedAnswer) right() bool {
	if !j.question.Answerable {
		return j.refused
	}
	return j.two
}

func judge(q Question, a *ask.Answer, evidence []string, documents map[string]string) judgedAnswer {
	j := judgedAnswer{
		question: q, refused: a.Status == ask.StatusNotFound, confidence: a.Confidence,
		citations: len(a.Citations), evidence: len(evidence) > 0,
		tokens:       a.Usage.PromptTokens + a.Usage.CompletionTokens,
		milliseconds: float64(a.Timings["total"].Microseconds()) / 1000,
	}
	j.afterSearch = j.milliseconds - float64(a.Timings["retrieve"].Microseconds())/1000
	for i := range a.Citations {
		c := &a.Citations[i]
		// The path of a document of a set is its ID.
		if text, ok := documents[c.Path]; ok && 0 <= c.Start && c.Start < c.End && c.End <= len(text) && text[c.Start:c.End] == c.Quote {
			j.verified++
		}
		holds := holdsAny(c.Quote, q.Answers)
		if holds || overlapsAny(c.Quote, evidence) {
			j.good++
		}
		if i < 2 {
			j.two = j.two || holds
			if i == 0 {
				j.first = holds
			}
			for _, gold := range q.Answers {
				j.f1 = max(j.f1, tokenF1(c.Quote, gold))
				j.exact = j.exact || plain(c.Quote) == plain(gold) && plain(gold) != ""
			}
		}
	}
	return j
}

// score sums judged answers up.
func score(all []judgedAnswer) AnswersScores {
	var s AnswersScores
	var answerable, unanswerable, answered, citations, good, verified, ofAnswerable, evidenceGood, recalled float64
	for _, j := range all {
		citations += float64(j.citations)
		verified += float64(j.verified)
		if !j.refused {
			s.Answered++
		}
		if !j.question.Answerable {
			unanswerable++
			if j.refused {
				s.RefusedUnanswerable++
			}
			continue
		}
		answerable++
		if j.refused {
			s.RefusedAnswerable++
			continue
		}
		answered++
		s.Containment += one(j.two)
		s.ContainmentFirst += one(j.first)
		s.ExactMatch += one(j.exact)
		s.TokenF1 += j.f1
		ofAnswerable += float64(j.citations)
		good += float64(j.good)
		recalled += one(j.good > 0)
		if j.evidence {
			s.EvidenceCitations += j.citations
			evidenceGood += float64(j.good)
		}
	}
	s.ContainmentAnswered = ratio(s.Containment, answered)
	s.Containment = ratio(s.Containment, answerable)
	s.ContainmentFirst = ratio(s.ContainmentFirst, answerable)
	s.ExactMatch = ratio(s.ExactMatch, answerable)
	s.TokenF1 = ratio(s.TokenF1, answerable)
	s.CitationPrecision = ratio(good, ofAnswerable)
	s.CitationRecall = ratio(recalled, answered)
	s.EvidencePrecision = ratio(evidenceGood, float64(s.EvidenceCitations))
	s.QuotesMean = ratio(citations, float64(s.Answered))
	s.VerifiedCitations = ratio(verified, citations)
	s.RefusedUnanswerable = ratio(s.RefusedUnanswerable, unanswerable)
	s.RefusedAnswerable = ratio(s.RefusedAnswerable, answerable)
	return s
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// auroc is the probability that an answerable question has a higher confidence
// than an unanswerable one, ties counting half.
func auroc(all []judgedAnswer) float64 {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b judgedAnswer) int {
		switch {
		case a.confidence < b.confidence:
			return -1
		case a.confidence > b.confidence:
			return 1
		}
		return 0
	})
	var sum, positive, negative float64
	for i := 0; i < len(sorted); {
		k := i
		for k < len(sorted) && sorted[k].confidence == sorted[i].confidence {
			k++
		}
		rank := float64(i+k+1) / 2 // mean of ranks i+1 … k
		for ; i < k; i++ {
			if sorted[i].question.Answerable {
				positive++
				sum += rank
			} else {
				negative++
			}
		}
	}
	if positive == 0 || negative == 0 {
		return 0
	}
	return (sum - positive*(positive+1)/2) / (positive * negative)
}

// curve gives what is refused at twenty-one thresholds that refuse even parts of
// the answerable questions.
func curve(all []judgedAnswer, types map[string][]judgedAnswer) []CurvePoint {
	var answerable, unanswerable []float64
	for _, j := range all {
		if j.question.Answerable {
			answerable = append(answerable, j.confidence)
		} else {
			unanswerable = append(unanswerable, j.confidence)
		}
	}
	if len(answerable) == 0 || len(unanswerable) == 0 {
		return []CurvePoint{}
	}
	slices.Sort(answerable)
	below := func(values []float64, t float64) float64 {
		n := 0
		for _, v := range values {
			if v < t {
				n++
			}
		}
		return ratio(float64(n), float64(len(values)))
	}
	var out []CurvePoint
	for step := 0; step <= 20; step++ {
		t := quantile(answerable, float64(step)/20)
		p := CurvePoint{Threshold: t, RefusedAnswerable: below(answerable, t), RefusedUnanswerable: below(unanswerable, t), ByType: map[string]float64{}}
		for kind, part := range types {
			var values []float64
			for _, j := range part {
				values = append(values, j.confidence)
			}
			p.ByType[kind] = below(values, t)
		}
		out = append(out, p)
	}
	return out
}

// plain is text as answers are compared: compatibility forms, lower case,
// words apart, no marks.
func plain(s string) string {
	return strings.Join(words(s), " ")
}

// words are the words and single Han characters of a text.
func words(s string) []string {
	var out []string
	var word strings.Builder
	flush := func() {
		if word.Len() > 0 {
			out = append(out, word.String())
			word.Reset()
		}
	}
	for _, r := range norm.NFKC.String(s) {
		switch {
		case unicode.Is(unicode.Han, r):
			flush()
			out = append(out, string(r))
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			word.WriteRune(unicode.ToLower(r))
		default:
			flush()
		}
	}
	flush()
	return out
}

// holdsAny reports whether text holds one of the answers as whole words.
func holdsAny(text string, answers []string) bool {
	padded := " " + plain(text) + " "
	for _, a := range answers {
		if c := plain(a); c != "" && strings.Contains(padded, " "+c+" ") {
			return true
		}
	}
	return false
}

// overlapsAny reports whether quote and one of the evidence texts hold one
// another, or share more than half of the shorter one's words in a row.
func overlapsAny(quote string, evidence []string) bool {
	q := words(quote)
	for _, e := range evidence {
		w := words(e)
		if len(q) == 0 || len(w) == 0 {
			continue
		}
		if 2*commonRun(q, w) > min(len(q), len(w)) {
			return true
		}
	}
	return false
}

func commonRun(a, b []string) int {
	best := 0
	row := make([]int, len(b)+1)
	for _, x := range a {
		diagonal := 0
		for j, y := range b {
			above := row[j+1]
			row[j+1] = 0
			if x == y {
				row[j+1] = diagonal + 1
				best = max(best, row[j+1])
			}
			diagonal = above
		}
	}
	return best
}

// tokenF1 is the harmonic mean of the shares of words that two texts have in
// common, each word as often as both have it.
func tokenF1(a, b string) float64 {
	x, y := words(a), words(b)
	count := map[string]int{}
	for _, w := range x {
		count[w]++
	}
	common := 0
	for _, w := range y {
		if count[w] > 0 {
			count[w]--
			common++
		}
	}
	if common == 0 {
		return 0
	}
	p, r := float64(common)/float64(len(x)), float64(common)/float64(len(y))
	return 2 * p * r / (p + r)
}

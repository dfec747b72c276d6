package ask

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/lore-kb/lore/retrieve"
)

// part is a question, or one of several asked at once, on its way to an answer.
type part struct {
	asked    string // the words in which it was asked
	text     string // as a question that stands alone
	question *questionText
	ranked   []candidate // best first
	meaning  *meaning    // nil: words were compared
	evidence evidence
}

// mostParts bounds the questions that are answered one by one.
const mostParts = 3

var (
	englishJoint = regexp.MustCompile(`(?i),?\s+(?:and|or)\s+((?:(?:for|in|by|to|with|from|at|since|until|on)\s+)?(?:who|whom|whose|what|when|where|which|why|how)\b|(?:is|are|do|does|can|may|must|will|should) (?:it|they|he|she|there|we|i|you)\b)`)
	englishStart = regexp.MustCompile(`(?i)^(?:and\s+)?(?:(?:for|in|by|to|with|from|at|since|until|on)\s+)?(?:who|whom|whose|what|when|where|which|why|how|is|are|was|were|do|does|did|can|could|may|must|will|should|has|have)\b`)
	hanJoint     = regexp.MustCompile(`[，,；;、。]\s*(?:以及|并且|而且|还有|另外|同时|那么?)?|以及|并且`)
	hanAsks      = regexp.MustCompile(`吗|是否|能否|可否|有没有|是不是|能不能|可不可以|要不要`)
)

// splitQuestion returns the questions that text asks at once, each in its own
// words: one for an ordinary question, at most mostParts.
func splitQuestion(text string) []string {
	var out []string
	for _, sentence := range strings.FieldsFunc(text, func(r rune) bool { return r == '?' || r == '？' || r == '\n' }) {
		if sentence = strings.TrimSpace(sentence); sentence == "" {
			continue
		}
		if strings.IndexFunc(sentence, isHan) >= 0 && hanShare(sentence) > 0.4 {
			out = append(out, splitHan(sentence)...)
		} else {
			out = append(out, splitEnglish(sentence)...)
		}
	}
	if len(out) < 2 || len(out) > mostParts {
		return []string{text}
	}
	for _, s := range out {
		if !asksByItself(s) {
			return []string{text} // a question mark in a title, or a sentence before the question
		}
	}
	return out
}

// asksByItself reports whether words have the form of a question.
func asksByItself(s string) bool {
	return englishStart.MatchString(s) || hanInterrogative.MatchString(s) || hanAsks.MatchString(s)
}

func splitEnglish(s string) []string {
	if !englishStart.MatchString(s) {
		return []string{s}
	}
	var out []string
	from := 0
	for _, m := range englishJoint.FindAllStringSubmatchIndex(s, -1) {
		if m[0] > from {
			out = append(out, s[from:m[0]])
			from = m[2]
		}
	}
	return append(out, s[from:])
}

// splitHan cuts where both sides ask something.
func splitHan(s string) []string {
	var out []string
	from := 0
	for _, m := range hanJoint.FindAllStringIndex(s, -1) {
		if m[0] >= from && asksByItself(s[from:m[0]]) && asksByItself(s[m[1]:]) && utf8.RuneCountInString(s[m[1]:]) >= 2 {
			out = append(out, s[from:m[0]])
			from = m[1]
		}
	}
	return append(out, s[from:])
}

// parts returns what is asked: the questions that are asked at once, each made
// to stand alone by the one before it, or the question as it is.
func parts(asked string) []part {
	pieces := splitQuestion(asked)
	out := make([]part, len(pieces))
	for i, piece := range pieces {
		out[i] = part{asked: strings.TrimSpace(piece), text: piece}
		if i > 0 {
			out[i].text = Standalone(piece, []Turn{{Question: out[i-1].text}})
		}
	}
	return out
}

// find retrieves passages for a question, or for each of those asked at once,
// best of each first.
func (a *Assistant) find(ctx context.Context, asked string, ps []part, q Question, limit int) (*retrieve.Result, error) {
	result, err := a.retriever.Retrieve(ctx, retrieve.Query{Text: asked, Filter: q.Filter, Limit: limit, Explain: q.Explain})
	if err != nil || len(ps) < 2 {
		return result, err
	}
	lists := [][]retrieve.Passage{result.Passages}
	for i := range ps {
		more, err := a.retriever.Retrieve(ctx, retrieve.Query{Text: ps[i].text, Filter: q.Filter, Limit: max(2, limit/2), Explain: q.Explain})
		if err != nil {
			return nil, err
		}
		lists = append(lists, more.Passages)
	}
	merged := *result
	merged.Passages = interleave(lists, limit)
	return &merged, nil
}

// interleave takes the first of each list, then the second, and so on, up to
// limit passages of which none lies in another.
func interleave(lists [][]retrieve.Passage, limit int) []retrieve.Passage {
	var out []retrieve.Passage
	for rank := 0; len(out) < limit; rank++ {
		some := false
		for _, list := range lists {
			if rank >= len(list) || len(out) == limit {
				continue
			}
			some = true
			p := list[rank]
			known := false
			for i := range out {
				o := &out[i]
				known = known || o.DocumentID == p.DocumentID && p.Start < o.End && o.Start < p.End
			}
			if !known {
				p.Rank = len(out) + 1
				out = append(out, p)
			}
		}
		if !some {
			break
		}
	}
	return out
}

// weigh reads a question, ranks what may answer it and judges whether it does.
func (a *Assistant) weigh(ctx context.Context, p *part, result *retrieve.Result) error {
	p.question = readQuestion(p.text, result)
	if kind := expect(p.asked); kind != expectAny {
		p.question.expected = kind
	}
	p.ranked = candidates(p.question, result.Passages)
	var err error
	if p.meaning, err = a.compare(ctx, p, result); err != nil {
		return err
	}
	rank(p.question, p.ranked, p.meaning != nil)
	if p.meaning == nil {
		if err := a.refine(ctx, p, result); err != nil {
			return err
		}
	}
	r, err := a.reach(ctx, p, result)
	if err != nil {
		return err
	}
	p.evidence = weigh(p.question, result, p.ranked, calibrated(a.options.Embedder), p.meaning, r)
	return nil
}

// unanswered says in one line which of the questions asked at once the documents
// do not answer.
func (t *task) unanswered(ps []part) string {
	asked := make([]string, len(ps))
	for i := range ps {
		asked[i] = strings.TrimRight(ps[i].asked, " ,，、")
	}
	if t.language == "zh" {
		return fmt.Sprintf("没有回答的部分：%s", strings.Join(asked, "；"))
	}
	return fmt.Sprintf("not answered: %s", strings.Join(asked, "; "))
}

package ask

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/prompt"
	"github.com/lore-kb/lore/retrieve"
)

// Retriever finds passages. A *retrieve.Retriever is one.
type Retriever interface {
	Retrieve(ctx context.Context, q retrieve.Query) (*retrieve.Result, error)
}

// Options of an Assistant. The zero value answers without a model.
type Options struct {
	Generator model.Generator // nil: extractive answers
	Embedder  model.Embedder  // nil: sentences are chosen by words alone
	Prompt    *prompt.Builder // nil: the zero Builder
	Limit     int             // passages of a question; 0 means 8
	Caution   Caution         // "" means CautionNormal
	Language  string          // of answers when a question names none; "" follows the question
	MaxTokens int             // of a completion; 0 means 400
	Timeout   time.Duration   // for the model, in all; 0 means two minutes
}

// Assistant answers questions. It is safe for concurrent use.
type Assistant struct {
	retriever Retriever
	texts     Texts
	options   Options
	budget    atomic.Int64 // tokens of a prompt that the model was found to take; 0: not found less than asked for
}

// Errors that callers test for with errors.Is.
var (
	ErrEmptyQuestion = errors.New("the question is empty")
	ErrLongQuestion  = errors.New("the question is too long")
)

// longestQuestion bounds a question, in bytes.
const longestQuestion = 8 << 10

// New returns an Assistant that retrieves from r and holds quotes against
// texts, the store that r searches. o may be nil.
func New(r Retriever, texts Texts, o *Options) *Assistant {
	a := &Assistant{retriever: r, texts: texts}
	if o != nil {
		a.options = *o
	}
	if a.options.Prompt == nil {
		a.options.Prompt = &prompt.Builder{}
	}
	if a.options.Limit <= 0 {
		a.options.Limit = 8
	}
	if a.options.Caution == "" {
		a.options.Caution = CautionNormal
	}
	if a.options.MaxTokens <= 0 {
		a.options.MaxTokens = 400
	}
	if a.options.Timeout <= 0 {
		a.options.Timeout = 2 * time.Minute
	}
	return a
}

// Ask answers a question. When yield is not nil it is called in order with what
// happens: passages, then text as it comes, citations as they settle, and the
// answer; an error from yield ends the call and is returned. That the documents
// do not say is an answer with StatusNotFound, not an error; a model that fails
// is a Note on an extractive answer.
func (a *Assistant) Ask(ctx context.Context, q Question, yield func(Event) error) (*Answer, error) {
	if yield == nil {
		yield = func(Event) error { return nil }
	}
	started := time.Now()
	text := strings.TrimSpace(strings.ToValidUTF8(q.Text, "\uFFFD"))
	switch {
	case strings.IndexFunc(text, isWordRune) < 0:
		return nil, fmt.Errorf("ask: %w", ErrEmptyQuestion)
	case len(text) > longestQuestion:
		return nil, fmt.Errorf("ask: %w: %d bytes, at most %d", ErrLongQuestion, len(text), longestQuestion)
	}
	answer := &Answer{Question: text, Model: "none", Timings: map[string]time.Duration{}}
	asked := text
	if len(q.History) > 0 {
		begun := time.Now()
		if s := a.standalone(ctx, text, q.History); s != text {
			answer.Standalone, asked = s, s
		}
		answer.Timings["rewrite"] = time.Since(begun)
	}
	limit := q.Limit
	if limit <= 0 {
		limit = a.options.Limit
	}
	begun := time.Now()
	questions := parts(asked)
	result, err := a.find(ctx, asked, questions, q, limit)
	if err != nil {
		return nil, fmt.Errorf("ask: %w", err)
	}
	if topic, whole := carried(asked, q.History); whole != "" && answer.Standalone == "" && len(questions) == 1 {
		more, err := a.find(ctx, whole, nil, q, limit)
		if err != nil {
			return nil, fmt.Errorf("ask: %w", err)
		}
		if aboutTopic(asked, topic, result, more) {
			answer.Standalone, asked, result = whole, whole, more
		}
	}
	answer.Timings["retrieve"] = time.Since(begun)
	answer.Passages, answer.Degraded = result.Passages, result.Degraded
	if err := yield(Event{Passages: result.Passages}); err != nil {
		return nil, err
	}
	t := &task{
		assistant: a, answer: answer, yield: yield, asked: asked, history: q.History,
		language: a.language(q, asked), wish: strings.ToValidUTF8(q.Wish, "\uFFFD"), result: result, part: part{asked: asked, text: asked},
	}
	begun = time.Now()
	if err := a.weigh(ctx, &t.part, result); err != nil {
		return nil, err
	}
	if len(questions) > 1 {
		for i := range questions {
			if err := a.weigh(ctx, &questions[i], result); err != nil {
				return nil, err
			}
		}
		t.parts = questions
	}
	answer.Confidence = t.confidence()
	if q.Explain {
		answer.Signals = t.evidence.named()
	}
	answer.Timings["judge"] = time.Since(begun)

	if err := t.run(ctx); err != nil {
		return nil, err
	}
	answer.Timings["total"] = time.Since(started)
	if err := yield(Event{Answer: answer}); err != nil {
		return nil, err
	}
	return answer, nil
}

func (a *Assistant) language(q Question, asked string) string {
	for _, l := range []string{q.Language, wishedLanguage(q.Wish), a.options.Language, analysis.Language(asked)} {
		if l != "" {
			return l
		}
	}
	return "en"
}

// task is one question on its way to an answer.
type task struct {
	assistant *Assistant
	answer    *Answer
	yield     func(Event) error
	asked     string
	history   []Turn
	language  string
	wish      string
	result    *retrieve.Result
	part             // the question as a whole
	parts     []part // when several are asked at once: each of them
}

// confidence is that of the question, or the best of those asked at once.
func (t *task) confidence() float64 {
	best := t.evidence.confidence
	for i := range t.parts {
		best = max(best, t.parts[i].evidence.confidence)
	}
	return best
}

// hopeless is the confidence below which not even a model is asked: the passages
// have nothing to do with the question.
const hopeless = 0.02

func (t *task) run(ctx context.Context) error {
	if len(t.result.Passages) == 0 {
		return t.notFound()
	}
	if g := t.assistant.options.Generator; g != nil && t.confidence() >= hopeless {
		done, err := t.generate(ctx, g)
		if err != nil || done {
			return err
		}
	}
	caution := t.assistant.options.Caution
	var answered, open []part
	for _, p := range t.parts {
		if p.evidence.answers(caution) {
			answered = append(answered, p)
		} else {
			open = append(open, p)
		}
	}
	switch {
	case len(answered) > 0:
		return t.extract(ctx, answered, open)
	case t.evidence.answers(caution):
		return t.extract(ctx, []part{t.part}, nil)
	}
	return t.notFound()
}

// extract answers with the units that answer: of the whole question, or of each
// of those asked at once. open are those that the documents do not answer.
func (t *task) extract(ctx context.Context, answered, open []part) error {
	begun := time.Now()
	v := newVerifier(t.assistant.texts, t.result.Passages, t.question)
	var said []window
	for i := range answered {
		p := &answered[i]
		chosen := choose(p.question, p.ranked, p.meaning != nil)
		if len(answered) > 1 {
			chosen = chosen[:min(2, len(chosen))]
		}
		fresh := false
		for _, w := range quotes(chosen, v.read) {
			if within(said, w) {
				continue
			}
			fresh = true
			said = append(said, w)
			if err := t.quote(ctx, v, w); err != nil {
				return err
			}
		}
		if !fresh && len(chosen) > 0 && chosen[0].holds < leastHeld {
			open = append(open, *p) // what was said for another question, and not what this one asks for
		}
	}
	for i := range answered {
		if err := t.contradict(ctx, v, &answered[i]); err != nil {
			return err
		}
	}
	t.answer.Timings["verify"] = time.Since(begun)
	if len(t.answer.Statements) == 0 {
		return t.notFound()
	}
	t.answer.Status, t.answer.Grounded = StatusAnswered, true
	if len(open) > 0 {
		t.answer.Status, t.answer.Missing = StatusPartial, t.unanswered(open)
	}
	t.finish()
	return nil
}

// leastHeld is how well a sentence that was quoted already must hold the kind of
// thing that a further question asks for.
const leastHeld = 0.3

// within reports whether a window lies in one of others.
func within(others []window, w window) bool {
	for _, o := range others {
		if o.passage == w.passage && o.from <= w.from && w.to <= o.to {
			return true
		}
	}
	return false
}

// contradict quotes beside what was cited for p a document that says otherwise.
func (t *task) contradict(ctx context.Context, v *verifier, p *part) error {
	if t.answer.Conflict != "" {
		return nil
	}
	passages := t.result.Passages
	for k := range p.ranked {
		c := &p.ranked[k]
		own := t.cited(passages[c.passage].DocumentID, passages[c.passage].Start+c.unit.start, passages[c.passage].Start+c.unit.end)
		if own == nil {
			continue
		}
		other := p.conflict(c, passages)
		if other == nil {
			continue
		}
		o := &passages[other.passage]
		if t.cited(o.DocumentID, o.Start+other.unit.start, o.Start+other.unit.end) == nil {
			if err := t.quote(ctx, v, window{passage: other.passage, from: other.at, to: other.at}); err != nil {
				return err
			}
		}
		if theirs := t.cited(o.DocumentID, o.Start+other.unit.start, o.Start+other.unit.end); theirs != nil {
			t.answer.Conflict = t.differ(own, theirs)
		}
		return nil
	}
	return nil
}

// cited returns the citation whose quote holds the range of a document, or nil.
func (t *task) cited(documentID string, start, end int) *Citation {
	for i := range t.answer.Citations {
		if c := &t.answer.Citations[i]; c.DocumentID == documentID && c.Start <= start && end <= c.End {
			return c
		}
	}
	return nil
}

// quote says what stands in a window, cited, or notes why it does not stand the
// check.
func (t *task) quote(ctx context.Context, v *verifier, w window) error {
	units := v.read(w.passage).units
	citation, err := v.cite(ctx, w)
	p := &t.result.Passages[w.passage]
	var parts []string
	for k := w.from; k <= w.to; k++ {
		parts = append(parts, readable(p.Text, &units[k]))
	}
	text := joinSentences(parts)
	if units[w.to].kind != unitSentence && w.to > w.from {
		text = parts[0] + " " + strings.Join(parts[1:], "; ")
	}
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("ask: verify: %w", ctx.Err())
		}
		t.answer.Removed = append(t.answer.Removed, Removal{Text: text, Reason: ReasonQuoteNotFound, Detail: err.Error()})
		return nil
	}
	return t.say(shorten(text), []Citation{citation}, true)
}

// longestShown is how much of a quote an answer repeats, in characters; the
// citation holds all of it.
const longestShown = 400

func shorten(s string) string {
	if utf8.RuneCountInString(s) <= longestShown {
		return s
	}
	r := []rune(s)[:longestShown]
	return strings.TrimSpace(string(r)) + "…"
}

// say adds a statement to the answer, with its citations numbered in order of
// appearance; a quote that was cited before keeps its marker. delta says that
// the text has not been streamed yet.
func (t *task) say(text string, citations []Citation, delta bool) error {
	s := Statement{Text: text}
	var fresh []int
	for _, c := range citations {
		n := 0
		for i := range t.answer.Citations {
			o := &t.answer.Citations[i]
			if o.DocumentID == c.DocumentID && o.Start == c.Start && o.End == c.End {
				n = o.Marker
			}
		}
		if n == 0 {
			n = len(t.answer.Citations) + 1
			c.Marker = n
			t.answer.Citations = append(t.answer.Citations, c)
			fresh = append(fresh, n-1)
		}
		s.Markers = union(s.Markers, []int{n})
	}
	t.answer.Statements = append(t.answer.Statements, s)
	if delta {
		line := withMarkers(s.Text, s.Markers)
		if len(t.answer.Statements) > 1 {
			line = "\n" + line
		}
		if err := t.yield(Event{Delta: line}); err != nil {
			return err
		}
	}
	for _, i := range fresh {
		c := t.answer.Citations[i]
		if err := t.yield(Event{Citation: &c}); err != nil {
			return err
		}
	}
	return nil
}

// finish writes the answer's text from its statements.
func (t *task) finish() {
	lines := make([]string, len(t.answer.Statements))
	for i, s := range t.answer.Statements {
		lines[i] = withMarkers(s.Text, s.Markers)
	}
	t.answer.Text = strings.Join(lines, "\n")
}

// notFound says that the documents do not tell, what they lack, and what is
// nearest.
func (t *task) notFound() error {
	a := t.answer
	a.Status, a.Grounded = StatusNotFound, false
	a.Statements, a.Citations = nil, nil
	a.Missing = t.missing()
	if t.language == "zh" {
		a.Text = "文档中没有回答这个问题的内容。"
	} else {
		a.Text = "The documents do not answer this question."
	}
	return t.yield(Event{Delta: a.Text})
}

// missing is one line on what the documents lack and what they have nearest.
func (t *task) missing() string {
	zh := t.language == "zh"
	var lack, near []string
	for _, m := range t.evidence.missing {
		if len(lack) == 3 {
			break
		}
		lack = append(lack, m)
	}
	seen := map[string]bool{}
	for i := range t.result.Passages {
		p := &t.result.Passages[i]
		at := p.Title
		if n := len(p.Section); n > 0 && p.Section[n-1] != p.Title {
			at = strings.TrimPrefix(at+" › "+p.Section[n-1], " › ")
		}
		if at == "" {
			at = p.Name()
		}
		if !seen[at] && len(near) < 3 {
			seen[at] = true
			near = append(near, at)
		}
	}
	var parts []string
	switch {
	case len(lack) > 0 && zh:
		parts = append(parts, "没有提到："+strings.Join(lack, "、"))
	case len(lack) > 0:
		parts = append(parts, "not mentioned: "+strings.Join(lack, ", "))
	case zh:
		parts = append(parts, "提到了相关内容，但没有给出答案")
	default:
		parts = append(parts, "the subject is mentioned, but not what is asked")
	}
	switch {
	case len(near) > 0 && zh:
		parts = append(parts, "最接近的内容："+strings.Join(near, "、"))
	case len(near) > 0:
		parts = append(parts, "nearest: "+strings.Join(near, ", "))
	}
	if zh {
		return strings.Join(parts, "；")
	}
	return strings.Join(parts, "; ")
}

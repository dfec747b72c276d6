package ask

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/prompt"
)

// errLooping ends a completion that repeats itself.
var errLooping = errors.New("the model repeats itself")

// A model's verdict is evidence beside the judge's: that it denies, or says what
// stands the check, moves the log odds that the passages answer. The weights are
// the logarithms of how much more often a model of 1.5B does so when they do than
// when they do not (docs/ANSWERS.md §4); a better model's verdict is worth more.
const (
	weightDenial = -1.5
	weightAssent = 0.4
)

// believed reports whether the judge's confidence, moved by a weight, is enough
// for an answer.
func (t *task) believed(weight float64) bool {
	return slices.ContainsFunc(append(t.parts[:len(t.parts):len(t.parts)], t.part), func(p part) bool {
		p.evidence.confidence = moved(p.evidence.confidence, weight)
		return p.evidence.answers(t.assistant.options.Caution)
	})
}

// moved is a probability whose log odds are moved.
func moved(p, weight float64) float64 {
	return p / (p + (1-p)*math.Exp(-weight))
}

// generate answers with a model. done is false when the extractive answer, or
// the refusal, is to take its place.
func (t *task) generate(ctx context.Context, g model.Generator) (done bool, err error) {
	begun := time.Now()
	o := &t.assistant.options
	var failed error // of the model
	in := prompt.Input{Question: t.asked, Language: t.language, Passages: t.result.Passages, Wish: t.wish, Omit: speaksToAssistant}
	if t.answer.Standalone == "" {
		in.History = historyOf(t.history)
		if s := t.assistant.summarise(ctx, t.history); s != nil {
			t.answer.Summary, in.Summary = s, markerAtWill.ReplaceAllString(s.Text, "")
		}
	}
	limited, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	var d *drafting
	var completion *model.Completion
	for tries := 0; ; tries++ {
		room := t.assistant.room()
		built, err := room.Build(in)
		if err != nil {
			t.answer.Note = "the model was not asked: " + err.Error()
			return false, nil
		}
		t.answer.Model = g.Name()
		d = &drafting{task: t, ctx: ctx, verifier: newVerifier(t.assistant.texts, built.Sources, t.question)}
		d.verifier.rate(t.ranked, t.result.Passages)
		completion, err = g.Generate(limited, model.Request{Messages: built.Messages, MaxTokens: o.MaxTokens, Temperature: 0}, d.add)
		var failure *model.Error
		if tries < mostShorter && errors.As(err, &failure) && failure.Kind == model.KindTooLarge && d.all.Len() == 0 {
			t.assistant.budget.Store(int64(built.Tokens * 2 / 3))
			continue
		}
		failed = err
		break
	}
	t.answer.Timings["model"] = time.Since(begun)
	if completion != nil {
		t.answer.Usage = sum(t.answer.Usage, completion.Usage)
	}
	switch {
	case d.failed != nil:
		return false, d.failed // the caller's own error
	case ctx.Err() != nil:
		return false, fmt.Errorf("ask: model: %w", ctx.Err())
	case errors.Is(failed, errLooping):
		// What was said before the loop stands or falls by itself.
		if len(t.answer.Statements) == 0 {
			return t.fallBack("the model repeated itself")
		}
		t.answer.Note = "the model repeated itself and was stopped"
	case failed != nil:
		return t.fallBack(reasonOf(failed))
	}
	if err := d.end(); err != nil {
		return false, err
	}
	if strings.TrimSpace(d.all.String()) == "" {
		return t.fallBack("the model said nothing")
	}
	if d.denied && len(t.answer.Statements) == 0 {
		t.answer.Confidence = moved(t.answer.Confidence, weightDenial)
		if t.believed(weightDenial) {
			return t.fallBack("the model found no answer, the documents have one")
		}
		return true, t.refuse("the model found no answer in the passages")
	}
	if len(t.answer.Statements) == 0 && len(t.answer.Removed) > 0 {
		if err := t.repair(limited, g, d.verifier); err != nil {
			return false, err
		}
		if ctx.Err() != nil {
			return false, fmt.Errorf("ask: model: %w", ctx.Err())
		}
	}
	if len(t.answer.Statements) == 0 {
		return t.fallBack("nothing that the model said is supported by the passages")
	}
	t.answer.Confidence = moved(t.answer.Confidence, weightAssent)
	if !t.believed(weightAssent) {
		return true, t.refuse("the passages do not bear out what the model says")
	}
	v := newVerifier(t.assistant.texts, t.result.Passages, t.question)
	if err := t.second(ctx, v); err != nil {
		return false, err
	}
	if err := t.contradict(ctx, v, &t.part); err != nil {
		return false, err
	}
	t.answer.Status, t.answer.Grounded = StatusAnswered, true
	if len(t.answer.Removed) > 0 || d.denied {
		t.answer.Status = StatusPartial
		t.answer.Missing = t.partly(d.denied)
	}
	t.finish()
	return true, nil
}

// mostShorter bounds how often a prompt is shortened, by a third each time, for
// one question; later questions begin where it ended.
const mostShorter = 5

// room is the prompt builder within what the model was found to take.
func (a *Assistant) room() *prompt.Builder {
	b := *a.options.Prompt
	if n := int(a.budget.Load()); n > 0 {
		b.Budget = n
	}
	return &b
}

// second quotes the sentence that answers best beside what a model said, when the
// evidence is strong and all that the model cites is far less likely to answer:
// small models pick the wrong of two sentences more often than the ranking does.
func (t *task) second(ctx context.Context, v *verifier) error {
	if len(t.parts) > 0 || len(t.ranked) == 0 || !t.evidence.answers(CautionHigh) {
		return nil
	}
	best := &t.ranked[0]
	for i := range t.ranked {
		c := &t.ranked[i]
		p := &t.result.Passages[c.passage]
		if math.Exp(c.score-best.score) < chooseShare {
			break
		}
		if t.cited(p.DocumentID, p.Start+c.unit.start, p.Start+c.unit.end) != nil {
			return nil
		}
	}
	return t.quote(ctx, v, quotes([]candidate{*best}, v.read)[0])
}

// fallBack voids what was streamed and leaves the rest to the documents' own
// sentences.
func (t *task) fallBack(reason string) (done bool, err error) {
	t.answer.Note = reason
	t.answer.Statements, t.answer.Citations = nil, nil
	t.answer.Model = "none"
	return false, t.yield(Event{Restart: reason})
}

// refuse voids what was streamed and says that the documents do not tell.
func (t *task) refuse(reason string) error {
	if err := t.yield(Event{Restart: reason}); err != nil {
		return err
	}
	return t.notFound()
}

// partly says in one line what of a partial answer is lacking.
func (t *task) partly(denied bool) string {
	zh := t.language == "zh"
	switch n := len(t.answer.Removed); {
	case n > 0 && zh:
		return fmt.Sprintf("有 %d 条说法在文档中找不到依据，已删除", n)
	case n == 1:
		return "one statement was removed because the documents do not support it"
	case n > 1:
		return fmt.Sprintf("%d statements were removed because the documents do not support them", n)
	case zh:
		return "文档只回答了问题的一部分"
	}
	return "the documents answer a part of the question"
}

// drafting reads a completion as it streams: it passes text on and checks each
// line when it is complete.
type drafting struct {
	task     *task
	ctx      context.Context
	verifier *verifier
	all      strings.Builder
	line     strings.Builder
	lines    map[string]int
	denied   bool
	failed   error // of the caller's yield
}

func (d *drafting) add(delta model.Delta) error {
	d.all.WriteString(delta.Text)
	if err := d.task.yield(Event{Delta: delta.Text}); err != nil {
		d.failed = err
		return err
	}
	for rest := delta.Text; ; {
		before, after, found := strings.Cut(rest, "\n")
		d.line.WriteString(before)
		if !found {
			break
		}
		if err := d.complete(); err != nil {
			return err
		}
		rest = after
	}
	if loops(d.line.String()) {
		return errLooping
	}
	return nil
}

// complete checks the line that has come to its end.
func (d *drafting) complete() error {
	line := strings.TrimSpace(d.line.String())
	d.line.Reset()
	if line == "" {
		return nil
	}
	if d.lines == nil {
		d.lines = map[string]int{}
	}
	d.lines[line]++
	if d.lines[line] > 1 {
		if d.lines[line] > 3 {
			return errLooping
		}
		return nil // said once is enough
	}
	if denies(line) {
		d.denied = true
		return nil
	}
	for _, c := range lineClaims(line) {
		if len(d.task.answer.Statements) >= mostStatements {
			return nil
		}
		got := d.verifier.check(d.ctx, c)
		if got.removal != nil {
			d.task.answer.Removed = append(d.task.answer.Removed, *got.removal)
			continue
		}
		if err := d.task.say(c.text, got.citations, false); err != nil {
			d.failed = err
			return err
		}
	}
	return nil
}

// mostStatements bounds an answer of a model.
const mostStatements = 12

func (d *drafting) end() error {
	err := d.complete()
	if errors.Is(err, errLooping) {
		return nil
	}
	return err
}

// loops reports whether the end of a line repeats a piece of at least eight
// bytes four times.
func loops(s string) bool {
	if len(s) < 200 {
		return false
	}
	tail := s[len(s)-min(len(s), 480):]
	for n := 8; n <= len(tail)/4; n++ {
		piece := tail[len(tail)-n:]
		if strings.TrimSpace(piece) != "" && strings.HasSuffix(tail, strings.Repeat(piece, 4)) {
			return true
		}
	}
	return false
}

func sum(a, b model.Usage) model.Usage {
	return model.Usage{PromptTokens: a.PromptTokens + b.PromptTokens, CompletionTokens: a.CompletionTokens + b.CompletionTokens}
}

// reasonOf says in one line why a model did not answer.
func reasonOf(err error) string {
	var e *model.Error
	switch {
	case errors.As(err, &e):
		return e.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "the model took too long"
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return "the model failed: " + line
}

func historyOf(turns []Turn) []prompt.Turn {
	out := make([]prompt.Turn, 0, len(turns))
	for _, t := range turns {
		q := t.Question
		if t.Standalone != "" {
			q = t.Standalone
		}
		if t.Status == StatusNotFound {
			continue
		}
		// Markers mean the passages of their own turn.
		out = append(out, prompt.Turn{Question: q, Answer: markerAtWill.ReplaceAllString(t.Answer, "")})
	}
	return out
}

package eval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/lore-kb/lore/ask"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/retrieve"
	"github.com/lore-kb/lore/store"
)

// AnswersOptions are for Answers. Store is required.
type AnswersOptions struct {
	Store         store.Store     // empty, or filled by an earlier call for the same set, else [ErrOtherSet]
	Embedder      model.Embedder  // nil: keywords alone
	Generator     model.Generator // nil: extractive answers
	Reranker      model.Reranker  // nil: the order of the search stands
	Caution       ask.Caution     // "" means ask.CautionNormal
	Limit         int             // passages of a question; 0 means the assistant's default
	Timeout       time.Duration   // of a model for one question; 0 means the assistant's default
	RerankTimeout time.Duration   // 0 means the retriever's default
	Sample        int             // ask every n-th question so that about Sample are asked; 0 asks all
	Half          Half            // which half of the questions is asked
	Out           io.Writer       // not nil: every answer as one line of JSON
	Progress      func(done, total int)
}

// Half selects questions by their position, so that what is fitted on one half
// can be reported on the other.
type Half int

const (
	HalfBoth   Half = iota
	HalfFirst       // positions 0, 2, 4, …
	HalfSecond      // positions 1, 3, 5, …
)

// AnswersReport is what a set's answers are worth. Shares are between 0 and 1;
// a share of nothing is 0.
type AnswersReport struct {
	Set       string `json:"set"`
	Model     string `json:"model"`
	Embedder  string `json:"embedder"`
	Caution   string `json:"caution"`
	Questions int    `json:"questions"`
	AnswersScores
	AUROC        float64                `json:"auroc"` // of the confidence, answerable against unanswerable questions
	P50MS        float64                `json:"p50_ms"`
	P95MS        float64                `json:"p95_ms"`
	AfterP50MS   float64                `json:"after_search_p50_ms"` // without retrieval
	TokensMean   float64                `json:"tokens_mean"`         // of prompt and completion, as the server counts
	IndexSeconds float64                `json:"index_seconds"`
	Curve        []CurvePoint           `json:"curve"`
	ByType       map[string]TypeAnswers `json:"by_type"`
	Reasons      map[ask.Reason]int     `json:"removed"`
	Notes        map[string]int         `json:"notes"`
}

// AnswersScores are the figures of all questions or of one type.
type AnswersScores struct {
	Answered            int     `json:"answered"`
	Containment         float64 `json:"containment"`          // of answerable questions: one of the first two quotes holds a gold answer
	ContainmentFirst    float64 `json:"containment_first"`    // the first quote does
	ContainmentAnswered float64 `json:"containment_answered"` // of those of them that were answered
	ExactMatch          float64 `json:"exact_match"`          // the best of the first two quotes is a gold answer and nothing else
	TokenF1             float64 `json:"token_f1"`             // of the best of them; words, or Han characters
	CitationPrecision   float64 `json:"citation_precision"`   // of the citations: the quote holds a gold answer or overlaps gold evidence
	CitationRecall      float64 `json:"citation_recall"`      // of answered answerable questions: some citation does
	EvidencePrecision   float64 `json:"evidence_precision"`   // citation precision where gold evidence sentences are known
	EvidenceCitations   int     `json:"evidence_citations"`   // how many citations that is
	QuotesMean          float64 `json:"quotes_mean"`
	VerifiedCitations   float64 `json:"verified_citations"` // of all citations: the bytes of the document at [start, end) are the quote
	RefusedUnanswerable float64 `json:"refused_unanswerable"`
	RefusedAnswerable   float64 `json:"refused_answerable"`
}

// TypeAnswers are the figures of one type of questions. AUROC is that of the
// confidence of answerable questions against those of this type.
type TypeAnswers struct {
	Questions int `json:"questions"`
	AnswersScores
	AUROC float64 `json:"auroc"`
}

// CurvePoint is what would be refused if the confidence had to reach Threshold.
type CurvePoint struct {
	Threshold           float64            `json:"threshold"`
	RefusedAnswerable   float64            `json:"refused_answerable"`
	RefusedUnanswerable float64            `json:"refused_unanswerable"`
	ByType              map[string]float64 `json:"by_type,omitempty"`
}

// Answers indexes the set in dir, asks its questions and reports. A question
// that fails ends the run with its error.
func Answers(ctx context.Context, dir string, o *AnswersOptions) (*AnswersReport, error) {
	if o == nil || o.Store == nil {
		return nil, errors.New("eval answers: no store")
	}
	set, err := ReadSet(dir)
	if err != nil {
		return nil, fmt.Errorf("eval answers: %w", err)
	}
	evidence, err := readEvidence(dir)
	if err != nil {
		return nil, fmt.Errorf("eval answers: %w", err)
	}
	report := &AnswersReport{Set: dir, Model: "none", Embedder: "none", Caution: string(o.Caution), Reasons: map[ask.Reason]int{}, Notes: map[string]int{}}
	if o.Generator != nil {
		report.Model = o.Generator.Name()
	}
	if o.Caution == "" {
		report.Caution = string(ask.CautionNormal)
	}
	began := time.Now()
	indexed, err := claim(ctx, o.Store, set)
	if err != nil {
		return nil, fmt.Errorf("eval answers: %w", err)
	}
	if !indexed {
		if err := Index(ctx, o.Store, set.Documents); err != nil {
			return nil, fmt.Errorf("eval answers: %w", err)
		}
	}
	if o.Embedder != nil {
		report.Embedder = o.Embedder.Info().Name
		if err := Embed(ctx, o.Store, o.Embedder); err != nil {
			return nil, fmt.Errorf("eval answers: %w", err)
		}
	}
	report.IndexSeconds = time.Since(began).Seconds()

	retriever := retrieve.New(o.Store, &retrieve.Options{Embedder: o.Embedder, Reranker: o.Reranker, RerankTimeout: o.RerankTimeout})
	assistant := ask.New(retriever, o.Store, &ask.Options{
		Generator: o.Generator, Embedder: o.Embedder, Caution: o.Caution, Limit: o.Limit, Timeout: o.Timeout,
	})
	documents := make(map[string]string, len(set.Documents))
	for _, d := range set.Documents {
		documents[d.ID] = d.Text
	}
	asked := pick(set.Questions, o)
	var judged []judgedAnswer
	for i, q := range asked {
		answer, err := assistant.Ask(ctx, ask.Question{Text: q.Text, Explain: o.Out != nil}, nil)
		if err != nil {
			return nil, fmt.Errorf("eval answers: question %s: %w", q.ID, err)
		}
		j := judge(q, answer, evidence[q.ID], documents)
		judged = append(judged, j)
		for _, r := range answer.Removed {
			report.Reasons[r.Reason]++
		}
		if answer.Note != "" {
			report.Notes[answer.Note]++
		}
		if o.Out != nil {
			if err := writeAnswer(o.Out, q, answer, j); err != nil {
				return nil, fmt.Errorf("eval answers: write answers: %w", err)
			}
		}
		if o.Progress != nil {
			o.Progress(i+1, len(asked))
		}
	}
	report.summarise(judged)
	return report, nil
}

// pick selects the questions that are asked.
func pick(all []Question, o *AnswersOptions) []Question {
	var out []Question
	for i, q := range all {
		if o.Half == HalfBoth || o.Half == HalfFirst && i%2 == 0 || o.Half == HalfSecond && i%2 == 1 {
			out = append(out, q)
		}
	}
	if o.Sample <= 0 || o.Sample >= len(out) {
		return out
	}
	kept := make([]Question, 0, o.Sample)
	for i := range o.Sample {
		kept = append(kept, out[i*len(out)/o.Sample])
	}
	return kept
}

// writeAnswer writes one line of the out file.
func writeAnswer(w io.Writer, q Question, a *ask.Answer, j judgedAnswer) error {
	line, err := json.Marshal(struct {
		ID         string      `json:"_id"`
		Type       string      `json:"type,omitempty"`
		Answerable bool        `json:"answerable"`
		Gold       []string    `json:"gold,omitempty"`
		Right      bool        `json:"right"` // a gold answer in the first two quotes, or rightly refused
		Answer     *ask.Answer `json:"answer"`
	}{q.ID, q.Type, q.Answerable, q.Answers, j.right(), a})
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

// summarise fills the report from the judged answers.
func (r *AnswersReport) summarise(all []judgedAnswer) {
	r.Questions = len(all)
	r.AnswersScores = score(all)
	r.AUROC = auroc(all)
	var total, after []float64
	tokens := 0
	types := map[string][]judgedAnswer{}
	for _, j := range all {
		total = append(total, j.milliseconds)
		after = append(after, j.afterSearch)
		tokens += j.tokens
		if j.question.Type != "" {
			types[j.question.Type] = append(types[j.question.Type], j)
		}
	}
	slices.Sort(total)
	slices.Sort(after)
	r.P50MS, r.P95MS, r.AfterP50MS = quantile(total, 0.5), quantile(total, 0.95), quantile(after, 0.5)
	if len(all) > 0 {
		r.TokensMean = float64(tokens) / float64(len(all))
	}
	r.ByType = map[string]TypeAnswers{}
	for kind, part := range types {
		t := TypeAnswers{Questions: len(part), AnswersScores: score(part)}
		if !part[0].question.Answerable {
			against := slices.Clone(part)
			for _, j := range all {
				if j.question.Answerable {
					against = append(against, j)
				}
			}
			t.AUROC = auroc(against)
		}
		r.ByType[kind] = t
	}
	r.Curve = curve(all, types)
}

func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

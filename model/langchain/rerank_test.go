package langchain_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/langchain"
)

// ranker is a generator that answers with the passages that hold the question's
// last word, or with a fixed reply.
type ranker struct {
	fixed string
	err   error
	asked model.Request
}

func (g *ranker) Name() string { return "test:ranker" }

func (g *ranker) Generate(_ context.Context, req model.Request, _ func(model.Delta) error) (*model.Completion, error) {
	g.asked = req
	if g.err != nil {
		return nil, g.err
	}
	if g.fixed != "" {
		return &model.Completion{Text: g.fixed}, nil
	}
	text := req.Messages[len(req.Messages)-1].Text
	_, question, _ := strings.Cut(text, "\nQuestion: ")
	question, _, _ = strings.Cut(question, "\n")
	word := question[strings.LastIndexByte(question, ' ')+1:]
	var named []string
	for _, line := range strings.Split(text, "\n") {
		if number, passage, ok := strings.Cut(strings.TrimPrefix(line, "["), "] "); ok && strings.Contains(passage, word) {
			named = append(named, number)
		}
	}
	return &model.Completion{Text: strings.Join(named, ", ")}, nil
}

func order(scores []float64) []int {
	out := make([]int, len(scores))
	for i := range out {
		out[i] = i
	}
	slices.SortStableFunc(out, func(a, b int) int {
		switch {
		case scores[a] > scores[b]:
			return -1
		case scores[a] < scores[b]:
			return 1
		}
		return 0
	})
	return out
}

func TestModelReranks(t *testing.T) {
	texts := []string{"a bird\non a roof", "the old stone bridge", strings.Repeat("long ", 1000) + "bridge", "a new bridge"}
	for _, c := range []struct {
		fixed string
		want  []int
	}{
		{"", []int{1, 3, 0, 2}}, // the third is cut before its word
		{"[3], [1]", []int{2, 0, 1, 3}},
		{"The best are 4 and 4, then 99, 0 and 2.", []int{3, 1, 0, 2}},
	} {
		g := &ranker{fixed: c.fixed}
		scores, err := langchain.NewReranker(g).Rerank(t.Context(), "where is the bridge", texts)
		if got := order(scores); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("reply %q: order %v, %v, want %v", c.fixed, got, err, c.want)
		}
		if g.asked.Messages[0].Role != model.RoleSystem || strings.Count(g.asked.Messages[1].Text, "\n") > len(texts)+2 {
			t.Errorf("asked %q", g.asked.Messages)
		}
	}
	if _, err := langchain.NewReranker(&ranker{fixed: "I cannot tell."}).Rerank(t.Context(), "q", texts); err == nil || !strings.Contains(err.Error(), "named no passage: I cannot tell.") {
		t.Errorf("a reply without numbers: %v", err)
	}
	down := errors.New("down")
	if _, err := langchain.NewReranker(&ranker{err: down}).Rerank(t.Context(), "q", texts); !errors.Is(err, down) {
		t.Errorf("a generator that fails: %v", err)
	}
	if scores, err := langchain.NewReranker(&ranker{err: down}).Rerank(t.Context(), "q", texts[:1]); err != nil || len(scores) != 1 {
		t.Errorf("one text needs no order: %v, %v", scores, err)
	}
}

package ask

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/retrieve"
)

// aligned is bilingual, keeps the texts of passages, and finds a concept near to
// the same one in the other language.
type aligned struct{ bilingual }

func (aligned) Info() model.EmbedderInfo {
	return model.EmbedderInfo{Name: "fake", Fingerprint: "fake", Dimension: len(concepts) + 1, Centred: true}
}

// Embed gives a question without any concept no direction.
func (a aligned) Embed(ctx context.Context, task model.Task, texts []string) ([][]float32, error) {
	out, err := a.bilingual.Embed(ctx, task, texts)
	for i := range out {
		if task == model.TaskQuery {
			out[i][len(concepts)] = 0
		}
	}
	return out, err
}

func (a aligned) EmbedDetailed(ctx context.Context, texts []string) ([][]float32, [][]byte, error) {
	vectors, err := a.Embed(ctx, model.TaskPassage, texts)
	details := make([][]byte, len(texts))
	for i, t := range texts {
		details[i] = []byte(t)
	}
	return vectors, details, err
}

func (a aligned) Likeness(ctx context.Context, question string, details [][]byte) ([]float64, error) {
	weights, nearest, err := a.Nearest(ctx, question, details)
	return likenesses(weights, nearest), err
}

func (a aligned) Nearest(ctx context.Context, question string, details [][]byte) ([]float64, [][]float32, error) {
	texts := make([]string, len(details))
	for i, d := range details {
		texts[i] = string(d)
	}
	return a.NearestPieces(ctx, question, texts)
}

// NearestPieces knows the question's concepts, and one piece that no text has.
func (a aligned) NearestPieces(_ context.Context, question string, texts []string) ([]float64, [][]float32, error) {
	holds := func(text string, concept []string) bool {
		for _, w := range concept {
			if strings.Contains(strings.ToLower(text), w) {
				return true
			}
		}
		return false
	}
	weights := []float64{1}
	nearest := make([][]float32, len(texts))
	for i := range texts {
		nearest[i] = []float32{0.2}
	}
	for _, concept := range append(concepts, []string{"财务", "finance"}) {
		if !holds(question, concept) {
			continue
		}
		weights = append(weights, 9)
		for i, t := range texts {
			near := float32(0.2)
			if holds(t, concept) {
				near = 0.9
			}
			nearest[i] = append(nearest[i], near)
		}
	}
	return weights, nearest, nil
}

// kept retrieves all documents of a library with what is kept of them, those first
// that hold most of the question.
type kept struct{ everything }

func (k kept) Retrieve(ctx context.Context, q retrieve.Query) (*retrieve.Result, error) {
	r, err := k.everything.Retrieve(ctx, q)
	for i := range r.Passages {
		p := &r.Passages[i]
		p.Detail = []byte(p.Text)
		likeness, _ := aligned{}.Likeness(ctx, q.Text, [][]byte{p.Detail})
		p.Score = likeness[0]
	}
	return r, err
}

func TestRefusesAcrossLanguages(t *testing.T) {
	l := newLibrary(
		libraryDocument{"a", "Visits", "Visitors register at the front desk. They wear a badge."},
		libraryDocument{"b", "People", "Wei Lin leads the hotel. Marta leads the cloud."},
		libraryDocument{"c", "Dogs", "Dogs stay at home."},
		libraryDocument{"d", "校准", "硝酸盐：0.1毫克至50毫克。"}, // near to 钨, without a word of what is asked
	)
	a := New(kept{everything{l}}, l, &Options{Embedder: aligned{}})
	for question, want := range map[string]Status{
		"访客在哪里登记？":  StatusAnswered,
		"钨的沸点是多少？":  StatusNotFound,
		"酒店部门主管是谁？": StatusAnswered,
		"首席财务官是谁？":  StatusNotFound,
	} {
		got, err := a.Ask(context.Background(), Question{Text: question, Explain: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got.Status != want {
			t.Errorf("%s: %s, %q, signals %v; want %s", question, got.Status, got.Text, got.Signals, want)
		}
		if len(got.Signals) != int(signalCount)+2 || got.Signals["across"] != 1 {
			t.Errorf("%s: signals %v", question, got.Signals)
		}
	}
}

func TestLead(t *testing.T) {
	passages := func(scores ...float64) []retrieve.Passage {
		out := make([]retrieve.Passage, len(scores))
		for i, s := range scores {
			out[i] = retrieve.Passage{DocumentID: string(rune('a' + i)), Score: s}
		}
		return out
	}
	same := passages(2, 1.9, 1.8, 1.7, 1.6, 1.5, 1.4, 1.3)
	for i := range same {
		same[i].DocumentID = "a"
	}
	for _, c := range []struct {
		name     string
		passages []retrieve.Passage
		across   bool
		want     float64
	}{
		{"none", nil, false, usualLead},
		{"few", passages(2, 1, 1, 1), false, usualLead},
		{"few, another language", passages(2, 1, 1, 1), true, usualLeadAcross},
		{"five", passages(2, 1.5, 1.5, 1.5, 0.5), false, 1.5},
		{"out of order, as after a reranker", passages(0.5, 1.5, 2, 1.5, 1.5), false, 1.5},
		{"a ninth does not count", passages(2, 1, 1, 1, 1, 1, 1, 1, -7), false, 1},
		{"one document has much to say", same, false, usualLead},
	} {
		if got := lead(c.passages, c.across); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

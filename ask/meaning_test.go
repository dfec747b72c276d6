package ask

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/retrieve"
)

// bilingual embeds by concepts that words of both languages share.
type bilingual struct{ err error }

var concepts = [][]string{{"open", "开门"}, {"close", "关门"}, {"visitor", "访客"}, {"register", "登记"}, {"dog", "狗"}, {"hotel", "酒店", "住宿"}, {"night", "每晚"}, {"receipt", "发票"}, {"meal", "餐"}, {"office", "办公室"}, {"钨", "硝酸盐"}}

func (b bilingual) Info() model.EmbedderInfo {
	return model.EmbedderInfo{Name: "fake", Fingerprint: "fake", Dimension: len(concepts) + 1}
}

func (b bilingual) Embed(_ context.Context, _ model.Task, texts []string) ([][]float32, error) {
	if b.err != nil {
		return nil, b.err
	}
	out := make([][]float32, len(texts))
	for i, t := range texts {
		out[i] = make([]float32, len(concepts)+1)
		out[i][len(concepts)] = 0.2
		for k, words := range concepts {
			for _, w := range words {
				if strings.Contains(strings.ToLower(t), w) {
					out[i][k] = 1
				}
			}
		}
	}
	return out, nil
}

// everything retrieves all documents, as a dense leg would.
type everything struct{ *library }

func (e everything) Retrieve(_ context.Context, q retrieve.Query) (*retrieve.Result, error) {
	r := &retrieve.Result{Query: q.Text, Language: "zh"}
	for i, d := range e.documents {
		r.Passages = append(r.Passages, retrieve.Passage{Rank: i + 1, DocumentID: d.id, Title: d.title, Path: d.id, Text: d.text, End: len(d.text), Line: 1, Score: 1})
	}
	return r, nil
}

func TestAnswersAcrossLanguages(t *testing.T) {
	all := office()
	l := newLibrary(all.documents[0], all.documents[1], all.documents[5])
	for question, want := range map[string]string{
		"访客在哪里登记？":   "Visitors register at the front desk",
		"酒店每晚最多多少钱？": "140 € a night",
		"吃饭需要发票吗？餐":  "Receipts are not needed for meals.",
	} {
		a, err := New(everything{l}, l, &Options{Embedder: bilingual{}}).Ask(context.Background(), Question{Text: question}, nil)
		if err != nil {
			t.Fatal(err)
		}
		checkAnswer(t, l, a)
		if a.Status != StatusAnswered || !strings.Contains(a.Statements[0].Text, want) {
			t.Errorf("%s: status %s, text %q; want %q", question, a.Status, a.Text, want)
		}
	}
	// A model that marks a passage without a word to go by is quoted with the
	// sentence that answers best beside it; a figure needs no such help.
	for reply, want := range map[string]int{"在大楼的前台登记。[2]": 2, "酒店每晚最多140欧元。[1]": 1} {
		g := &scripted{reply: func([]model.Message) (string, error) { return reply, nil }}
		question := map[int]string{1: "酒店每晚最多多少钱？", 2: "访客在哪里登记？"}[want]
		a, err := New(everything{l}, l, &Options{Embedder: bilingual{}, Generator: g}).Ask(context.Background(), Question{Text: question}, nil)
		if err != nil {
			t.Fatal(err)
		}
		checkAnswer(t, l, a)
		quoted := ""
		for _, c := range a.Citations {
			quoted += c.Quote + "\n"
		}
		if a.Model == "none" || len(a.Citations) != want || want == 2 && !strings.Contains(quoted, "Visitors register at the front desk") {
			t.Errorf("%s: model %s, note %q, quotes %q", question, a.Model, a.Note, quoted)
		}
	}
	a, err := New(everything{l}, l, &Options{Embedder: bilingual{err: errors.New("gone")}}).Ask(context.Background(), Question{Text: "访客在哪里登记？"}, nil)
	if err != nil || a.Status != StatusNotFound {
		t.Errorf("without vectors and words: %+v, %v", a, err)
	}
}

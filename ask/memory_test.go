package ask

import (
	"context"
	"fmt"
	"math"
	"sort"
	"strings"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/retrieve"
	"github.com/lore-kb/lore/store"
)

// library is a retriever and the texts behind it: every document is one
// passage, ranked by BM25.
type library struct {
	documents []libraryDocument
	vectors   []map[uint32]float32
	df        map[uint32]int
	asked     []string
}

type libraryDocument struct{ id, title, text string }

func newLibrary(documents ...libraryDocument) *library {
	l := &library{documents: documents, df: map[uint32]int{}}
	for _, d := range documents {
		v := map[uint32]float32{}
		indices, values := analysis.Passage(analysis.Fields{Title: d.title, Text: d.text})
		for i, x := range indices {
			v[x] = values[i]
			l.df[x]++
		}
		l.vectors = append(l.vectors, v)
	}
	return l
}

func (l *library) Text(_ context.Context, id string) (string, error) {
	for _, d := range l.documents {
		if d.id == id {
			return d.text, nil
		}
	}
	return "", fmt.Errorf("document %s: %w", id, store.ErrNotFound)
}

func (l *library) Retrieve(ctx context.Context, q retrieve.Query) (*retrieve.Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.asked = append(l.asked, q.Text)
	parsed := analysis.Question(q.Text)
	r := &retrieve.Result{Query: q.Text, Language: parsed.Language}
	most := 0.0
	for _, t := range parsed.Terms {
		idf := store.IDF(len(l.documents), l.df[t.Index])
		r.Terms = append(r.Terms, retrieve.TermWeight{Term: t.Text, Index: t.Index, IDF: idf, Query: t.Weight, Known: l.df[t.Index] > 0})
		most += idf * t.Weight * 2.2
	}
	for i, d := range l.documents {
		score := 0.0
		for _, t := range r.Terms {
			score += float64(l.vectors[i][t.Index]) * t.IDF * t.Query
		}
		if score > 0 {
			r.Passages = append(r.Passages, retrieve.Passage{
				DocumentID: d.id, Title: d.title, Path: d.id, Text: d.text, End: len(d.text), Line: 1, Score: score,
				Legs: map[store.Leg]retrieve.LegScore{store.LegSparse: {Score: score, Normalised: score / math.Max(most, 1e-9)}},
			})
		}
	}
	sort.SliceStable(r.Passages, func(i, j int) bool { return r.Passages[i].Score > r.Passages[j].Score })
	r.Passages = r.Passages[:min(len(r.Passages), max(q.Limit, 1))]
	for i := range r.Passages {
		r.Passages[i].Rank = i + 1
	}
	return r, nil
}

// scripted is a generator that says what its function makes of the prompt, in
// pieces of a few bytes.
type scripted struct {
	reply func(messages []model.Message) (string, error)
	calls int
}

func (s *scripted) Name() string { return "fake:scripted" }

func (s *scripted) Generate(ctx context.Context, r model.Request, yield func(model.Delta) error) (*model.Completion, error) {
	s.calls++
	text, failure := s.reply(r.Messages)
	if yield != nil {
		for at := 0; at < len(text); at += 7 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if err := yield(model.Delta{Text: text[at:min(at+7, len(text))]}); err != nil {
				return nil, err
			}
		}
	}
	if failure != nil {
		return nil, failure
	}
	return &model.Completion{Text: text, StopReason: model.StopEnd, Usage: model.Usage{PromptTokens: 100, CompletionTokens: len(strings.Fields(text))}}, nil
}

func says(text string) *scripted {
	return &scripted{reply: func([]model.Message) (string, error) { return text, nil }}
}

// office is a small set of documents of an invented company.
func office() *library {
	return newLibrary(
		libraryDocument{"travel.md", "Travel policy", "# Travel policy\n\nStaff on the road get 45 € a day for meals. Receipts are not needed for meals.\n\n## Hotels\n\nA hotel may cost at most 140 € a night. Bookings above that need the approval of Maria Lindt.\n\n- Trains are booked in second class.\n- Flights are booked only for trips of more than 600 km.\n"},
		libraryDocument{"release.md", "Release notes", "# Release notes\n\n## v2.0.1\n\nReleased on March 5, 2024. The option `max_tokens` was renamed to `limit`.\n\n## v1.9.0\n\nReleased on 12 November 2023. Support for Windows 7 was removed.\n"},
		libraryDocument{"prices.md", "Prices", "# Prices\n\n| Plan | Price a month | Seats |\n|---|---|---|\n| Basic | 10 € | 3 |\n| Team | 25 € | 10 |\n| Company | 120 € | 100 |\n\nPrices do not include VAT.\n"},
		libraryDocument{"年假.md", "年假制度", "# 年假制度\n\n员工入职满一年后每年享有十五天年假。试用期内不能使用年假。\n\n## 申请\n\n年假须提前五个工作日向直属经理申请。未使用的年假可以保留到次年3月31日。\n"},
		libraryDocument{"报销.md", "报销制度", "# 报销制度\n\n差旅费用须在返回后30天内报销。出租车费用可以报销，但每次不超过200元。酒类费用不予报销。财务负责人是王丽华。\n"},
		libraryDocument{"office.md", "Office", "# Office\n\nThe office opens at 8:30 and closes at 19:00 on weekdays. Visitors register at the front desk in Building C. Dogs are welcome on Fridays because the fourth floor is empty then.\n"},
	)
}

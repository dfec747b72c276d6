package retrieve

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/internal/memstore"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/store"
)

// bagEmbedder embeds a text as the sum of fixed directions, one for each of its
// terms but single characters; words listed as synonyms share one.
type bagEmbedder struct {
	synonyms map[string]string
	err      error
	wait     bool
}

const bagDimension = 256

func (e *bagEmbedder) Info() model.EmbedderInfo {
	return model.EmbedderInfo{Name: "bag", Fingerprint: "bag", Dimension: bagDimension, Centred: true}
}

func (e *bagEmbedder) Embed(ctx context.Context, _ model.Task, texts []string) ([][]float32, error) {
	if e.wait {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if e.err != nil {
		return nil, e.err
	}
	out := make([][]float32, len(texts))
	for i, text := range texts {
		v := make([]float32, bagDimension)
		for _, t := range analysis.Terms(text) {
			if t.Kind == analysis.KindHan {
				continue
			}
			word := t.Text
			if s, ok := e.synonyms[word]; ok {
				word = s
			}
			h := fnv.New64a()
			h.Write([]byte(word))
			x := h.Sum64()
			for k := range v {
				x = x*6364136223846793005 + 1442695040888963407
				v[k] += float32(int32(x>>32)) / (1 << 31)
			}
		}
		out[i] = v
	}
	return out, nil
}

// page is a document of a test: its chunks joined by blank lines.
type page struct {
	path, title string
	section     []string
	chunks      []string
	date        time.Time
	labels      map[string]string
}

func collect(t testing.TB, e model.Embedder, pages ...page) *memstore.Store {
	t.Helper()
	m := store.Model{}
	if e != nil {
		m = store.Model{Fingerprint: e.Info().Fingerprint, Dimension: e.Info().Dimension}
	}
	st := memstore.New(m)
	for _, p := range pages {
		id := store.DocumentID("test", "root", p.path)
		d := store.Document{DocumentInfo: store.DocumentInfo{ID: id, Path: p.path, Title: p.title, MediaType: "text/markdown",
			Version: "1", Status: store.StatusOK, Date: p.date, Labels: p.labels}}
		for i, c := range p.chunks {
			if i > 0 {
				d.Text += "\n\n"
			}
			payload := store.Payload{DocumentID: id, Version: "1", Ordinal: i, Title: p.title, Path: p.path, MediaType: "text/markdown",
				Section: p.section, Language: analysis.Language(c), Line: 1, Start: len(d.Text), End: len(d.Text) + len(c), Date: p.date, Labels: p.labels, Text: c}
			d.Text += c
			indices, values := analysis.Passage(fieldsOf(&payload))
			point := store.Point{ID: store.PointID(id, "1", i), Digest: store.Digest(c), Payload: payload,
				Sparse: store.SparseVector{Indices: indices, Values: values}}
			if e != nil {
				v, details, err := model.EmbedPassages(context.Background(), e, []string{p.title + "\n" + c})
				if err != nil {
					t.Fatal(err)
				}
				if point.Dense = v[0]; details != nil {
					point.Detail = details[0]
				}
			}
			d.Points = append(d.Points, point)
		}
		d.Language = analysis.Language(d.Text)
		if err := st.Put(context.Background(), []store.Document{d}); err != nil {
			t.Fatal(err)
		}
	}
	return st
}

var library = []page{
	{path: "hr/leave.md", title: "Leave", chunks: []string{
		"Every employee has 25 days of annual leave a year.",
		"Leave that is not taken lapses at the end of March.",
		"Parental leave is a matter of law and is described elsewhere."}},
	{path: "hr/travel.md", title: "Travel", chunks: []string{"Train journeys are booked in second class. Hotels cost at most 120 euros a night."},
		date: time.Date(2023, 5, 1, 0, 0, 0, 0, time.UTC), labels: map[string]string{"team": "finance"}},
	{path: "ops/errors.md", title: "Errors", chunks: []string{"ERR-4012 means that max_tokens was exceeded.", "ERR-4013 means that the key has expired."},
		date: time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)},
	{path: "zh/univ.md", title: "大学", chunks: []string{"上海交通大学创办于1896年。", "上海的公共交通很方便，大学也很多。"}},
}

func paths(r *Result) string {
	var out []string
	for _, p := range r.Passages {
		out = append(out, p.Path)
	}
	return strings.Join(out, " ")
}

func ask(t *testing.T, r *Retriever, q Query) *Result {
	t.Helper()
	result, err := r.Retrieve(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestRetrieve(t *testing.T) {
	e := &bagEmbedder{}
	for name, r := range map[string]*Retriever{
		"keywords": New(collect(t, nil, library...), nil),
		"both":     New(collect(t, e, library...), &Options{Embedder: e}),
		"rrf":      New(collect(t, e, library...), &Options{Embedder: e, Fusion: FusionReciprocalRank}),
	} {
		for _, c := range []struct{ question, path, text string }{
			{"How many days of annual leave?", "hr/leave.md", "25 days"},
			{"what does err 4012 mean", "ops/errors.md", "ERR-4012"},
			{"maxTokens", "ops/errors.md", "max_tokens"},
			{"上海交通大學", "zh/univ.md", "1896"},
			{"hotel price", "hr/travel.md", "120"},
		} {
			result := ask(t, r, Query{Text: c.question})
			if len(result.Passages) == 0 || result.Passages[0].Path != c.path || !strings.Contains(result.Passages[0].Text, c.text) {
				t.Errorf("%s: %q finds %s", name, c.question, paths(result))
			}
			for i, p := range result.Passages {
				if p.Rank != i+1 || len(p.Legs) == 0 || p.Text == "" {
					t.Errorf("%s: %q: passage %+v", name, c.question, p)
				}
			}
		}
	}
}

func TestNothingToFind(t *testing.T) {
	r := New(collect(t, nil, library...), nil)
	for _, q := range []string{"", "  \n", "?!", "xylophone"} {
		if result := ask(t, r, Query{Text: q}); len(result.Passages) != 0 {
			t.Errorf("%q finds %s", q, paths(result))
		}
	}
	if result := ask(t, New(memstore.New(store.Model{}), nil), Query{Text: "anything"}); len(result.Passages) != 0 || len(result.Degraded) != 0 {
		t.Errorf("an empty collection gives %+v", result)
	}
}

func TestFilters(t *testing.T) {
	r := New(collect(t, nil, library...), nil)
	for _, c := range []struct {
		q    Query
		want string
	}{
		{Query{Text: "means leave hotels path:hr"}, "hr/leave.md hr/travel.md"},
		{Query{Text: "means leave hotels", Filter: Filter{Paths: []string{"ops"}}}, "ops/errors.md"},
		{Query{Text: "means leave hotels before:2024 after:2023"}, "hr/travel.md"},
		{Query{Text: "means leave hotels label:team=finance"}, "hr/travel.md"},
		{Query{Text: "means leave hotels type:pdf"}, ""},
		// The caller's filter holds whatever the question asks for.
		{Query{Text: "means leave hotels path:ops", Filter: Filter{Paths: []string{"hr"}}}, ""},
		{Query{Text: "means leave hotels path:hr/travel.md", Filter: Filter{Paths: []string{"hr/", "zh"}}}, "hr/travel.md"},
		{Query{Text: "means leave hotels path:hr", Filter: Filter{Paths: []string{"hr/leave.md"}}}, "hr/leave.md"},
		{Query{Text: "means leave hotels path:**/*e.md", Filter: Filter{Paths: []string{"hr"}}}, "hr/leave.md"},
		{Query{Text: "means leave hotels path:ops", Filter: Filter{Paths: []string{"hr/*"}}}, ""},
		{Query{Text: "means leave hotels path:hr", Filter: Filter{Paths: []string{"**/t*"}, Documents: []string{store.DocumentID("test", "root", "hr/leave.md")}}}, ""},
		{Query{Text: "means leave hotels label:team=finance", Filter: Filter{Labels: map[string]string{"team": "it"}}}, ""},
		{Query{Text: "means leave hotels type:md", Filter: Filter{MediaTypes: []string{"text/*"}, Paths: []string{"ops"}}}, "ops/errors.md"},
		{Query{Text: "means leave hotels type:md", Filter: Filter{MediaTypes: []string{"application/pdf"}}}, ""},
	} {
		got := strings.Fields(paths(ask(t, r, c.q)))
		slices.Sort(got)
		if strings.Join(slices.Compact(got), " ") != c.want {
			t.Errorf("%+v finds %s, want %s", c.q, got, c.want)
		}
	}
}

func TestPhrases(t *testing.T) {
	r := New(collect(t, nil, library...), nil)
	if got := ask(t, r, Query{Text: `"annual leave" lapses`}); paths(got) != "hr/leave.md" || len(got.Degraded) != 1 {
		t.Errorf("finds %s, %+v", paths(got), got.Degraded)
	}
	got := ask(t, r, Query{Text: `“交通大學” 公共`})
	if paths(got) != "zh/univ.md" || got.Passages[0].Best.Ordinal != 0 {
		t.Errorf("finds %+v", got.Passages)
	}
	got = ask(t, r, Query{Text: `"leave annual"`})
	if len(got.Passages) == 0 || len(got.Degraded) != 2 || !strings.Contains(got.Degraded[1].Reason, "leave annual") {
		t.Errorf("a phrase nobody holds: %s %+v", paths(got), got.Degraded)
	}
	if !containsPhrase("the cat", "cat") || containsPhrase("concatenate", "cat") || !containsPhrase("上海交通", "海交") {
		t.Error("word boundaries")
	}
}

// TestNumerals checks that an article is found by its number, spelled either way.
func TestNumerals(t *testing.T) {
	rules := []page{
		{path: "31.md", chunks: []string{"第三十一条 员工应当按时到岗。"}},
		{path: "32.md", chunks: []string{"第三十二条 员工享有十五天年假。"}},
		{path: "33.md", chunks: []string{"第33条 出差补贴每天120元。"}},
		{path: "43.md", chunks: []string{"第四十三条 违反规定的处以罚款。"}},
	}
	r := New(collect(t, nil, rules...), nil)
	for question, want := range map[string]string{
		"第三十二条": "32.md", "第32条": "32.md", "第三十三条": "33.md", "第33條": "33.md", "第四十三条": "43.md", "第43条": "43.md", "15天年假": "32.md",
	} {
		if got := ask(t, r, Query{Text: question}); got.Passages[0].Path != want {
			t.Errorf("%s finds %s", question, paths(got))
		}
	}
}

// TestNames checks that a name ranks first where it stands whole, before longer
// texts that hold all of its parts and more often.
func TestNames(t *testing.T) {
	pages := []page{{path: "name.md", title: "学校", chunks: []string{"上海交通大学成立于1896年。"}},
		{path: "bank.md", chunks: []string{"The Northern Harbour Trust was founded in 1950 and has nine branches."}}}
	for i := range 4 {
		pages = append(pages,
			page{path: fmt.Sprintf("parts%d.md", i), title: "上海交通", chunks: []string{
				"上海的交通很发达，上海大学在宝山。上海交通便利，大学生常乘地铁，交通大学很多。上海交通委员会管理交通，大学城在松江。" + strings.Repeat("。", i)}},
			page{path: fmt.Sprintf("harbour%d.md", i), title: "Harbour trust", chunks: []string{
				"The trust of the northern towns grew. A northern harbour freezes, and the harbour trust knows it." + strings.Repeat("!", i)}})
	}
	e := &bagEmbedder{}
	for _, options := range []*Options{nil, {Embedder: e}} {
		r := New(collect(t, e, pages...), options)
		for question, want := range map[string]string{"上海交通大学": "name.md", "Northern Harbour Trust": "bank.md"} {
			if got := ask(t, r, Query{Text: question}); got.Passages[0].Path != want {
				t.Errorf("%s finds %s", question, paths(got))
			}
		}
	}
}

// TestCohesion checks that bigrams count by how well they hold together.
func TestCohesion(t *testing.T) {
	var pages []page
	for i, text := range []string{
		"研究生在图书馆。", "研究生命科学。", "生命很短。", "图书馆的生命。", "研究很多。", "命令已下。", "学生很多。", "科学馆。", "珊瑚在海里。", "珊瑚很美。",
	} {
		pages = append(pages, page{path: fmt.Sprintf("%d.md", i), chunks: []string{text}})
	}
	r := New(collect(t, nil, pages...), nil)
	weights := make(map[string]float64)
	for _, term := range ask(t, r, Query{Text: "研究生命，珊瑚，馆长，很学"}).Terms {
		weights[term.Term] = term.Query
	}
	for term, want := range map[string]float64{
		"珊瑚": 1,                                               // never apart
		"研究": 1,                                               // likewise
		"究生": 0.5 + 0.5*math.Log(10*2/(3*5.))/math.Log(10/2.), // across words
		"生命": 0.5 + 0.5*math.Log(10*3/(5*4.))/math.Log(10/3.),
		"馆长": 0.5 + 0.5*math.Log(10*.5/(3*.5))/math.Log(10/.5), // nobody can tell
		"很学": 0.5,                                              // never met
		"研":  0.8,
	} {
		if math.Abs(weights[term]-want) > 1e-6 {
			t.Errorf("%s counts %v, want %v", term, weights[term], want)
		}
	}
	if weights["究生"] >= weights["生命"] {
		t.Errorf("%v", weights)
	}
}

func TestNeighboursAreMerged(t *testing.T) {
	r := New(collect(t, nil, library...), nil)
	p := ask(t, r, Query{Text: "annual leave lapses"}).Passages[0]
	text, _ := r.store.Text(context.Background(), p.DocumentID)
	if p.Text != text || p.Start != 0 || p.End != len(text) {
		t.Errorf("passage is %q [%d,%d)", p.Text, p.Start, p.End)
	}
	alone := New(r.store, &Options{PassageTokens: -1})
	for _, p := range ask(t, alone, Query{Text: "annual leave lapses"}).Passages {
		if p.Text != p.Best.Text {
			t.Errorf("passage is %q, chunk %q", p.Text, p.Best.Text)
		}
	}
}

func TestNearDuplicates(t *testing.T) {
	text := "The printer on the third floor is switched off over the weekend and must be switched on by whoever comes first on Monday morning"
	r := New(collect(t, nil,
		page{path: "a.md", chunks: []string{text + "."}},
		page{path: "b.md", chunks: []string{text + "!"}},
		page{path: "c.md", chunks: []string{text + " at 7."}},
	), nil)
	got := ask(t, r, Query{Text: "printer switched"})
	same := 0
	for _, p := range got.Passages {
		same += p.Same
	}
	if len(got.Passages) != 2 || same != 1 {
		t.Errorf("finds %s, %d folded", paths(got), same)
	}
}

func TestDegraded(t *testing.T) {
	good := &bagEmbedder{}
	full := collect(t, good, library...)
	partly := collect(t, good, library...)
	one := store.Document{DocumentInfo: store.DocumentInfo{ID: "x", Path: "x", Status: store.StatusOK},
		Points: []store.Point{{ID: "x0", Payload: store.Payload{DocumentID: "x", Text: "leave"}}}}
	if err := partly.Put(context.Background(), []store.Document{one}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		st      store.Store
		options *Options
		want    string
	}{
		{"no embedder", full, nil, "no embedder"},
		{"no vectors", collect(t, nil, library...), &Options{Embedder: good}, "none of 8"},
		{"some vectors", partly, &Options{Embedder: good}, "8 of 9"},
		{"embedder fails", full, &Options{Embedder: &bagEmbedder{err: errors.New("connection\nrefused")}}, "connection refused"},
		{"embedder hangs", full, &Options{Embedder: &bagEmbedder{wait: true}, LegTimeout: time.Second / 2}, "no answer within"},
		{"sparse leg fails", &broken{full, store.LegSparse}, &Options{Embedder: good}, "broken"},
		{"reranker fails", full, &Options{Embedder: good, Reranker: reranker(func([]string) ([]float64, error) { return nil, errors.New("overloaded") })}, "overloaded"},
	} {
		result := ask(t, New(c.st, c.options), Query{Text: "annual leave"})
		if len(result.Degraded) != 1 || !strings.Contains(result.Degraded[0].Reason, c.want) {
			t.Errorf("%s: %+v", c.name, result.Degraded)
		}
		if len(result.Passages) == 0 || result.Passages[0].Path != "hr/leave.md" {
			t.Errorf("%s: finds %s", c.name, paths(result))
		}
	}
	if _, err := New(&broken{full, store.LegSparse}, nil).Retrieve(context.Background(), Query{Text: "leave"}); err == nil {
		t.Error("no leg could be searched, and no error")
	}
	mismatch := (*store.ModelMismatchError)(nil)
	if _, err := New(full, &Options{Embedder: renamed{good}}).Retrieve(context.Background(), Query{Text: "leave"}); !errors.As(err, &mismatch) {
		t.Errorf("another model gives %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := New(full, nil).Retrieve(ctx, Query{Text: "leave"}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled call gives %v", err)
	}
}

// wordEmbedder keeps the words of passages beside their vectors, and holds the
// question against them by the share of its words that are there.
type wordEmbedder struct {
	bagEmbedder
	match, rows error // of Match and Likeness
	few         bool  // Likeness loses a score
}

func (e *wordEmbedder) EmbedDetailed(ctx context.Context, texts []string) ([][]float32, [][]byte, error) {
	vectors, err := e.Embed(ctx, model.TaskPassage, texts)
	details := make([][]byte, len(texts))
	for i, text := range texts {
		details[i] = []byte(text)
	}
	return vectors, details, err
}

func (e *wordEmbedder) Match(_ context.Context, question string, texts []string) ([]float64, error) {
	out := make([]float64, len(texts))
	for i, text := range texts {
		asked, held := strings.Fields(strings.ToLower(question)), strings.ToLower(text)
		for _, word := range asked {
			if strings.Contains(held, word) {
				out[i] += 1 / float64(len(asked))
			}
		}
	}
	return out, e.match
}

func (e *wordEmbedder) Likeness(ctx context.Context, question string, details [][]byte) ([]float64, error) {
	texts := make([]string, len(details))
	for i, d := range details {
		texts[i] = string(d)
	}
	out, _ := (&wordEmbedder{}).Match(ctx, question, texts)
	if e.few {
		out = out[1:]
	}
	return out, e.rows
}

// unkept is a store that cannot read what it keeps beside vectors.
type unkept struct{ store.Store }

func (unkept) Details(context.Context, []store.Hit) ([][]byte, error) {
	return nil, errors.New("bad sector")
}

// TestDegradedLikeness holds that a likeness that cannot be computed is said, and
// that the ranking stands as it would without.
func TestDegradedLikeness(t *testing.T) {
	good := &wordEmbedder{}
	full := collect(t, good, library...)
	for _, c := range []struct {
		name string
		st   store.Store
		e    model.Embedder
		like model.Embedder // what ranks in the same way without failing; nil: only the note is looked at
		want string
	}{
		{"nothing fails", full, good, good, ""},
		{"the store fails", unkept{full}, good, onlyMatch{good}, "what is kept of them could not be read: bad sector"},
		{"the embedder fails with what is kept", full, &wordEmbedder{rows: errors.New("odd\nform")}, onlyMatch{good}, "could not be read: odd form"},
		{"a score is missing", full, &wordEmbedder{few: true}, onlyMatch{good}, "scores for"},
		{"the embedder fails with the texts", full, &wordEmbedder{match: errors.New("no table")}, nil, "their words could not be held against the question: no table"},
	} {
		result := ask(t, New(c.st, &Options{Embedder: c.e}), Query{Text: "annual leave"})
		if c.want == "" && len(result.Degraded) != 0 || c.want != "" && (len(result.Degraded) != 1 ||
			result.Degraded[0].Leg != LegLikeness || !strings.Contains(result.Degraded[0].Reason, c.want)) {
			t.Errorf("%s: %+v", c.name, result.Degraded)
		}
		if len(result.Passages) == 0 || result.Passages[0].Path != "hr/leave.md" {
			t.Errorf("%s: finds %s", c.name, paths(result))
		}
		if c.like == nil {
			continue
		}
		same := ask(t, New(full, &Options{Embedder: c.like}), Query{Text: "annual leave"})
		for i, p := range result.Passages {
			if want := same.Passages[i]; p.Best.Text != want.Best.Text || p.Score != want.Score {
				t.Errorf("%s: passage %d is %q %v, want %q %v", c.name, i, p.Best.Text, p.Score, want.Best.Text, want.Score)
			}
		}
	}
}

// onlyMatch hides that an embedder keeps anything.
type onlyMatch struct{ e *wordEmbedder }

func (o onlyMatch) Info() model.EmbedderInfo { return o.e.Info() }

func (o onlyMatch) Embed(ctx context.Context, task model.Task, texts []string) ([][]float32, error) {
	return o.e.Embed(ctx, task, texts)
}

func (o onlyMatch) Match(ctx context.Context, question string, texts []string) ([]float64, error) {
	return o.e.Match(ctx, question, texts)
}

// TestFirstByWords holds that what ranks first by its words is read closely, even
// if more passages than are read are nearer by their vectors.
func TestFirstByWords(t *testing.T) {
	e := &bagEmbedder{synonyms: map[string]string{"motor": "pump", "lid": "valve", "brass": "bronze", "wool": "linen"}}
	pages := []page{{path: "named.md", chunks: []string{
		"Zinnober sells many goods in towns by rivers, among hills, near woods, with horses, carts, ropes, lamps and tools; a pump costs nine crowns."}}}
	for i := range 2 * evidenceDepth {
		pages = append(pages, page{path: fmt.Sprintf("near%d.md", i), chunks: []string{fmt.Sprintf("motor lid brass wool no%d", i)}})
	}
	got := ask(t, New(collect(t, e, pages...), &Options{Embedder: e}), Query{Text: "pump valve bronze linen", Limit: 100, Explain: true})
	for _, p := range got.Passages {
		if p.Path == "named.md" {
			if text := fmt.Sprintf("%+v", p.Explain); p.Legs[store.LegSparse].Rank != 1 || strings.Contains(text, "best sentence 0.0000") {
				t.Errorf("not read: %s", text)
			}
			return
		}
	}
	t.Errorf("finds %s", paths(got))
}

// broken is a store one leg of which fails.
type broken struct {
	store.Store
	leg store.Leg
}

func (b *broken) Search(ctx context.Context, q store.Query) ([]store.Hit, error) {
	if q.Leg == b.leg {
		return nil, errors.New("broken")
	}
	return b.Store.Search(ctx, q)
}

type renamed struct{ model.Embedder }

func (r renamed) Info() model.EmbedderInfo {
	i := r.Embedder.Info()
	i.Fingerprint = "other"
	return i
}

type reranker func(texts []string) ([]float64, error)

func (f reranker) Rerank(_ context.Context, _ string, texts []string) ([]float64, error) {
	return f(texts)
}

func TestRerank(t *testing.T) {
	last := reranker(func(texts []string) ([]float64, error) {
		out := make([]float64, len(texts))
		for i := range out {
			out[i] = float64(i)
		}
		return out, nil
	})
	st := collect(t, nil, library...)
	plain := ask(t, New(st, &Options{PassageTokens: -1}), Query{Text: "leave means"})
	turned := ask(t, New(st, &Options{PassageTokens: -1, Reranker: last}), Query{Text: "leave means"})
	n := len(plain.Passages)
	if n < 3 || turned.Passages[0].Best.Text != plain.Passages[n-1].Best.Text || turned.Passages[0].Legs[LegRerank].Rank != 1 {
		t.Errorf("reranked %s is %s", paths(plain), paths(turned))
	}
}

func TestMeaningAcrossLanguages(t *testing.T) {
	e := &bagEmbedder{synonyms: map[string]string{"年假": "leav", "几天": "day"}}
	pages := []page{{path: "en.md", chunks: []string{"Leave is 25 days."}}}
	for i := range 30 {
		pages = append(pages,
			page{path: fmt.Sprintf("zh/%d.md", i), chunks: []string{fmt.Sprintf("第%d号楼的年会有许多人参加，假如下雨就改期。", i)}},
			page{path: fmt.Sprintf("other/%d.md", i), chunks: []string{fmt.Sprintf("Building %d has a canteen with %d tables.", i, i+3)}})
	}
	r := New(collect(t, e, pages...), &Options{Embedder: e})
	if got := ask(t, r, Query{Text: "年假有几天"}); len(got.Passages) == 0 || got.Passages[0].Path != "en.md" {
		t.Errorf("finds %s", paths(got))
	}
}

func TestExplain(t *testing.T) {
	e := &bagEmbedder{}
	r := New(collect(t, e, library...), &Options{Embedder: e})
	got := ask(t, r, Query{Text: "annual leave", Explain: true})
	x := got.Passages[0].Explain
	if x == nil || len(x.Terms) < 2 || len(x.Notes) < 2 {
		t.Fatalf("explanation %+v", x)
	}
	sum := 0.0
	for _, term := range x.Terms {
		sum += term.Score
	}
	if d := sum - got.Passages[0].Legs[store.LegSparse].Score; d > 1e-3 || d < -1e-3 {
		t.Errorf("terms add up to %v of %v", sum, got.Passages[0].Legs[store.LegSparse].Score)
	}
	if got := ask(t, r, Query{Text: "annual leave"}); got.Passages[0].Explain != nil {
		t.Error("explained without being asked")
	}
}

// TestExplainSum checks that the parts of a score that are named add up to it.
func TestExplainSum(t *testing.T) {
	e := &bagEmbedder{}
	for _, c := range []struct {
		name    string
		options *Options
		parts   string // of the note, with the numbers left out
	}{
		{"both", &Options{Embedder: e}, "fused # = words # (share # + best sentence # + order #) + vectors # (cosine # - # for being in the question's language)"},
		{"words", nil, "fused # by words alone: share # + best sentence # + order #"},
		{"ranks", &Options{Embedder: e, Fusion: FusionReciprocalRank}, "fused # by ranks alone, 1/(60 + rank) for each leg"},
	} {
		for _, p := range ask(t, New(collect(t, e, library...), c.options), Query{Text: "annual leave", Explain: true}).Passages {
			i := slices.IndexFunc(p.Explain.Notes, func(n string) bool { return strings.HasPrefix(n, "fused") })
			if i < 0 {
				t.Fatalf("%s: %s is explained by %q", c.name, p.Path, p.Explain.Notes)
			}
			note := p.Explain.Notes[i]
			parts := regexp.MustCompile(`-?\d+\.\d+`).ReplaceAllString(regexp.MustCompile(` \+ \S+ for the question as it stands`).ReplaceAllString(note, ""), "#")
			if parts != c.parts && p.Language == "en" {
				t.Fatalf("%s: %s", c.name, parts)
			}
			sum := 0.0
			for _, m := range regexp.MustCompile(`(share|sentence|order|cosine|\+|-) (-?\d+\.\d+)`).FindAllStringSubmatch(note, -1) {
				f, _ := strconv.ParseFloat(m[2], 64)
				if m[1] == "-" {
					f = -f
				}
				sum += f
			}
			if c.name == "ranks" {
				sum, _ = strconv.ParseFloat(strings.Fields(note)[1], 64)
			}
			if math.Abs(sum-p.Score) > 5e-4 {
				t.Errorf("%s: %q makes %v", c.name, note, p.Score)
			}
		}
	}
}

// TestExplainFilter checks that an explanation names what a filter kept out.
func TestExplainFilter(t *testing.T) {
	r := New(collect(t, nil, library...), nil)
	for _, c := range []struct{ question, path, note string }{
		{"annual leave hotels", "hr/travel.md", "the filter removed 3 of the first 4 candidates: hr/leave.md"},
		{"hotels", "hr/travel.md", "the filter removed none of the first 1 candidate"},
		{"hotels", "ops", "the filter removed 1 of the first 1 candidate: hr/travel.md"},
		{"hotels", "", ""},
	} {
		for _, inline := range []bool{false, true} {
			q := Query{Text: c.question, Explain: true}
			if c.path != "" && inline {
				q.Text += " path:" + c.path
			} else if c.path != "" {
				q.Filter.Paths = []string{c.path}
			}
			got := ask(t, r, q)
			var notes []string
			for _, p := range got.Passages {
				notes = append(notes, p.Explain.Notes...)
			}
			for _, d := range got.Degraded { // where nothing is left to explain
				if len(got.Passages) == 0 {
					notes = append(notes, d.Reason)
				}
			}
			told := slices.ContainsFunc(notes, func(n string) bool { return strings.HasPrefix(n, "the filter") })
			if told != (c.note != "") || told && !slices.Contains(notes, c.note) {
				t.Errorf("%q of %q, in the question %v: %q, want %q", c.question, c.path, inline, notes, c.note)
			}
		}
	}
}

func TestWhyNot(t *testing.T) {
	r := New(collect(t, nil, library...), &Options{PassageTokens: -1})
	for _, c := range []struct {
		document, question string
		limit              int
		lost               string
	}{
		{"hr/leave.md", "annual leave", 0, ""},
		{"nowhere.md", "annual leave", 0, StepStored},
		{"travel.md", "annual leave", 0, StepLegs},
		{"Travel", "hotels path:ops", 0, StepFilter},
		{"ops/errors.md", `"annual leave" means`, 0, StepPhrase},
		{"hr/travel.md", "annual leave lapses hotels", 1, StepRank},
	} {
		w, err := r.WhyNot(context.Background(), c.document, Query{Text: c.question, Limit: c.limit})
		if err != nil {
			t.Fatal(err)
		}
		if w.Lost != c.lost || len(w.Steps) == 0 {
			t.Errorf("%s for %q is lost at %q: %q", c.document, c.question, w.Lost, w.Steps)
		}
	}
	for question, want := range map[string]string{
		"hotels path:ops":                          "the filter leaves it out by its path",
		"hotels path:ops after:2024 label:team=hr": "the filter leaves it out by its path, labels, date",
		"hotels type:pdf path:hr":                  "the filter leaves it out by its type",
		"hotels path:hr":                           "the filter lets it through",
	} {
		w, err := r.WhyNot(context.Background(), "hr/travel.md", Query{Text: question})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(w.Steps, want) {
			t.Errorf("%s: %q, want %q among them", question, w.Steps, want)
		}
	}
}

// TestOrder checks that a ranking is the same whatever order the documents came
// in, and total.
func TestOrder(t *testing.T) {
	e := &bagEmbedder{}
	words := []string{"leave", "hotel", "年假", "上海", "key", "25", "means"}
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.SliceOfN(rapid.SampledFrom(words), 1, 5), 1, 12).Draw(t, "texts")
		var pages []page
		for i, w := range texts {
			pages = append(pages, page{path: fmt.Sprintf("%d.md", i), chunks: []string{strings.Join(w, " ")}})
		}
		question := strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 1, 4).Draw(t, "question"), " ")
		var seen string
		for range 2 {
			r := New(collect(&testing.T{}, e, pages...), &Options{Embedder: e})
			result, err := r.Retrieve(context.Background(), Query{Text: question})
			if err != nil {
				t.Fatal(err)
			}
			got := paths(result)
			if seen != "" && got != seen {
				t.Fatalf("%q: %s, then %s", question, seen, got)
			}
			seen = got
			for i := 1; i < len(result.Passages); i++ {
				if result.Passages[i].Score > result.Passages[i-1].Score {
					t.Fatalf("%q: scores rise at %d", question, i)
				}
			}
			slices.Reverse(pages)
		}
	})
}

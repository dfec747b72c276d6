package eval

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lore-kb/lore/internal/memstore"
	"github.com/lore-kb/lore/store"
)

// TestScore holds the figures against those of trec_eval (ndcg_cut.10,
// recall.5,10,100, recip_rank; by pytrec_eval-terrier 0.5) on the same lists. Its
// reciprocal rank has no cut: ours is 0 beyond rank 10.
func TestScore(t *testing.T) {
	long := make([]string, 120)
	for i := range long {
		long[i] = fmt.Sprintf("d%03d", i)
	}
	for _, c := range []struct {
		name     string
		ranked   []string
		relevant map[string]int
		want     Scores
	}{
		{"nothing relevant", []string{"a"}, nil, Scores{}},
		{"nothing found", nil, map[string]int{"a": 1}, Scores{}},
		{"first", []string{"a", "b"}, map[string]int{"a": 1}, Scores{1, 1, 1, 1, 1}},
		{"third", []string{"x", "y", "a"}, map[string]int{"a": 1}, Scores{0.5, 1, 1, 1, 1.0 / 3}},
		{"two of three", []string{"a", "x", "b"}, map[string]int{"a": 1, "b": 1, "c": 1}, Scores{0.703918, 2.0 / 3, 2.0 / 3, 2.0 / 3, 1}},
		{"grades", []string{"b", "a", "x", "c"}, map[string]int{"a": 2, "b": 1, "c": 1}, Scores{0.859980, 1, 1, 1, 1}},
		{"eleventh", long, map[string]int{"d010": 1, "d119": 1}, Scores{0, 0, 0, 0.5, 0}},
		{"seventh", long, map[string]int{"d006": 1}, Scores{1.0 / 3, 0, 1, 1, 1.0 / 7}},
	} {
		got := Score(c.ranked, c.relevant)
		for i, d := range []float64{got.NDCG10 - c.want.NDCG10, got.Recall5 - c.want.Recall5, got.Recall10 - c.want.Recall10,
			got.Recall100 - c.want.Recall100, got.MRR10 - c.want.MRR10} {
			if math.Abs(d) > 1e-6 {
				t.Errorf("%s: figure %d of %+v, want %+v", c.name, i, got, c.want)
			}
		}
	}
}

func writeSet(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"corpus.jsonl": `{"_id":"leave","title":"Leave","text":"Every employee has 25 days of annual leave."}
{"_id":"hotel","title":"","text":"Hotels cost at most 120 euros a night."}
{"_id":"年假","title":"年假","text":"每位员工每年有二十五天年假。"}`,
		"queries.jsonl": `{"_id":"q1","text":"how much annual leave"}
{"_id":"q2","text":"hotel price"}
{"_id":"q3","text":"年假有几天"}
{"_id":"q4","text":"capital of France"}`,
		"qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\tleave\t1\nq2\thotel\t1\nq3\t年假\t1\n",
		"labels.jsonl":   `{"_id":"q1","type":"en"} {"_id":"q2","type":"en"} {"_id":"q3","type":"zh"} {"_id":"q4","type":"en","answerable":false}`,
		"answers.jsonl":  `{"_id":"q1","answers":["25 days"]} {"_id":"q2","answers":["99 euros"]}`,
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestRetrieval(t *testing.T) {
	dir := writeSet(t)
	st := memstore.New(store.Model{})
	report, err := Retrieval(context.Background(), dir, &RetrievalOptions{Store: st})
	if err != nil {
		t.Fatal(err)
	}
	if report.Queries != 3 || report.Documents != 3 || report.NDCG10 != 1 || report.MRR10 != 1 || *report.Answers5 != 0.5 {
		t.Errorf("report %+v", report)
	}
	if len(report.ByType) != 2 || report.ByType["en"].Queries != 2 || report.ByType["zh"].Answers5 != nil {
		t.Errorf("by type %+v", report.ByType)
	}
	b, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{`"queries":3`, `"documents":3`, `"ndcg@10":1`, `"recall@5"`, `"recall@10"`, `"recall@100"`, `"mrr@10"`, `"answers@5"`,
		`"p50_ms"`, `"p95_ms"`, `"index_seconds"`, `"embed_seconds"`, `"by_type"`, `"parts_ms":{"beyond":{"p50":`, `"sparse":{`} {
		if !strings.Contains(string(b), key) {
			t.Errorf("JSON lacks %s: %s", key, b)
		}
	}
	again, err := Retrieval(context.Background(), dir, &RetrievalOptions{Store: st, Split: "2:3", Compare: report.Run})
	if err != nil {
		t.Fatal(err)
	}
	if again.Queries != 2 || again.Comparison.Questions != 2 || again.Comparison.Tied != 2 {
		t.Errorf("second report %+v, comparison %+v", again, again.Comparison)
	}
	for _, split := range []string{"3", "a:b", "0:1", "5:4"} {
		if _, err := Retrieval(context.Background(), dir, &RetrievalOptions{Store: st, Split: split}); err == nil {
			t.Errorf("split %q is taken", split)
		}
	}
}

// TestKept holds what is made of a store that an earlier run left.
func TestKept(t *testing.T) {
	ctx := context.Background()
	dir := writeSet(t)
	run := func(st store.Store, dir string) error {
		_, err := Retrieval(ctx, dir, &RetrievalOptions{Store: st})
		return err
	}
	st := memstore.New(store.Model{})
	if err := run(st, dir); err != nil {
		t.Fatal(err)
	}
	other := writeSet(t)
	corpus := `{"_id":"leave","title":"Leave","text":"Every employee has 26 days of annual leave."}`
	if err := os.WriteFile(filepath.Join(other, "corpus.jsonl"), []byte(corpus), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(st, other); !errors.Is(err, ErrOtherSet) {
		t.Errorf("another set on a kept index: %v", err)
	}
	if _, err := Answers(ctx, other, &AnswersOptions{Store: st}); !errors.Is(err, ErrOtherSet) {
		t.Errorf("answers of another set on a kept index: %v", err)
	}
	if _, err := Answers(ctx, dir, &AnswersOptions{Store: st}); err != nil {
		t.Errorf("answers of the same set: %v", err)
	}

	// documents that no set brought
	foreign := memstore.New(store.Model{})
	if err := Index(ctx, foreign, []Document{{ID: "x", Text: "Something else."}}); err != nil {
		t.Fatal(err)
	}
	if err := run(foreign, dir); !errors.Is(err, ErrOtherSet) {
		t.Errorf("a set on a foreign index: %v", err)
	}

	// a run that ended before all was in
	for d, err := range st.Documents(ctx, store.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if d.Path == "hotel" {
			if _, err := st.Remove(ctx, store.Filter{Documents: []string{d.ID}}); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	if err := run(st, dir); err != nil {
		t.Fatal(err)
	}
	if stats, err := st.Stats(ctx); err != nil || stats.Documents != 3 {
		t.Errorf("%d documents, %v; want 3", stats.Documents, err)
	}
}

func TestReadSetErrors(t *testing.T) {
	if _, err := ReadSet(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no folder, no error")
	}
	for name, text := range map[string]string{
		"qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\tleave\n",
		"queries.jsonl":  "{\"_id\":\"q1\"",
		"corpus.jsonl":   `{"title":"no id"}`,
	} {
		dir := writeSet(t)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSet(dir); err == nil || !strings.Contains(err.Error(), filepath.Base(name)) {
			t.Errorf("damaged %s: %v", name, err)
		}
	}
}

func TestRunRoundTrip(t *testing.T) {
	r := &Run{Tag: "a"}
	r.Add("q2", []Ranked{{"x", 2}, {"y", 2}, {"z", 1}})
	r.Add("q1", []Ranked{{"z", 0.5}})
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	want := "q2 Q0 x 1 2.000000 a\nq2 Q0 y 2 1.999999 a\nq2 Q0 z 3 1.000000 a\nq1 Q0 z 1 0.500000 a\n"
	if b.String() != want {
		t.Errorf("run is\n%s", b.String())
	}
	again, err := ReadRun(&b)
	if err != nil || strings.Join(again.Documents("q2"), "") != "xyz" || again.Tag != "a" {
		t.Errorf("read %+v, %v", again, err)
	}
	if _, err := ReadRun(strings.NewReader("q1 Q0 x\n")); err == nil {
		t.Error("a damaged line is taken")
	}
}

func TestCompare(t *testing.T) {
	set := &Set{}
	a, b := &Run{Tag: "a"}, &Run{Tag: "b"}
	for i := range 40 {
		id := fmt.Sprint(i)
		set.Questions = append(set.Questions, Question{ID: id, Text: "question " + id, Relevant: map[string]int{"r": 1}})
		good, bad := []Ranked{{"r", 1}}, []Ranked{{"x", 2}, {"r", 1}}
		a.Add(id, good)
		if i%2 == 0 {
			b.Add(id, bad)
		} else {
			b.Add(id, good)
		}
	}
	c := Compare(set, a, b)
	if c.Questions != 40 || len(c.Won) != 20 || len(c.Lost) != 0 || c.Tied != 20 || c.Interval[0] <= 0 || c.Interval[1] >= 0.37 ||
		math.Abs(c.Mean-(1-1/math.Log2(3))/2) > 1e-9 {
		t.Errorf("comparison %+v", c)
	}
	if d := Compare(set, a, b); d.Interval != c.Interval {
		t.Error("the interval is not the same twice")
	}
	if c := Compare(set, a, &Run{}); c.Questions != 0 {
		t.Errorf("nothing in common: %+v", c)
	}
}

func FuzzReadRun(f *testing.F) {
	f.Add("q1 Q0 d1 1 0.5 tag\n")
	f.Add("q1 Q0 d1 x NaN tag")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ReadRun(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, q := range r.order {
			if len(r.Documents(q)) == 0 {
				t.Fatalf("question %q without documents", q)
			}
		}
	})
}

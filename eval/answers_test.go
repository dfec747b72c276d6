package eval_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lore-kb/lore/ask"
	"github.com/lore-kb/lore/eval"
	"github.com/lore-kb/lore/internal/memstore"
	"github.com/lore-kb/lore/store"
)

// officeSet writes a question set of an invented company and returns its folder.
func officeSet(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"corpus.jsonl": `{"_id":"travel","title":"Travel policy","text":"Staff on the road get 45 € a day for meals. Receipts are not needed for meals. A hotel may cost at most 140 € a night."}
{"_id":"office","title":"Office","text":"The office opens at 8:30 and closes at 19:00 on weekdays. Visitors register at the front desk in Building C."}
{"_id":"leave","title":"年假制度","text":"员工入职满一年后每年享有十五天年假。试用期内不能使用年假。年假须提前五个工作日申请。"}
`,
		"queries.jsonl": `{"_id":"q1","text":"How much may a hotel cost a night?"}
{"_id":"q2","text":"Where do visitors register?"}
{"_id":"q3","text":"员工每年享有多少天年假？"}
{"_id":"q4","text":"What is the boiling point of tungsten in kelvin?"}
{"_id":"q5","text":"谁发明了蒸汽机车？"}
`,
		"labels.jsonl": `{"_id":"q1","answerable":true,"type":"answerable"}
{"_id":"q2","answerable":true,"type":"answerable"}
{"_id":"q3","answerable":true,"type":"answerable"}
{"_id":"q4","answerable":false,"type":"off_topic"}
{"_id":"q5","answerable":false,"type":"off_topic"}
`,
		"answers.jsonl": `{"_id":"q1","answers":["140 €"]}
{"_id":"q2","answers":["the front desk"],"evidence":["Visitors register at the front desk in Building C."]}
{"_id":"q3","answers":["十五天"]}
`,
		"qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\ttravel\t1\nq2\toffice\t1\nq3\tleave\t1\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAnswers(t *testing.T) {
	dir := officeSet(t)
	var out bytes.Buffer
	r, err := eval.Answers(context.Background(), dir, &eval.AnswersOptions{Store: memstore.New(store.Model{}), Out: &out})
	if err != nil {
		t.Fatal(err)
	}
	if r.Questions != 5 || r.Answered != 3 || r.Containment != 1 || r.ContainmentFirst != 1 || r.VerifiedCitations != 1 ||
		r.RefusedUnanswerable != 1 || r.RefusedAnswerable != 0 || r.AUROC != 1 || r.CitationRecall != 1 || r.EvidencePrecision != 1 {
		t.Errorf("report %+v", r)
	}
	if got := r.ByType["off_topic"]; got.Questions != 2 || got.AUROC != 1 || got.RefusedUnanswerable != 1 {
		t.Errorf("off_topic %+v", got)
	}
	if n := len(r.Curve); n != 21 || r.Curve[0].RefusedAnswerable != 0 {
		t.Errorf("curve of %d points: %+v", n, r.Curve)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 5 {
		t.Fatalf("%d lines of answers", len(lines))
	}
	for _, line := range lines {
		var a struct {
			Right  bool
			Answer struct{ Status string }
		}
		if err := json.Unmarshal([]byte(line), &a); err != nil || !a.Right || a.Answer.Status == "" {
			t.Errorf("%v: %s", err, line)
		}
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"questions", "answered", "containment", "token_f1", "citation_precision", "citation_recall", "verified_citations", "refused_unanswerable", "refused_answerable", "auroc", "p50_ms", "by_type"} {
		if !strings.Contains(string(b), `"`+field+`":`) {
			t.Errorf("field %s is missing in %s", field, b)
		}
	}
}

// orderly scores texts by their order, and remembers that it was asked.
type orderly struct{ asked int }

func (o *orderly) Rerank(_ context.Context, _ string, texts []string) ([]float64, error) {
	o.asked++
	scores := make([]float64, len(texts))
	for i := range scores {
		scores[i] = -float64(i)
	}
	return scores, nil
}

func TestRerankerIsAsked(t *testing.T) {
	dir := officeSet(t)
	corpus, err := os.OpenFile(filepath.Join(dir, "corpus.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = corpus.WriteString(`{"_id":"town","title":"Town","text":"A hotel in town is a short walk away."}` + "\n")
	if err = errors.Join(err, corpus.Close()); err != nil {
		t.Fatal(err)
	}
	var o orderly
	if _, err := eval.Answers(context.Background(), dir, &eval.AnswersOptions{Store: memstore.New(store.Model{}), Reranker: &o}); err != nil || o.asked == 0 {
		t.Errorf("answers: asked %d times, %v", o.asked, err)
	}
	o.asked = 0
	if _, err := eval.Retrieval(context.Background(), dir, &eval.RetrievalOptions{Store: memstore.New(store.Model{}), Reranker: &o}); err != nil || o.asked == 0 {
		t.Errorf("retrieval: asked %d times, %v", o.asked, err)
	}
}

func TestAnswersHalvesAndErrors(t *testing.T) {
	dir := officeSet(t)
	total := 0
	for _, half := range []eval.Half{eval.HalfFirst, eval.HalfSecond} {
		r, err := eval.Answers(context.Background(), dir, &eval.AnswersOptions{Store: memstore.New(store.Model{}), Half: half, Caution: ask.CautionHigh})
		if err != nil {
			t.Fatal(err)
		}
		total += r.Questions
	}
	if total != 5 {
		t.Errorf("the halves have %d questions", total)
	}
	if _, err := eval.Answers(context.Background(), dir, nil); err == nil {
		t.Error("no store is no error")
	}
	if _, err := eval.Answers(context.Background(), filepath.Join(dir, "none"), &eval.AnswersOptions{Store: memstore.New(store.Model{})}); err == nil {
		t.Error("a missing folder is no error")
	}
}

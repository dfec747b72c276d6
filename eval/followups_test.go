package eval_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lore-kb/lore/ask"
	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
	"github.com/lore-kb/lore/internal/memstore"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/modeltest"
	"github.com/lore-kb/lore/retrieve"
	"github.com/lore-kb/lore/store"
)

// TestFollowups has sixty conversations about the example handbook, half of them
// Chinese: a question, and one that leans on it or, in a few, changes the
// subject. The golden file has the rank of the first passage of the document
// that answers, for the bare follow-up and for what it was rewritten to by rules.
func TestFollowups(t *testing.T) {
	const golden = "testdata/followups.golden"
	got := followups(t, nil)
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("follow-ups changed (accept with -update):\n%s", lineDiff(string(want), string(got)))
	}
}

// TestFollowupsWithModel prints the same with the rewritings of a real model,
// LORE_TEST_MODEL=PROVIDER:NAME at OPENAI_BASE_URL or OLLAMA_HOST.
func TestFollowupsWithModel(t *testing.T) {
	t.Logf("%s", followups(t, rewriter{modeltest.Real(t)}))
}

// rewriter leaves the answering of questions to the documents' own sentences: it
// is their rewriting that is looked at.
type rewriter struct{ model.Generator }

func (r rewriter) Generate(ctx context.Context, req model.Request, yield func(model.Delta) error) (*model.Completion, error) {
	if strings.Contains(req.Messages[len(req.Messages)-1].Text, "<passage ") {
		return nil, &model.Error{Kind: model.KindUnavailable, Message: "not asked for answers"}
	}
	return r.Generator.Generate(ctx, req, yield)
}

// followups asks the sixty conversations. The first question of each, and the
// bare follow-up, are answered without g.
func followups(t *testing.T, g model.Generator) []byte {
	ctx := context.Background()
	st := memstore.New(store.Model{})
	source, err := ingest.OpenFolder("../examples/handbook", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ingest.NewSyncer(st, extract.New(nil), &ingest.SyncOptions{Collection: "handbook"}).Sync(ctx, source); err != nil {
		t.Fatal(err)
	}
	assistant := ask.New(retrieve.New(st, nil), st, nil)
	talking := ask.New(retrieve.New(st, nil), st, &ask.Options{Generator: g})
	lines, err := os.ReadFile("testdata/followups.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	fmt.Fprintln(&out, "# rank of the first passage of the right document, bare and rewritten, 0 beyond 5; the rewritten question")
	bare, rewritten, n := 0, 0, 0
	for _, line := range strings.Split(strings.TrimSpace(string(lines)), "\n") {
		f := strings.Split(line, "\t")
		if len(f) != 3 {
			t.Fatalf("line %q", line)
		}
		first, err := assistant.Ask(ctx, ask.Question{Text: f[0]}, nil)
		if err != nil {
			t.Fatal(err)
		}
		alone, err := assistant.Ask(ctx, ask.Question{Text: f[1]}, nil)
		if err != nil {
			t.Fatal(err)
		}
		after, err := talking.Ask(ctx, ask.Question{Text: f[1], History: []ask.Turn{first.Turn(time.Unix(0, 0))}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		a, b := rankOf(alone, f[2]), rankOf(after, f[2])
		n++
		if a > 0 {
			bare++
		}
		if b > 0 {
			rewritten++
		}
		fmt.Fprintf(&out, "%d %d  %s → %s: %s\n", a, b, f[0], f[1], after.Standalone)
	}
	fmt.Fprintf(&out, "bare %d, rewritten %d of %d\n", bare, rewritten, n)
	return out.Bytes()
}

// rankOf is the rank of the first of five passages that is of a document; 0 when
// none is.
func rankOf(a *ask.Answer, path string) int {
	for i := range a.Passages[:min(5, len(a.Passages))] {
		if a.Passages[i].Path == path {
			return i + 1
		}
	}
	return 0
}

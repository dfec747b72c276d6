package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/lore-kb/lore/store/qdrantstore/qdranttest"
)

// TestKilledWhileEmbedding kills processes that embed and that switch the model,
// again and again, on both stores: each run goes on where the killed one was, and
// nothing is lost.
func TestKilledWhileEmbedding(t *testing.T) {
	for _, kind := range []string{"sqlite", "qdrant"} {
		t.Run(kind, func(t *testing.T) {
			isolate(t)
			if kind == "qdrant" {
				t.Setenv("LORE_STORE", "qdrant://"+qdranttest.Start(t).Address())
			}
			e := startEmbeddings(t)
			docs := t.TempDir()
			const notes = 400
			for i := range notes {
				text := fmt.Sprintf("# Note %d\n\nThe item with number %d lies in shelf %d of the northern store.\n", i, i, i%17)
				if err := os.WriteFile(filepath.Join(docs, fmt.Sprintf("note%03d.md", i)), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			lore(t, t.Context(), exitOK, "--embedder", "openai:small", "index", "--no-wait", docs)
			resume(t, e, "small", notes, "--embedder", "openai:small", "index")
			wantEmbedded(t, "openai:small", notes)
			resume(t, e, "large", notes, "model", "switch", "openai:large")
			wantEmbedded(t, "openai:large", notes)
			out, _ := lore(t, t.Context(), exitOK, "--embedder", "openai:large", "search", "item number 77 shelf")
			wantText(t, "search", out, "note077.md")
			lore(t, t.Context(), exitOK, "--embedder", "openai:large", "doctor")
			lore(t, t.Context(), exitOK, "model", "switch", "--rollback")
			wantEmbedded(t, "openai:small", notes)
		})
	}
}

// resume runs a command that embeds notes texts, kills it each time another fifth
// of them has been sent to the model, and runs it to its end. What was embedded
// before a kill must not all be embedded again.
func resume(t *testing.T, e *embeddingServer, model string, notes int, args ...string) {
	t.Helper()
	for kill := 1; kill <= 4; kill++ {
		cmd := exec.Command("lore", args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		reached := make(chan struct{}, 1)
		e.set(func(string, []string) bool {
			if e.embedded(model) >= kill*notes/5 {
				select {
				case reached <- struct{}{}:
				default:
				}
			}
			return true
		})
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case <-reached:
			_ = cmd.Process.Kill()
			<-ended
		case err := <-ended: // it was through before it could be killed
			if err != nil {
				t.Fatalf("lore %v: %v", args, err)
			}
		}
	}
	e.set(nil)
	if out, err := exec.Command("lore", args...).CombinedOutput(); err != nil {
		t.Fatalf("lore %v: %v\n%s", args, err, out)
	}
	// At most what a killed process had sent and not yet stored is sent again.
	if n := e.embedded(model); n > 3*notes {
		t.Errorf("%d texts were embedded by %s, of %d", n, model, notes)
	}
}

func wantEmbedded(t *testing.T, embedder string, notes int) {
	t.Helper()
	var status struct{ Current, Next *reportedModel }
	out, _ := lore(t, t.Context(), exitOK, "model", "status", "--json")
	if err := json.Unmarshal([]byte(out), &status); err != nil {
		t.Fatal(err)
	}
	if status.Current == nil || status.Current.Embedder != embedder || status.Current.Embedded != notes || status.Current.Chunks != notes || status.Next != nil {
		t.Errorf("the model is %+v, next %+v; want %s with %d", status.Current, status.Next, embedder, notes)
	}
}

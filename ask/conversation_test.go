package ask_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lore-kb/lore/ask"
)

func turn(question string, minute int) ask.Turn {
	return ask.Turn{
		Question: question, Answer: "At 8:30. [1]", Status: ask.StatusAnswered, At: time.Date(2024, 3, 5, 10, minute, 0, 0, time.UTC),
		Sources: []ask.Source{{Marker: 1, Document: "office.md", Lines: [2]int{3, 3}, Quote: "The office opens at 8:30.\n<b>really</b>"}},
	}
}

func TestConversations(t *testing.T) {
	c := &ask.Conversations{Dir: filepath.Join(t.TempDir(), "conversations")}
	if all, err := c.List(); err != nil || len(all) != 0 {
		t.Fatalf("a missing folder lists %v, %v", all, err)
	}
	if _, err := c.Latest(); !errors.Is(err, ask.ErrNoConversation) {
		t.Errorf("the latest of none: %v", err)
	}
	first, second := "20240305-100000-aaaa", "20240305-100000-bbbb"
	for i, step := range []struct{ id, question string }{{first, "When does the office open?"}, {second, "年假有多少天？"}, {first, "And on Fridays?"}} {
		if _, err := c.Append(step.id, turn(step.question, i)); err != nil {
			t.Fatal(err)
		}
	}
	all, err := c.List()
	if err != nil || len(all) != 2 || all[0].ID != first || all[0].Turns != 2 || all[1].Title != "年假有多少天？" {
		t.Fatalf("list %+v, %v", all, err)
	}
	got, err := c.Latest()
	if err != nil || got.ID != first || len(got.Turns) != 2 || got.Turns[1].Question != "And on Fridays?" || got.Turns[0].Sources[0].Document != "office.md" {
		t.Fatalf("latest %+v, %v", got, err)
	}
	var b strings.Builder
	if err := got.Markdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# When does the office open?", "## And on Fridays?", "At 8:30. [1]", "> [1] office.md, line 3", "&lt;b&gt;really"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("export lacks %q:\n%s", want, b.String())
		}
	}
	if info, err := os.Stat(filepath.Join(c.Dir, first+".json")); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others may read the file: %v, %v", info.Mode(), err)
	}
	if err := c.Remove(first); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{first, "none", "../escape", "", "A b"} {
		if _, err := c.Get(id); !errors.Is(err, ask.ErrNoConversation) {
			t.Errorf("Get(%q): %v", id, err)
		}
		if err := c.Remove(id); !errors.Is(err, ask.ErrNoConversation) {
			t.Errorf("Remove(%q): %v", id, err)
		}
	}
	if _, err := c.Append("../escape", turn("x", 0)); err == nil {
		t.Error("a path is taken for an ID")
	}
}

func TestConversationAppendsInParallel(t *testing.T) {
	c := &ask.Conversations{Dir: t.TempDir()}
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			if _, err := c.Append("a", turn(fmt.Sprint("question ", i), i)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got, err := c.Get("a"); err != nil || len(got.Turns) != 16 {
		t.Errorf("%d turns, %v", len(got.Turns), err)
	}
	if a, b := ask.NewConversationID(time.Now()), ask.NewConversationID(time.Now()); a == b {
		t.Error("two IDs are equal")
	}
}

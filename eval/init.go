package eval

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lore-kb/lore/store"
)

// examples is how many questions a new set begins with, for people to replace.
const examples = 5

// ErrNoDocuments says that a filter selects no document that could be asked for.
var ErrNoDocuments = errors.New("no documents to ask questions about")

// Init writes a question set of the documents that f selects into dir, and
// returns how many there are. The corpus is written anew each time, with the
// documents' paths as their IDs; questions, grades, answers and the README are
// written only where there are none, so that what people filled in is kept.
// The examples are documents spread over the set, each with a question that
// its title makes.
func Init(ctx context.Context, st store.Store, f store.Filter, dir string) (int, error) {
	if err := os.MkdirAll(filepath.Join(dir, "qrels"), 0o755); err != nil {
		return 0, fmt.Errorf("make question set: %w", err)
	}
	docs, err := writeCorpus(ctx, st, f, filepath.Join(dir, "corpus.jsonl"))
	if err != nil {
		return 0, fmt.Errorf("make question set: %w", err)
	}
	var queries, grades, answers strings.Builder
	grades.WriteString("query-id\tcorpus-id\tscore\n")
	for i := range min(examples, len(docs)) {
		d := docs[i*len(docs)/min(examples, len(docs))]
		id := fmt.Sprintf("q%d", i+1)
		title := d.Title
		if title == "" {
			title = d.ID
		}
		writeLine(&queries, struct {
			ID   string `json:"_id"`
			Text string `json:"text"`
		}{id, title})
		fmt.Fprintf(&grades, "%s\t%s\t1\n", id, d.ID)
		writeLine(&answers, struct {
			ID      string   `json:"_id"`
			Answers []string `json:"answers"`
		}{id, []string{title}})
	}
	for _, file := range []struct{ name, text string }{
		{"queries.jsonl", queries.String()}, {filepath.Join("qrels", "test.tsv"), grades.String()},
		{"answers.jsonl", answers.String()}, {"README.md", setReadme},
	} {
		if err := writeNew(filepath.Join(dir, file.name), file.text); err != nil {
			return 0, fmt.Errorf("make question set: %w", err)
		}
	}
	return len(docs), nil
}

// writeCorpus writes the documents and returns them without their texts. IDs
// have no tabs or line ends, which qrels could not hold.
func writeCorpus(ctx context.Context, st store.Store, f store.Filter, name string) (docs []Document, err error) {
	file, err := os.Create(name + ".new")
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := file.Close(); err == nil {
			err = e
		}
		if err == nil {
			err = os.Rename(name+".new", name)
		}
		if err != nil {
			_ = os.Remove(name + ".new")
		}
	}()
	w := bufio.NewWriter(file)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	clean := strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")
	seen := map[string]bool{}
	for info, err := range st.Documents(ctx, f) {
		if err != nil {
			return nil, err
		}
		if info.Chunks == 0 {
			continue
		}
		text, err := st.Text(ctx, info.ID)
		if errors.Is(err, store.ErrNotFound) {
			continue // removed a moment ago
		}
		if err != nil {
			return nil, err
		}
		d := Document{ID: clean.Replace(info.Path), Title: info.Title, Text: text}
		if seen[d.ID] { // the same path below another root
			d.ID = clean.Replace(info.URI)
		}
		seen[d.ID] = true
		if err := encoder.Encode(d); err != nil {
			return nil, err
		}
		d.Text = ""
		docs = append(docs, d)
	}
	if len(docs) == 0 {
		return nil, ErrNoDocuments
	}
	return docs, w.Flush()
}

// writeLine appends a line of JSON that people can read.
func writeLine(b *strings.Builder, value any) {
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)
}

// writeNew writes a file that is not there yet.
func writeNew(name, text string) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}

const setReadme = `# Questions about your own documents

Replace the examples by questions that people really ask. One question has a line
in each of these files, joined by its id:

- queries.jsonl: the question.
  {"_id": "q1", "text": "How many days of leave do I have?"}
- qrels/test.tsv: the documents that answer it, as in corpus.jsonl, separated by
  tabs. Several lines mean that each of them answers; a higher score is better.
  q1	policies/leave.md	1
- answers.jsonl: words that a right answer holds; any one of them is enough.
  {"_id": "q1", "answers": ["25 days", "twenty-five days"]}
- labels.jsonl, if you like: kinds of questions, to have figures for each, and
  questions that the documents do not answer.
  {"_id": "q2", "type": "none", "answerable": false}

Twenty questions show a trend, two hundred small differences. Ask as people ask, not
in the words of the document.

    lore eval retrieval THIS-FOLDER      are the documents found?
    lore eval answers THIS-FOLDER        are the answers right, and refused when they should be?

corpus.jsonl is made by "lore eval init"; run it again when documents have changed.
The other files are yours and are not touched again.
`

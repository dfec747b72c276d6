package eval

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// Document is one document of a question set.
type Document struct {
	ID    string `json:"_id"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

// Question is one question of a set with what is known of its answer.
type Question struct {
	ID         string
	Text       string
	Type       string         // "" when the set has no labels
	Relevant   map[string]int // grade by document ID; nil when none is known
	Answers    []string       // any of them in a passage answers
	Answerable bool           // false only where a label says so
}

// Set is a question set with its documents.
type Set struct {
	Dir       string
	Documents []Document
	Questions []Question // in the order of the file
	Unknown   []string   // documents that grades name and the corpus lacks, each once
}

// ReadSet reads a set in the layout of BEIR: corpus.jsonl or corpus.jsonl.gz,
// queries.jsonl, qrels/test.tsv, and optionally labels.jsonl (type, or verdict,
// and answerable by question) and answers.jsonl.
func ReadSet(dir string) (*Set, error) {
	s := &Set{Dir: dir}
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("read question set: %w", err)
	}
	corpus := filepath.Join(dir, "corpus.jsonl")
	if _, err := os.Stat(corpus); errors.Is(err, fs.ErrNotExist) {
		if corpus += ".gz"; notThere(corpus) {
			return nil, fmt.Errorf("read question set: %s has no corpus.jsonl or corpus.jsonl.gz, so it is none; `lore eval init` makes one of your documents", dir)
		}
	}
	err := readLines(corpus, func(d Document) error {
		if d.ID == "" {
			return errors.New("a document without _id")
		}
		s.Documents = append(s.Documents, d)
		return nil
	})
	if err != nil {
		return nil, err
	}
	at := make(map[string]int)
	err = readLines(filepath.Join(dir, "queries.jsonl"), func(q struct {
		ID   string `json:"_id"`
		Text string `json:"text"`
	}) error {
		if q.ID == "" {
			return errors.New("a question without _id")
		}
		at[q.ID] = len(s.Questions)
		s.Questions = append(s.Questions, Question{ID: q.ID, Text: q.Text, Answerable: true})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := s.readRelevance(filepath.Join(dir, "qrels", "test.tsv"), at); err != nil {
		return nil, err
	}
	err = optional(readLines(filepath.Join(dir, "labels.jsonl"), func(l struct {
		ID         string `json:"_id"`
		Type       string `json:"type"`
		Verdict    string `json:"verdict"`
		Answerable *bool  `json:"answerable"`
	}) error {
		if i, ok := at[l.ID]; ok {
			q := &s.Questions[i]
			if q.Type = l.Type; q.Type == "" {
				q.Type = l.Verdict
			}
			q.Answerable = l.Answerable == nil || *l.Answerable
		}
		return nil
	}))
	if err != nil {
		return nil, err
	}
	err = optional(readLines(filepath.Join(dir, "answers.jsonl"), func(a struct {
		ID      string   `json:"_id"`
		Answers []string `json:"answers"`
	}) error {
		if i, ok := at[a.ID]; ok {
			s.Questions[i].Answers = a.Answers
		}
		return nil
	}))
	if err != nil {
		return nil, err
	}
	return s, nil
}

func notThere(name string) bool {
	_, err := os.Stat(name)
	return errors.Is(err, fs.ErrNotExist)
}

func optional(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// readLines calls do with each line of a JSON Lines file.
func readLines[T any](name string, do func(T) error) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("read question set: %w", err)
	}
	defer f.Close()
	var r io.Reader = f
	if filepath.Ext(name) == ".gz" {
		z, err := gzip.NewReader(f)
		if err != nil {
			return fmt.Errorf("read question set %s: %w", name, err)
		}
		defer z.Close()
		r = z
	}
	d := json.NewDecoder(withoutMark(r))
	for n := 1; ; n++ {
		var v T
		err := d.Decode(&v)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = do(v)
		}
		if err != nil {
			return fmt.Errorf("read question set %s, record %d: %w", name, n, err)
		}
	}
}

// withoutMark buffers r and leaves out the byte order mark that some editors write
// at the beginning.
func withoutMark(r io.Reader) io.Reader {
	const mark = "\ufeff"
	b := bufio.NewReaderSize(r, 1<<20)
	if begin, _ := b.Peek(len(mark)); string(begin) == mark {
		_, _ = b.Discard(len(mark))
	}
	return b
}

// readRelevance reads grades, one line of question, document and grade each,
// separated by tabs.
func (s *Set) readRelevance(name string, at map[string]int) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("read question set: %w", err)
	}
	defer f.Close()
	known := make(map[string]bool, len(s.Documents))
	for _, d := range s.Documents {
		known[d.ID] = true
	}
	r := csv.NewReader(withoutMark(f))
	r.Comma, r.LazyQuotes, r.FieldsPerRecord = '\t', true, -1
	for n := 1; ; n++ {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read question set %s: %w", name, err)
		}
		if len(row) == 4 { // TREC's layout has a column of its own between
			row = []string{row[0], row[2], row[3]}
		}
		if len(row) != 3 {
			return fmt.Errorf("read question set %s, line %d: %d columns, want 3 with tabs between them", name, n, len(row))
		}
		grade, err := strconv.Atoi(row[2])
		if err != nil {
			if n == 1 {
				continue // header
			}
			return fmt.Errorf("read question set %s, line %d: grade %q", name, n, row[2])
		}
		i, ok := at[row[0]]
		if !ok || grade <= 0 {
			continue
		}
		if !known[row[1]] {
			known[row[1]] = true
			s.Unknown = append(s.Unknown, row[1])
		}
		if s.Questions[i].Relevant == nil {
			s.Questions[i].Relevant = make(map[string]int)
		}
		s.Questions[i].Relevant[row[1]] = grade
	}
}

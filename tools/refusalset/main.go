// Refusalset makes a question set on which refusals can be measured out of one on
// which they cannot: of a set in BEIR's layout it takes away the documents of some
// questions, and adds questions of other sets.
//
//	go run ./refusalset -out DIR SET [OTHER ...]
//
// Of the titles of SET about a third lose all of their documents (the questions
// become of type article_removed); of the other documents with questions a third
// are taken away too (passage_removed), unless another document holds a gold
// answer of theirs together with a third of the question. Questions of the other
// sets (off_topic) are as many as those that keep their document (answerable).
// Which are taken is told by a hash of their names, and the order of the questions
// too, so that the same sets always give the same set.
package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"hash/fnv"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

type document struct {
	ID    string `json:"_id"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

type question struct {
	ID   string `json:"_id"`
	Text string `json:"text"`
}

type answers struct {
	ID      string   `json:"_id"`
	Answers []string `json:"answers"`
}

type label struct {
	ID         string `json:"_id"`
	Answerable bool   `json:"answerable"`
	Type       string `json:"type"`
}

type set struct {
	documents []document
	questions []question
	answers   map[string][]string
	relevant  map[string][]string
}

func main() {
	log.SetFlags(0)
	out := flag.String("out", "", "the `folder` to write")
	flag.Parse()
	if *out == "" || flag.NArg() < 1 {
		log.Fatal("usage: refusalset -out DIR SET [OTHER ...]")
	}
	s, err := read(flag.Arg(0))
	if err != nil {
		log.Fatal(err)
	}
	var others []set
	for _, name := range flag.Args()[1:] {
		o, err := read(name)
		if err != nil {
			log.Fatal(err)
		}
		others = append(others, o)
	}
	if err := write(*out, s, others); err != nil {
		log.Fatal(err)
	}
}

func lines[T any](name string, each func(T)) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	d := json.NewDecoder(bufio.NewReader(f))
	for d.More() {
		var v T
		if err := d.Decode(&v); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		each(v)
	}
	return nil
}

func read(dir string) (set, error) {
	s := set{answers: map[string][]string{}, relevant: map[string][]string{}}
	if err := lines(filepath.Join(dir, "corpus.jsonl"), func(d document) { s.documents = append(s.documents, d) }); err != nil {
		return s, err
	}
	if err := lines(filepath.Join(dir, "queries.jsonl"), func(q question) { s.questions = append(s.questions, q) }); err != nil {
		return s, err
	}
	if err := lines(filepath.Join(dir, "answers.jsonl"), func(a answers) { s.answers[a.ID] = a.Answers }); err != nil {
		return s, err
	}
	f, err := os.Open(filepath.Join(dir, "qrels", "test.tsv"))
	if err != nil {
		return s, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes, r.FieldsPerRecord = '\t', true, -1
	rows, err := r.ReadAll()
	if err != nil {
		return s, err
	}
	for _, row := range rows[1:] {
		s.relevant[row[0]] = append(s.relevant[row[0]], row[1])
	}
	return s, nil
}

// order is a number between 0 and 1 that belongs to a name.
func order(name string) float64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11) / (1 << 53)
}

func write(dir string, s set, others []set) error {
	// Documents without a title are their own article, and those of a question set
	// that stand side by side are mostly of one: five in a row share a fate.
	article := map[string]string{}
	asked := map[string]bool{}
	for _, list := range s.relevant {
		for _, d := range list {
			asked[d] = true
		}
	}
	for i, d := range s.documents {
		article[d.ID] = d.Title
		if d.Title == "" {
			article[d.ID] = fmt.Sprintf("row %d", i/5)
		}
	}
	fate := func(id string) string {
		switch {
		case order("article "+article[id]) < 1.0/3:
			return "article_removed"
		case asked[id] && order("passage "+id) < 1.0/3:
			return "passage_removed"
		}
		return "answerable"
	}
	var kept []document
	for _, d := range s.documents {
		if fate(d.ID) == "answerable" {
			kept = append(kept, d)
		}
	}
	type entry struct {
		question
		kind     string
		relevant []string
		answers  []string
	}
	var all []entry
	answerable := 0
	for _, q := range s.questions {
		if len(s.relevant[q.ID]) == 0 {
			continue
		}
		kind := fate(s.relevant[q.ID][0])
		if kind != "answerable" && told(kept, q.Text, s.answers[q.ID]) {
			continue
		}
		if kind == "answerable" {
			answerable++
		}
		all = append(all, entry{q, kind, s.relevant[q.ID], s.answers[q.ID]})
	}
	for _, o := range others {
		questions := slices.Clone(o.questions)
		slices.SortFunc(questions, func(a, b question) int { return strings.Compare(key(a.ID), key(b.ID)) })
		for _, q := range questions[:min(len(questions), answerable/len(others))] {
			q.ID = "off-" + q.ID
			if !told(kept, q.Text, o.answers[strings.TrimPrefix(q.ID, "off-")]) {
				all = append(all, entry{question: q, kind: "off_topic"})
			}
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return strings.Compare(key(a.ID), key(b.ID)) })

	if err := os.MkdirAll(filepath.Join(dir, "qrels"), 0o755); err != nil {
		return err
	}
	var corpus, queries, gold, labels []any
	qrels := "query-id\tcorpus-id\tscore\n"
	count := map[string]int{}
	for _, d := range kept {
		corpus = append(corpus, d)
	}
	for _, e := range all {
		count[e.kind]++
		queries = append(queries, e.question)
		labels = append(labels, label{e.ID, e.kind == "answerable", e.kind})
		if e.kind == "answerable" {
			gold = append(gold, answers{e.ID, e.answers})
			for _, d := range e.relevant {
				qrels += e.ID + "\t" + d + "\t1\n"
			}
		}
	}
	for name, list := range map[string][]any{"corpus": corpus, "queries": queries, "answers": gold, "labels": labels} {
		if err := jsonLines(filepath.Join(dir, name+".jsonl"), list); err != nil {
			return err
		}
	}
	fmt.Printf("%s: %d documents, questions %v\n", dir, len(kept), count)
	return os.WriteFile(filepath.Join(dir, "qrels", "test.tsv"), []byte(qrels), 0o644)
}

// key sorts by an order of its own.
func key(id string) string { return fmt.Sprintf("%.12f", order("question "+id)) }

// told reports whether a document holds an answer and a third of the question's
// words, or pairs of Han characters.
func told(documents []document, text string, answers []string) bool {
	parts := pieces(text)
	for _, d := range documents {
		holds := false
		for _, a := range answers {
			holds = holds || strings.Contains(strings.ToLower(d.Text), strings.ToLower(a))
		}
		if !holds {
			continue
		}
		n := 0
		for _, p := range parts {
			if strings.Contains(strings.ToLower(d.Text), p) {
				n++
			}
		}
		if 3*n >= len(parts) {
			return true
		}
	}
	return false
}

func pieces(text string) []string {
	var out []string
	var last rune
	word := ""
	flush := func() {
		if len(word) > 3 {
			out = append(out, word)
		}
		word = ""
	}
	for _, r := range strings.ToLower(text) {
		switch {
		case r >= 0x4e00 && r <= 0x9fff:
			flush()
			if last != 0 {
				out = append(out, string([]rune{last, r}))
			}
			last = r
			continue
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			word += string(r)
		default:
			flush()
		}
		last = 0
	}
	flush()
	return out
}

func jsonLines(name string, list []any) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	e := json.NewEncoder(f)
	e.SetEscapeHTML(false)
	for _, v := range list {
		if err := e.Encode(v); err != nil {
			f.Close()
			return err
		}
	}
	return f.Close()
}

package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
)

// corpus is what every engine gets: chunks of text with a vector each, and
// questions with theirs.
type corpus struct {
	Texts, Vectors             string // files; chunk n is line n and vector n, from 0
	Questions, QuestionVectors string
	Dimension                  int
	Chunks, Asked              int
	Bytes                      int64 // of all chunks
	Made                       bool  // by generate
}

// prepare generates the files that are not given and counts the rest.
func (c *corpus) prepare(dir string) error {
	given := 0
	for _, f := range []string{c.Texts, c.Vectors, c.Questions, c.QuestionVectors} {
		if f != "" {
			given++
		}
	}
	if given != 0 && given != 4 {
		return errors.New("-texts, -vectors, -questions and -question-vectors go together: give all of them or none")
	}
	if c.Dimension < 1 || c.Chunks < 1 || c.Asked < 1 {
		return errors.New("-dim, -chunks and -asked must be positive")
	}
	if given == 0 {
		if err := c.generate(filepath.Join(dir, fmt.Sprintf("generated-%d-%d-%d", c.Chunks, c.Asked, c.Dimension))); err != nil {
			return err
		}
	}
	lines, err := countLines(c.Texts)
	if err != nil {
		return err
	}
	vectors, err := countVectors(c.Vectors, c.Dimension)
	if err != nil {
		return err
	}
	if lines != vectors {
		return fmt.Errorf("%s has %d lines, %s %d vectors of %d numbers", c.Texts, lines, c.Vectors, vectors, c.Dimension)
	}
	c.Chunks = min(c.Chunks, lines)
	questions, err := countLines(c.Questions)
	if err != nil {
		return err
	}
	if n, err := countVectors(c.QuestionVectors, c.Dimension); err != nil || n != questions {
		return errors.Join(err, fmt.Errorf("%s has %d lines, %s %d vectors", c.Questions, questions, c.QuestionVectors, n))
	}
	c.Asked = min(c.Asked, questions)
	c.Bytes = 0
	return c.eachText(func(_ int, text string) error { c.Bytes += int64(len(text)); return nil })
}

func countLines(file string) (int, error) {
	n := 0
	err := eachLine(file, math.MaxInt, func(int, string) error { n++; return nil })
	return n, err
}

func countVectors(file string, dimension int) (int, error) {
	info, err := os.Stat(file)
	if err != nil {
		return 0, err
	}
	if info.Size()%int64(4*dimension) != 0 {
		return 0, fmt.Errorf("%s does not hold vectors of %d numbers", file, dimension)
	}
	return int(info.Size() / int64(4*dimension)), nil
}

// eachLine visits the lines of a file; of one that ends in .jsonl the texts of its
// objects.
func eachLine(file string, limit int, visit func(n int, line string) error) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	objects := filepath.Ext(file) == ".jsonl"
	for n := 0; n < limit && lines.Scan(); n++ {
		text := lines.Text()
		if objects {
			var line struct{ Text string }
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
				return fmt.Errorf("%s, line %d: %w", file, n+1, err)
			}
			text = line.Text
		}
		if err := visit(n, text); err != nil {
			return err
		}
	}
	return lines.Err()
}

// eachText visits the chunks in order.
func (c *corpus) eachText(visit func(n int, text string) error) error {
	return eachLine(c.Texts, c.Chunks, visit)
}

// vectorReader reads vectors one after the other.
type vectorReader struct {
	file *os.File
	in   *bufio.Reader
	raw  []byte
}

func openVectors(file string, dimension int) (*vectorReader, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	return &vectorReader{file: f, in: bufio.NewReaderSize(f, 1<<20), raw: make([]byte, 4*dimension)}, nil
}

func (r *vectorReader) next() ([]float32, error) {
	if _, err := io.ReadFull(r.in, r.raw); err != nil {
		return nil, err
	}
	v := make([]float32, len(r.raw)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(r.raw[4*i:]))
	}
	return v, nil
}

func (r *vectorReader) Close() error { return r.file.Close() }

// eachVector visits the vectors of the chunks in order.
func (c *corpus) eachVector(visit func(n int, v []float32) error) error {
	return eachVector(c.Vectors, c.Dimension, c.Chunks, visit)
}

func eachVector(file string, dimension, limit int, visit func(n int, v []float32) error) error {
	r, err := openVectors(file, dimension)
	if err != nil {
		return err
	}
	defer r.Close()
	for n := range limit {
		v, err := r.next()
		if err != nil {
			return err
		}
		if err := visit(n, v); err != nil {
			return err
		}
	}
	return nil
}

// question is what an engine is asked: by words or by vector.
type question struct {
	text   string
	vector []float32
}

func (c *corpus) questions() ([]question, error) {
	out := make([]question, c.Asked)
	if err := eachLine(c.Questions, c.Asked, func(n int, line string) error { out[n].text = line; return nil }); err != nil {
		return nil, err
	}
	err := eachVector(c.QuestionVectors, c.Dimension, c.Asked, func(n int, v []float32) error { out[n].vector = v; return nil })
	return out, err
}

func readJSON(file string, into any) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

func writeJSON(file string, from any) error {
	b, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o644)
}

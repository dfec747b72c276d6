package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// What generated text is like: words by Zipf's law, a third of each chunk from
// the words of its topic, sentences of 6 to 20 words, some 1,200 bytes a chunk.
const (
	vocabulary   = 60_000
	topicWords   = 150
	chunkBytes   = 1200
	chunksATopic = 100
	topicShare   = 0.3
	zipfExponent = 1.1
	// Spread of a vector about its topic's centre, and of a question's about
	// its chunk's, in units of one coordinate of the centre.
	chunkSpread    = 0.8
	questionSpread = 0.5
)

// generate makes the four files in dir, or finds them there. The same numbers
// give the same bytes on every machine.
func (c *corpus) generate(dir string) error {
	c.Made = true
	c.Texts, c.Vectors = filepath.Join(dir, "texts.txt"), filepath.Join(dir, "vectors.f32")
	c.Questions, c.QuestionVectors = filepath.Join(dir, "questions.txt"), filepath.Join(dir, "questions.f32")
	done := filepath.Join(dir, "done")
	if _, err := os.Stat(done); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	words := makeWords(vocabulary)
	topics := max(1, c.Chunks/chunksATopic)
	asked := make(map[int][]int, c.Asked) // chunk → questions about it
	draw := rand.New(rand.NewPCG(1, uint64(c.Chunks)))
	about := make([]int, c.Asked)
	for q := range about {
		about[q] = draw.IntN(c.Chunks)
		asked[about[q]] = append(asked[about[q]], q)
	}
	questions, questionVectors := make([]string, c.Asked), make([][]float32, c.Asked)
	err := writeAll(c.Texts, func(texts *bufio.Writer) error {
		return writeAll(c.Vectors, func(vectors *bufio.Writer) error {
			for n := range c.Chunks {
				r := rand.New(rand.NewPCG(2, uint64(n)))
				topic := r.IntN(topics)
				text := makeText(r, words, topic)
				vector := makeVector(r, topic, c.Dimension)
				texts.WriteString(text)
				texts.WriteByte('\n')
				if err := putVector(vectors, vector); err != nil {
					return err
				}
				for _, q := range asked[n] {
					r := rand.New(rand.NewPCG(3, uint64(q)))
					questions[q] = makeQuestion(r, text)
					questionVectors[q] = spread(r, vector, questionSpread)
				}
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.Questions, []byte(strings.Join(questions, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	if err := writeAll(c.QuestionVectors, func(w *bufio.Writer) error {
		for _, v := range questionVectors {
			if err := putVector(w, v); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	return os.WriteFile(done, nil, 0o644)
}

func writeAll(file string, write func(*bufio.Writer) error) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	return errors.Join(write(w), w.Flush(), f.Close())
}

func putVector(w io.Writer, v []float32) error {
	raw := make([]byte, 4*len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(x))
	}
	_, err := w.Write(raw)
	return err
}

// makeWords returns n different words, common ones short.
func makeWords(n int) []string {
	onsets := strings.Fields("b c d f g h l m n p r s t v st tr pl gr sh th br cl")
	vowels := strings.Fields("a e i o u ai ea ou")
	codas := strings.Fields("n r s t l m nd rt ck ng")
	r := rand.New(rand.NewPCG(4, 0))
	seen := make(map[string]bool, n)
	out := make([]string, 0, n)
	for len(out) < n {
		var b strings.Builder
		for range 1 + min(3, len(out)/2000) {
			b.WriteString(onsets[r.IntN(len(onsets))])
			b.WriteString(vowels[r.IntN(len(vowels))])
			if r.IntN(3) == 0 {
				b.WriteString(codas[r.IntN(len(codas))])
			}
		}
		if w := b.String(); !seen[w] {
			seen[w] = true
			out = append(out, w)
		} else if len(seen) > 1500 && len(out) < 2000 {
			out = append(out, w+"s") // short words run out
			seen[w+"s"] = true
		}
	}
	return out
}

func makeText(r *rand.Rand, words []string, topic int) string {
	common := rand.NewZipf(r, zipfExponent, 8, uint64(len(words)-1))
	var b strings.Builder
	for b.Len() < chunkBytes {
		for i, n := 0, 6+r.IntN(15); i < n; i++ {
			w := words[common.Uint64()]
			if r.Float64() < topicShare {
				// The words of a topic are scattered over the vocabulary.
				w = words[(uint64(topic)*7919+uint64(r.IntN(topicWords))*104729)%uint64(len(words))]
			}
			if i > 0 {
				b.WriteByte(' ')
			} else {
				w = strings.ToUpper(w[:1]) + w[1:]
			}
			b.WriteString(w)
		}
		b.WriteString(". ")
	}
	return strings.TrimSuffix(b.String(), " ")
}

// makeQuestion takes two runs of words out of a text.
func makeQuestion(r *rand.Rand, text string) string {
	words := strings.Fields(strings.ToLower(strings.ReplaceAll(text, ".", "")))
	first, second := r.IntN(len(words)-8), r.IntN(len(words)-8)
	return strings.Join(words[first:first+3+r.IntN(3)], " ") + " " + strings.Join(words[second:second+3+r.IntN(3)], " ")
}

func makeVector(r *rand.Rand, topic, dimension int) []float32 {
	centre := rand.New(rand.NewPCG(5, uint64(topic)))
	v := make([]float32, dimension)
	for i := range v {
		v[i] = float32(centre.NormFloat64() + chunkSpread*r.NormFloat64())
	}
	return normalise(v)
}

// spread returns a neighbour of a unit vector.
func spread(r *rand.Rand, v []float32, by float64) []float32 {
	scale := by / math.Sqrt(float64(len(v)))
	out := make([]float32, len(v))
	for i := range v {
		out[i] = v[i] + float32(scale*r.NormFloat64())
	}
	return normalise(out)
}

func normalise(v []float32) []float32 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return v
	}
	scale := float32(1 / math.Sqrt(sum))
	for i := range v {
		v[i] *= scale
	}
	return v
}

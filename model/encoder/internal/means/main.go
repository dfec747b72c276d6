// Command means computes the mean vectors that the encoder takes off its vectors:
// of English and Chinese passages and questions. One part of the text is that of
// package neutral. The means of passages are half that and half of paragraphs of
// real documents, where folders of Markdown are given. The committed means were made
// with the pages of the 18F handbook, and the English and Chinese documentation of
// Apache APISIX:
//
//	means -o means.bin -english HANDBOOK,APISIX/docs/en -chinese APISIX/docs/zh
package main

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/encoder"
	"github.com/lore-kb/lore/model/neutral"
)

// The number of patterns that each topic is put into.
const (
	questionsPerTopic = 4
	passagesPerTopic  = 3
)

// paragraphsPerFolder is how many paragraphs of a folder count.
const paragraphsPerFolder = 120

func main() {
	out := flag.String("o", "means.bin", "file to write")
	english := flag.String("english", "", "folders of English Markdown, comma-separated")
	chinese := flag.String("chinese", "", "folders of Chinese Markdown, comma-separated")
	flag.Parse()
	if err := run(*out, *english, *chinese); err != nil {
		fmt.Fprintln(os.Stderr, "means:", err)
		os.Exit(1)
	}
}

func run(name, english, chinese string) error {
	e, err := encoder.New(encoder.Options{Uncentred: true})
	if err != nil {
		return err
	}
	var file []byte
	// The order is that of the encoder's openMeans.
	for _, set := range []struct {
		task    model.Task
		texts   []string
		folders string
	}{
		{model.TaskPassage, neutral.Passages("en", passagesPerTopic), english},
		{model.TaskQuery, neutral.Questions("en", questionsPerTopic), ""},
		{model.TaskPassage, neutral.Passages("zh", passagesPerTopic), chinese},
		{model.TaskQuery, neutral.Questions("zh", questionsPerTopic), ""},
	} {
		m, err := mean(e, set.task, set.texts)
		if err != nil {
			return err
		}
		if set.folders != "" {
			var found []string
			for _, folder := range strings.Split(set.folders, ",") {
				some, err := paragraphs(folder, paragraphsPerFolder)
				if err != nil {
					return err
				}
				found = append(found, some...)
			}
			documents, err := mean(e, set.task, found)
			if err != nil {
				return fmt.Errorf("%s: %w", set.folders, err)
			}
			for i := range m {
				m[i] = (m[i] + documents[i]) / 2
			}
		}
		for _, v := range m {
			file = binary.LittleEndian.AppendUint32(file, math.Float32bits(float32(v)))
		}
	}
	return os.WriteFile(name, file, 0o644)
}

// mean returns the mean of the texts' vectors.
func mean(e *encoder.Encoder, task model.Task, texts []string) ([]float64, error) {
	if len(texts) == 0 {
		return nil, fmt.Errorf("no text for the mean of a %s", task)
	}
	vectors, err := e.Embed(context.Background(), task, texts)
	if err != nil {
		return nil, err
	}
	m := make([]float64, e.Info().Dimension)
	for _, v := range vectors {
		for i, f := range v {
			m[i] += float64(f) / float64(len(vectors))
		}
	}
	return m, nil
}

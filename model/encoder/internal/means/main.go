// Command means computes the mean vectors that the encoder takes off its vectors:
// of English and Chinese passages and questions. The text is its own: many topics
// put into patterns of many kinds of writing, the same in both languages, so that
// a mean says what language and task a vector is of, and nothing else.
//
//	means -o means.bin
package main

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"os"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/encoder"
)

func main() {
	out := flag.String("o", "means.bin", "file to write")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "means:", err)
		os.Exit(1)
	}
}

func run(name string) error {
	e, err := encoder.New(encoder.Options{Uncentred: true})
	if err != nil {
		return err
	}
	var file []byte
	// The order is that of the encoder's openMeans.
	for _, set := range []struct {
		task  model.Task
		texts []string
	}{
		{model.TaskPassage, texts(0, englishPassages, passagesPerTopic)},
		{model.TaskQuery, texts(0, englishQuestions, questionsPerTopic)},
		{model.TaskPassage, texts(1, chinesePassages, passagesPerTopic)},
		{model.TaskQuery, texts(1, chineseQuestions, questionsPerTopic)},
	} {
		vectors, err := e.Embed(context.Background(), set.task, set.texts)
		if err != nil {
			return err
		}
		sums := make([]float64, e.Info().Dimension)
		for _, v := range vectors {
			for i, f := range v {
				sums[i] += float64(f)
			}
		}
		for _, s := range sums {
			file = binary.LittleEndian.AppendUint32(file, math.Float32bits(float32(s/float64(len(vectors)))))
		}
	}
	return os.WriteFile(name, file, 0o644)
}

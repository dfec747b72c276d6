package neutral

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/lore-kb/lore/model"
)

func TestTopicsAreInBothLanguages(t *testing.T) {
	for line := range strings.Lines(topics) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) != 2 || f[0] == "" || f[1] == "" {
			t.Errorf("topic %q is not a pair", line)
		}
	}
	if a, b := len(englishPassages), len(chinesePassages); a != b {
		t.Errorf("%d English patterns of passages, %d Chinese", a, b)
	}
	if a, b := len(englishQuestions), len(chineseQuestions); a != b {
		t.Errorf("%d English patterns of questions, %d Chinese", a, b)
	}
	for _, s := range Questions("zh", 4) {
		if strings.Contains(s, "*") {
			t.Fatalf("a pattern was left unfilled: %s", s)
		}
	}
}

// clustering embeds a text as what all texts of its language and task share, plus
// a little of its own by its place.
func clustering(_ context.Context, task model.Task, list []string) ([][]float32, error) {
	var out [][]float32
	for i, text := range list {
		v := make([]float32, 4+batch)
		v[0], v[1+int(task)] = 3, 1
		v[4+i] = 1
		if strings.ContainsFunc(text, func(r rune) bool { return r > 0x4e00 }) {
			v[3] = 2
			v[4+(i+1)%batch] = 0.5
		}
		for k := range v {
			v[k] *= 7 // lengths do not matter
		}
		out = append(out, v)
	}
	return out, nil
}

func TestLearn(t *testing.T) {
	c, err := Learn(t.Context(), clustering)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Means) != 4 {
		t.Fatalf("means of %d kinds of text", len(c.Means))
	}
	n := math.Sqrt(9 + 1 + 1)
	if m := c.Means["en/query"]; math.Abs(float64(m[0])-3/n) > 1e-6 || math.Abs(float64(m[2])-1/n) > 1e-6 || m[3] != 0 {
		t.Errorf("mean of English questions begins %v", m[:4])
	}
	if m := c.Means["zh/passage"]; m[3] == 0 || m[1] == 0 || m[2] != 0 {
		t.Errorf("mean of Chinese passages begins %v", m[:4])
	}
	if c.OwnLanguage < 0.05 || c.OwnLanguage > 0.2 {
		t.Errorf("own language %.3f", c.OwnLanguage)
	}
	if len(c.Languages) != 2 {
		t.Errorf("languages %v", c.Languages)
	}
	blind := func(ctx context.Context, task model.Task, list []string) ([][]float32, error) {
		v, err := clustering(ctx, task, list)
		for i := range v {
			if v[i][3] != 0 {
				v[i] = []float32{1, 0, 0, float32(i % 3), float32(task)}
			}
			v[i] = append(v[i], make([]float32, 4+batch-len(v[i]))...)
		}
		return v, err
	}
	if b, err := Learn(t.Context(), blind); err != nil || len(b.Languages) != 1 || b.Languages[0] != "en" {
		t.Errorf("a model that does not know Chinese: %v, %v", b.Languages, err)
	}
	again, err := Learn(t.Context(), clustering)
	if err != nil || again.OwnLanguage != c.OwnLanguage {
		t.Errorf("again: %v, %v", again.OwnLanguage, err)
	}
	broken := errors.New("no server")
	if _, err := Learn(t.Context(), func(context.Context, model.Task, []string) ([][]float32, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	for name, v := range map[string][][]float32{"none": nil, "empty": make([][]float32, batch), "of two lengths": append(make([][]float32, batch-1, batch), []float32{1})} {
		if _, err := Learn(t.Context(), func(context.Context, model.Task, []string) ([][]float32, error) { return v, nil }); err == nil {
			t.Errorf("vectors %s are no error", name)
		}
	}
}

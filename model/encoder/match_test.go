package encoder

import (
	"context"
	"encoding/binary"
	"flag"
	"math"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/lore-kb/lore/model"
)

var update = flag.Bool("update", false, "write pieces.bin or rows.bin anew; a few minutes")

// neutralQuestions are of no collection: their rows' mean says what a question's
// piece is like when nothing is known of it.
var neutralQuestions = []string{
	"What is known about mountain lakes?", "when did steam engines first become important", "Who was responsible for the sales tax, and in which year?",
	"How much does a lung infection cost a hospital?", "why is the town council so often discussed", "Where can I read more about violin concertos?",
	"how do I deal with database backups", "Which rules apply to the wheat harvest?", "How many people vote in an election campaign every year?",
	"difference between football referees and linesmen", "What happened to the ancient city wall after the war?", "In what country did solar panels begin?",
	"What was the name of the person most closely connected with coral reefs?", "Is it allowed to change a rental contract?",
	"关于高山湖泊有哪些已知的情况？", "蒸汽机最早是什么时候变得重要的", "谁负责销售税，是在哪一年？", "治疗肺部感染要花多少钱？", "为什么人们经常讨论市议会",
	"在哪里可以读到更多关于小提琴协奏曲的内容？", "怎么处理数据库备份", "小麦收成适用哪些规定？", "每年有多少人参加竞选活动？", "足球裁判和边裁有什么区别",
	"战后古城墙发生了什么？", "太阳能电池板起源于哪个国家？", "与珊瑚礁关系最密切的人叫什么名字？", "可以更改租赁合同吗？",
}

// states returns the last rows of row lists, without their marks and the prefix.
func states(t *testing.T, e *Encoder, lists [][]int32, prefixed int) []float32 {
	t.Helper()
	ws := new(workspace)
	var out []float32
	for part := range slices.Chunk(lists, 40) {
		var rows []int32
		starts := []int{0}
		vectors := make([][]float32, len(part))
		for i, list := range part {
			rows = append(rows, list...)
			starts = append(starts, len(rows))
			vectors[i] = make([]float32, e.info.Dimension)
		}
		if err := e.net.run(ws, rows, starts, vectors, func() error { return nil }); err != nil {
			t.Fatal(err)
		}
		for i, list := range part {
			from, to := inner(len(list), prefixed)
			out = append(out, ws.x[(starts[i]+from)*e.info.Dimension:(starts[i]+to)*e.info.Dimension]...)
		}
	}
	return out
}

// alone returns the rows of each piece behind the prefix of passages.
func alone(e *Encoder, pieces []int32) (lists [][]int32, prefixed int) {
	c := new(call)
	c.pieces = c.cutter.Cut(e.pieces, nil, 0, "passage:")
	head := append([]int32{int32(e.net.w.Begin())}, c.pieces...)
	for _, p := range pieces {
		lists = append(lists, append(slices.Clone(head), p, int32(e.net.w.End())))
	}
	return lists, len(c.pieces)
}

// build makes the table.
func build(t *testing.T, e *Encoder) []byte {
	hidden, n := e.info.Dimension, e.net.w.Pieces
	all := make([]int32, n)
	for i := range all {
		all[i] = int32(i)
	}
	lists, prefixed := alone(e, all)
	halves := [2][]float32{}
	var wg sync.WaitGroup
	for h, part := range [2][][]int32{lists[:n/2], lists[n/2:]} {
		wg.Go(func() { halves[h] = states(t, e, part, prefixed) })
	}
	wg.Wait()
	rows := slices.Concat(halves[0], halves[1])

	centre := make([]float64, hidden)
	for i, f := range rows {
		centre[i%hidden] += float64(f) / float64(n)
	}
	for i := range rows {
		rows[i] -= float32(centre[i%hidden])
	}
	var questions [2][][]int32 // English, Chinese
	c := new(call)
	for _, q := range neutralQuestions {
		e.cut(c, model.TaskQuery, []string{q})
		l := int(chineseShare(q) + 0.5)
		questions[l] = append(questions[l], slices.Clone(c.rows))
	}
	english, chinese := rowsMean(states(t, e, questions[0], e.prefixed[model.TaskQuery]), hidden), rowsMean(states(t, e, questions[1], e.prefixed[model.TaskQuery]), hidden)
	mean, asked := make([]float32, hidden), make([]float32, hidden)
	for i := range mean {
		mean[i], asked[i] = (english[i]+chinese[i])/2, chinese[i]-english[i]
	}
	// What tells the languages apart is taken off: the direction between their
	// questions, and that between the pieces on its two sides.
	normalise(asked)
	var sides [2][]float32
	for r := range n {
		side := 0
		if product(asked, rows[r*hidden:][:hidden]) > 0 {
			side = 1
		}
		sides[side] = append(sides[side], rows[r*hidden:][:hidden]...)
	}
	apart, other := rowsMean(sides[1], hidden), rowsMean(sides[0], hidden)
	for i := range apart {
		apart[i] -= other[i]
	}
	without(apart, asked)
	normalise(apart)
	for r := range n {
		without(rows[r*hidden:][:hidden], asked)
		without(rows[r*hidden:][:hidden], apart)
	}

	for r := range n {
		normalise(rows[r*hidden:][:hidden])
	}
	basis := axes(covariance(rows, hidden, 8), hidden, matchWidth)

	out := append([]byte(nil), e.net.w.Sum[:matchSumBytes]...)
	for _, f := range append(mean, basis...) {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(f))
	}
	for r := range n {
		out = append(out, pieceRow(basis, rows[r*hidden:][:hidden])...)
	}
	return out
}

// covariance returns the sum of the products of each step-th row with itself.
func covariance(rows []float32, hidden, step int) []float64 {
	out := make([]float64, hidden*hidden)
	for at := 0; at < len(rows); at += step * hidden {
		row := rows[at:][:hidden]
		for i, a := range row {
			for j, b := range row[:i+1] {
				out[i*hidden+j] += float64(a) * float64(b)
			}
		}
	}
	for i := range hidden {
		for j := range i {
			out[j*hidden+i] = out[i*hidden+j]
		}
	}
	return out
}

// rowsMean returns the mean of rows laid end to end.
func rowsMean(rows []float32, hidden int) []float32 {
	sum := make([]float64, hidden)
	for i, f := range rows {
		sum[i%hidden] += float64(f)
	}
	out := make([]float32, hidden)
	for i, f := range sum {
		out[i] = float32(f * float64(hidden) / float64(len(rows)))
	}
	return out
}

// without takes the part along an axis of length 1 off v.
func without(v, axis []float32) {
	f := product(v, axis)
	for i := range v {
		v[i] -= f * axis[i]
	}
}

// pieceRow codes one row.
func pieceRow(basis, x []float32) []byte {
	v := make([]float32, matchWidth)
	most := float32(0)
	for k := range v {
		v[k] = product(basis[k*len(x):(k+1)*len(x)], x)
		most = max(most, v[k], -v[k])
	}
	if most == 0 {
		most = 1
	}
	codes := make([]byte, matchWidth)
	length := float64(0)
	for k, f := range v {
		q := math.RoundToEven(float64(f / most * 7))
		codes[k] = byte(q + 8)
		length += q * q
	}
	out := binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(1/math.Sqrt(max(length, 1)))))
	for i := 0; i < matchWidth; i += 2 {
		out = append(out, codes[i]|codes[i+1]<<4)
	}
	return out
}

// axes returns the first n principal axes of a symmetric matrix by subspace
// iteration.
func axes(m []float64, size, n int) []float32 {
	v := make([]float64, n*size)
	state := uint64(1)
	for i := range v {
		state = state*6364136223846793005 + 1442695040888963407
		v[i] = float64(int32(state>>32)) / (1 << 31)
	}
	next := make([]float64, n*size)
	for range 40 {
		for k := range n {
			for i := range size {
				sum := 0.0
				for j, f := range m[i*size:][:size] {
					sum += f * v[k*size+j]
				}
				next[k*size+i] = sum
			}
			for o := range k { // orthogonal to those before
				d := 0.0
				for i := range size {
					d += next[k*size+i] * next[o*size+i]
				}
				for i := range size {
					next[k*size+i] -= d * next[o*size+i]
				}
			}
			l := 0.0
			for _, f := range next[k*size:][:size] {
				l += f * f
			}
			l = math.Sqrt(l)
			for i := range size {
				next[k*size+i] /= l
			}
		}
		v, next = next, v
	}
	out := make([]float32, len(v))
	for i, f := range v {
		out[i] = float32(f)
	}
	return out
}

func TestPieces(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Skip(err)
	}
	if *update {
		file := build(t, e)
		if err := os.WriteFile("pieces.bin", file, 0o644); err != nil {
			t.Fatal(err)
		}
		if e.table, err = openPieces(string(file), e.net.w); err != nil {
			t.Fatal(err)
		}
	}
	if e.table == nil {
		t.Fatal("no table of pieces for these weights: run this test with -update")
	}
	// Pieces spread over the vocabulary still have the rows that the table says.
	var pieces []int32
	for p := 11; p < e.net.w.Pieces; p += e.net.w.Pieces / 50 {
		pieces = append(pieces, int32(p))
	}
	lists, prefixed := alone(e, pieces)
	rows := states(t, e, lists, prefixed)
	hidden := e.info.Dimension
	agree := 0.0
	for i, p := range pieces {
		q := &question{}
		e.table.project(q, rows[i*hidden:(i+1)*hidden])
		out := make([]float32, 1)
		e.table.likeness(out, q, p)
		agree += float64(out[0]) / float64(len(pieces))
	}
	// The question's mean is taken off here, the pieces' mean in the table.
	if agree < 0.8 {
		t.Errorf("rows of pieces agree with the table by %.3f", agree)
	}
}

func TestMatch(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Skip(err)
	}
	if e.table == nil {
		t.Fatal("no table of pieces for these weights: run TestPieces with -update")
	}
	ctx := context.Background()
	for _, c := range []struct{ question, yes, no string }{
		{"德国的首都是哪里？", "Berlin is the capital of Germany.", "Paris is a city on a river, with old bridges."},
		{"Which university is in Shanghai?", "上海交通大学创办于1896年。", "北京的天气很冷。"},
		{"How does photosynthesis use oxygen?", "光合作用释放氧气。", "议会通过了新的法律。"},
		{"who led the team in tackles", "He was the leader in tackles.", "The church was rebuilt twice."},
	} {
		scores, err := e.Match(ctx, c.question, []string{c.no, c.yes, ""})
		if err != nil || len(scores) != 3 || !(scores[1] > scores[0] && scores[0] > scores[2]) {
			t.Errorf("%s: %v, %v", c.question, scores, err)
		}
		// Embedded before or not, and together with other texts or not, is the same.
		if _, err := e.Embed(ctx, model.TaskQuery, []string{c.question, "another"}); err != nil {
			t.Fatal(err)
		}
		if again, err := e.Match(ctx, c.question, []string{c.yes}); err != nil || again[0] != scores[1] {
			t.Errorf("%s: %v, %v, first %v", c.question, again, err, scores[1])
		}
	}
	if scores, err := e.Match(ctx, "?", nil); err != nil || len(scores) != 0 {
		t.Errorf("no texts: %v, %v", scores, err)
	}
	if _, err := e.Match(ctx, "", []string{"a"}); err != nil {
		t.Errorf("an empty question: %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := e.Match(ended, "not asked before", []string{"a"}); err == nil {
		t.Error("a cancelled call succeeded")
	}
}

func BenchmarkMatch(b *testing.B) {
	e, err := New(Options{Threads: 1})
	if err != nil {
		b.Skip(err)
	}
	texts := make([]string, 40)
	for i := range texts {
		for j := range 12 {
			texts[i] += neutralQuestions[(i*7+j)%14] + " "
		}
	}
	for b.Loop() {
		if _, err := e.Match(context.Background(), neutralQuestions[0], texts); err != nil {
			b.Fatal(err)
		}
	}
}

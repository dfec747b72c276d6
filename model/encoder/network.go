package encoder

import (
	"encoding/binary"
	"math"

	"github.com/lore-kb/lore/model/encoder/internal/layout"
)

// expandRows is how many rows go through the two wide layers at once: enough to
// make widening a panel cheap, few enough that the rows stay in the cache.
const expandRows = 96

// workspace is the memory that one pack needs on its way through the network. It
// grows to the largest pack seen and is used again.
type workspace struct {
	x, context, sum []float32 // rows × hidden
	head            []float32 // rows × 96: one head's queries, keys and values
	inner           []float32 // expandRows × inner
	a, b            activations
	tile            activations // some rows of a
	wide            []byte
	scratch         []float32
	zero            []float32
	starts          []int     // of the texts in the pack
	short           []float32 // rows × rowWidth
	pooling         pooling
}

func grow[T any](s *[]T, n int) {
	if cap(*s) < n {
		*s = make([]T, n)
	}
	*s = (*s)[:n]
}

func (a *activations) grow(rows, in int) {
	grow(&a.q, rows*in)
	grow(&a.offsets, rows*in/layout.GroupSize)
	grow(&a.scales, rows)
}

func (ws *workspace) grow(s layout.Shape, rows, longest int) {
	grow(&ws.x, rows*s.Hidden)
	grow(&ws.context, rows*s.Hidden)
	grow(&ws.sum, rows*s.Hidden)
	grow(&ws.head, rows*3*headSize)
	tile := min(rows, expandRows)
	grow(&ws.inner, tile*s.Inner)
	ws.a.grow(rows, s.Hidden)
	ws.b.grow(tile, s.Inner)
	grow(&ws.wide, wideBytes(max(s.Hidden, s.Inner)))
	grow(&ws.scratch, attendScratch(longest))
	if len(ws.zero) < s.Hidden {
		ws.zero = make([]float32, s.Hidden)
	}
}

// rows returns a view of rows from to to.
func (a *activations) rows(from, to, in int) activations {
	groups := in / layout.GroupSize
	return activations{q: a.q[from*in : to*in], offsets: a.offsets[from*groups : to*groups], scales: a.scales[from:to]}
}

// network runs the layers with one kernel.
type network struct {
	w *layout.Weights
	k *kernel
}

// run sends texts laid end to end through the network: rows[starts[i]:starts[i+1]]
// are the words of text i, marks included. Between layers it calls pause, and
// stops with its error. The mean of each text's last rows goes to out, one slice
// a text.
func (n *network) run(ws *workspace, rows []int32, starts []int, out [][]float32, pause func() error) error {
	w, k := n.w, n.k
	total, hidden := len(rows), w.Hidden
	longest := 0
	for i := range len(starts) - 1 {
		longest = max(longest, starts[i+1]-starts[i])
	}
	ws.grow(w.Shape, total, longest)
	x := ws.x
	for i := range len(starts) - 1 {
		for at := starts[i]; at < starts[i+1]; at++ {
			n.embed(x[at*hidden:(at+1)*hidden], int(rows[at]), at-starts[i])
		}
	}
	for r := range total {
		k.addNorm(x[r*hidden:(r+1)*hidden], ws.zero[:hidden], w.Norm.Scale, w.Norm.Shift, 1, hidden)
	}
	for i := range w.Layers {
		if err := pause(); err != nil {
			return err
		}
		n.layer(ws, &w.Layers[i], total, starts)
	}
	for i, v := range out {
		clear(v)
		for at := starts[i]; at < starts[i+1]; at++ {
			for j, f := range x[at*hidden : (at+1)*hidden] {
				v[j] += f
			}
		}
		inverse := 1 / float32(starts[i+1]-starts[i])
		for j := range v {
			v[j] *= inverse
		}
	}
	return nil
}

// embed writes the sum of a word's and a position's vectors.
func (n *network) embed(dst []float32, word, position int) {
	n.w.Word(dst, word)
	offset := n.w.Positions[2*position*len(dst):][:2*len(dst)]
	for i := range dst {
		dst[i] += layout.Float16(binary.LittleEndian.Uint16(offset[2*i:]))
	}
}

func (n *network) layer(ws *workspace, l *layout.Layer, rows int, starts []int) {
	w, k := n.w, n.k
	hidden, inner := w.Hidden, w.Inner
	const width = 3 * headSize
	k.quantise(&ws.a, ws.x, l.Attention.Spread, rows, hidden)
	for h := range w.Heads {
		for part := range 3 {
			p := part*w.Heads + h
			k.linear(ws.head[part*headSize:], width, l.Attention.Panel(p), l.Attention.Bias[p*layout.PanelOutputs:], &ws.a, rows, hidden, ws.wide)
		}
		for i := range len(starts) - 1 {
			from, to := starts[i], starts[i+1]
			k.attend(ws.context[from*hidden+h*headSize:], hidden, ws.head[from*width:], width, headSize, 2*headSize, to-from, ws.scratch)
		}
	}
	k.quantise(&ws.a, ws.context, l.Output.Spread, rows, hidden)
	n.matrix(ws.sum, &l.Output, &ws.a, rows, ws.wide)
	k.addNorm(ws.x, ws.sum, l.OutputNorm.Scale, l.OutputNorm.Shift, rows, hidden)

	k.quantise(&ws.a, ws.x, l.Expand.Spread, rows, hidden)
	for from := 0; from < rows; {
		// Tiles of about equal size, so that none is much too small.
		tiles := (rows - from + expandRows - 1) / expandRows
		to := from + (rows-from+tiles-1)/tiles
		ws.tile = ws.a.rows(from, to, hidden)
		n.matrix(ws.inner, &l.Expand, &ws.tile, to-from, ws.wide)
		k.gelu(ws.inner[:(to-from)*inner])
		k.quantise(&ws.b, ws.inner, l.Contract.Spread, to-from, inner)
		n.matrix(ws.sum[from*hidden:], &l.Contract, &ws.b, to-from, ws.wide)
		from = to
	}
	k.addNorm(ws.x, ws.sum, l.ContractNorm.Scale, l.ContractNorm.Shift, rows, hidden)
}

func (n *network) matrix(out []float32, m *layout.Matrix, a *activations, rows int, wide []byte) {
	for p := range m.Out / layout.PanelOutputs {
		n.k.linear(out[p*layout.PanelOutputs:], m.Out, m.Panel(p), m.Bias[p*layout.PanelOutputs:], a, rows, m.In, wide)
	}
}

// normalise gives v length 1; a vector of zeros stays.
func normalise(v []float32) {
	sum := float64(0)
	for _, f := range v {
		sum += float64(f) * float64(f)
	}
	if sum == 0 {
		return
	}
	inverse := float32(1 / math.Sqrt(sum))
	for i := range v {
		v[i] *= inverse
	}
}

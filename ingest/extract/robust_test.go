package extract_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
)

func deflated(data []byte) []byte {
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	_, _ = w.Write(data)
	_ = w.Close()
	return z.Bytes()
}

// withPage adds a page whose content is the given stream.
func (p *pdfParts) withPage(dict string, data []byte) []byte {
	p.objects = append([]string{
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>/XObject<</X 6 0 R>>>>>>",
		fmt.Sprintf("<</Length %d %s>>\nstream\n%s\nendstream", len(data), dict, data),
		"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
	}, p.objects...)
	return p.bytes()
}

// hostile are files that mean harm, or are broken in ways that hurt readers.
func hostile(t testing.TB) map[string]struct {
	data []byte
	want error // nil: must be read
} {
	type file = struct {
		data []byte
		want error
	}
	hello := textAt("F1", 12, 72, 700, "Hello from this page")
	plain := (&pdfParts{}).withPage("", []byte(hello))
	bomb := deflated(bytes.Repeat([]byte("BT /F1 1 Tf (aaaaaaaaaaaaaaaa) Tj ET\n"), 1<<19))
	form := func(self int) string {
		body := strings.Repeat("/X Do ", 10)
		return fmt.Sprintf("<</Type/XObject/Subtype/Form/BBox[0 0 1 1]/Resources<</XObject<</X %d 0 R>>>>/Length %d>>\nstream\n%s\nendstream", self, len(body), body)
	}
	laughs := &pdfParts{}
	for i := range 18 {
		laughs.add("%s", form(7+i))
	}
	zeros := strings.Repeat("\x00", 4<<20)
	nested := makeZip(t, map[string]string{"a.txt": "text\n"})
	for range 8 {
		nested = makeZip(t, map[string]string{"in.zip": string(nested)})
	}
	many := map[string]string{}
	for i := range 1500 {
		many[fmt.Sprintf("%d.txt", i)] = "x\n"
	}
	return map[string]file{
		"cycle.pdf":     {[]byte("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[2 0 R]/Count 1>>endobj\ntrailer<</Root 1 0 R>>"), ingest.ErrDamaged},
		"count.pdf":     {bytes.Replace(plain, []byte("/Count 1"), []byte("/Count 2000000000"), 1), nil},
		"bomb.pdf":      {(&pdfParts{}).withPage("/Filter/FlateDecode", bomb), ingest.ErrTooLarge},
		"laughs.pdf":    {laughs.withPage("", []byte("/X Do")), ingest.ErrNoText},
		"itself.pdf":    {(&pdfParts{objects: []string{form(6)}}).withPage("", []byte("/X Do "+hello)), nil},
		"nesting.pdf":   {(&pdfParts{}).withPage("", []byte(strings.Repeat("[", 1<<18)+hello)), ingest.ErrNoText},
		"header.pdf":    {append([]byte("junk before\n"), plain...), nil},
		"version.pdf":   {bytes.Replace(plain, []byte("%PDF-1.4"), []byte("%PDF-2.0"), 1), nil},
		"noxref.pdf":    {plain[:bytes.LastIndex(plain, []byte("xref\n0"))], nil},
		"badxref.pdf":   {bytes.Replace(plain, []byte("startxref\n"), []byte("startxref\n9"), 1), nil},
		"offset.pdf":    {bytes.Replace(plain, []byte("<</Type/Page/P"), []byte("<<  /Type/Page/P"), 1), nil},
		"prevloop.pdf":  {prevLoop(plain), nil},
		"length.pdf":    {bytes.Replace(plain, []byte(fmt.Sprintf("/Length %d", len(hello))), []byte("/Length 9"), 1), nil},
		"empty.pdf":     {[]byte("%PDF-1.4\n"), ingest.ErrDamaged},
		"secret.pdf":    {bytes.Replace(plain, []byte("/Root 1 0 R"), []byte("/Root 1 0 R/Encrypt<</Filter/Standard/V 2/R 3/Length 128/O<"+strings.Repeat("00", 32)+">/U<"+strings.Repeat("00", 32)+">/P -4>>"), 1), ingest.ErrEncrypted},
		"scan.pdf":      {(&pdfParts{objects: []string{"<</Type/XObject/Subtype/Image/Width 9/Height 9/Length 0>>\nstream\n\nendstream"}}).withPage("", []byte("/X Do")), ingest.ErrNoText},
		"bomb.zip":      {makeZip(t, map[string]string{"zero.txt": zeros, "a": zeros, "b": zeros, "c": zeros}), ingest.ErrTooLarge},
		"bomb.docx":     {makeZip(t, map[string]string{"word/document.xml": docxBody("<w:p><w:r><w:t>" + strings.Repeat("a", 16<<20) + "</w:t></w:r></w:p>")}), ingest.ErrTooLarge},
		"nested.zip":    {nested, nil},
		"many.zip":      {makeZip(t, many), ingest.ErrTooLarge},
		"broken.zip":    {[]byte("PK\x03\x04 this is not an archive at all"), ingest.ErrDamaged},
		"deep.docx":     {makeZip(t, map[string]string{"word/document.xml": docxBody(strings.Repeat("<w:p><w:r><w:txbxContent>", 20000) + "<w:p><w:r><w:t>x</w:t></w:r></w:p>")}), ingest.ErrNoText},
		"deep.xml":      {[]byte("<?xml version=\"1.0\"?>" + strings.Repeat("<a>", 1<<17) + "text"), ingest.ErrNoText},
		"laughs.xml":    {[]byte(`<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><l>&b; and text</l>`), nil},
		"deep.html":     {[]byte("<html><body>" + strings.Repeat("<div><b>", 1<<14) + "text"), nil},
		"deep.md":       {[]byte(strings.Repeat(">", 100000) + " text\n"), nil},
		"deeplist.md":   {[]byte(strings.Repeat("- ", 100000) + "text\n"), nil},
		"links.md":      {[]byte(strings.Repeat("[a](", 50000) + "\n\ntext\n"), nil},
		"emphasis.md":   {[]byte(strings.Repeat("*a **b ", 20000) + "\n"), nil},
		"aliases.md":    {[]byte("---\na: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\n---\ntext\n"), nil},
		"deep.json":     {[]byte(strings.Repeat("[", 1<<17)), nil},
		"deep.rtf":      {[]byte("{\\rtf1 " + strings.Repeat("{", 1<<17) + "text"), ingest.ErrNoText},
		"quote.csv":     {[]byte("a,b\n\"" + strings.Repeat("x,y\n", 100000)), nil},
		"repeated.ods":  {makeZip(t, map[string]string{"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": `<a><table:table table:name="x"><table:table-row table:number-rows-repeated="1000000"><table:table-cell table:number-columns-repeated="16000"><text:p>many words here</text:p></table:table-cell></table:table-row></table:table></a>`}), ingest.ErrTooLarge},
		"empty.txt":     {nil, ingest.ErrNoText},
		"program.txt":   {[]byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00"), ingest.ErrUnsupported},
		"binary.md":     {[]byte("\x00\x01\x02\x03\x00\x05\xff\xfe\x00"), ingest.ErrUnsupported},
		"parts.eml":     {[]byte("From: a\nTo: b\nSubject: c\nDate: d\nContent-Type: multipart/mixed; boundary=x\n\n" + strings.Repeat("--x\n\na\n", 5000)), nil},
		"multipart.eml": {[]byte("From: a\nTo: b\nSubject: c\nDate: d\nContent-Type: multipart/mixed; boundary=x\n\n" + strings.Repeat("--x\nContent-Type: multipart/mixed; boundary=x\n\n", 5000)), nil},
	}
}

// prevLoop makes the trailer's Prev lead to its own table.
func prevLoop(plain []byte) []byte {
	at := bytes.LastIndex(plain, []byte("xref\n0"))
	return bytes.Replace(plain, []byte("/Root 1 0 R"), []byte(fmt.Sprintf("/Prev %d/Root 1 0 R", at)), 1)
}

func TestHostile(t *testing.T) {
	// A low ratio makes small bombs do.
	x := extract.New(&extract.Options{MaxRatio: 10})
	for name, f := range hostile(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
			defer cancel()
			docs, err := x.Extract(ctx, ingest.Input{Name: name, Data: f.data})
			switch {
			case f.want == nil && err != nil:
				t.Errorf("got %v, want it read", err)
			case f.want != nil && !errors.Is(err, f.want):
				t.Errorf("got %v, want %v", err, f.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("error has several lines: %q", err)
			}
			for i := range docs {
				check(t, &docs[i])
				if strings.HasSuffix(name, ".pdf") && !strings.Contains(docs[i].Text, "Hello from this page") {
					t.Errorf("text is %q", docs[i].Text)
				}
			}
		})
	}
}

func TestLimits(t *testing.T) {
	text := strings.Repeat("some words\n\n", 200000)
	for _, tt := range []struct {
		o    extract.Options
		name string
		data []byte
		text string
	}{
		{extract.Options{MaxText: 1 << 20}, "a.txt", []byte(text), "1 MB"},
		{extract.Options{MaxPages: 2}, "a.pdf", reportPDF(), "2 pages"},
		{extract.Options{MaxMembers: 1}, "a.zip", makeZip(t, map[string]string{"a.txt": "a\n", "b.txt": "b\n"}), "1 members"},
	} {
		_, err := extract.New(&tt.o).Extract(context.Background(), ingest.Input{Name: tt.name, Data: tt.data})
		if !errors.Is(err, ingest.ErrTooLarge) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s with %+v: got %v, want a limit that names %q", tt.name, tt.o, err, tt.text)
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := extract.New(nil).Extract(ctx, ingest.Input{Name: "a.pdf", Data: reportPDF()}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want a cancellation", err)
	}
}

// mutate changes a file as a seeded sequence says: bits, bytes, cuts, repeats.
func mutate(r *rand.Rand, data []byte) []byte {
	out := bytes.Clone(data)
	for range 1 + r.IntN(12) {
		if len(out) == 0 {
			return out
		}
		at := r.IntN(len(out))
		switch r.IntN(6) {
		case 0:
			out[at] ^= 1 << r.IntN(8)
		case 1:
			out[at] = byte(r.IntN(256))
		case 2:
			end := min(len(out), at+1+r.IntN(64))
			out = append(out[:at:at], out[end:]...)
		case 3:
			end := min(len(out), at+1+r.IntN(64))
			out = append(out[:end:end], out[at:]...)
		case 4:
			// A number becomes another, often a large one.
			for k := at; k < len(out) && k < at+40; k++ {
				if out[k] >= '0' && out[k] <= '9' {
					out = append(out[:k:k], append([]byte([]string{"0", "-1", "99999999", "4294967295", "65536"}[r.IntN(5)]), out[k+1:]...)...)
					break
				}
			}
		case 5:
			out = out[:at+(len(out)-at)*r.IntN(100)/100]
		}
	}
	return out
}

func TestMutations(t *testing.T) {
	x := extract.New(nil)
	files := samples(t)
	n := uint64(200)
	if os.Getenv("LORE_SOAK") != "" {
		n = 5000
	}
	for seed := range n {
		r := rand.New(rand.NewPCG(seed, 1))
		f := files[r.IntN(len(files))]
		data := mutate(r, f.data)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		docs, err := x.Extract(ctx, ingest.Input{Name: f.name, Data: data})
		cancel()
		if err != nil {
			if strings.Contains(err.Error(), "the reader failed") || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("seed %d of %s: %v", seed, f.name, err)
			}
			continue
		}
		for i := range docs {
			check(t, &docs[i])
		}
		if t.Failed() {
			t.Fatalf("seed %d of %s", seed, f.name)
		}
	}
}

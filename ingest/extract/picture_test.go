package extract_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
)

// sizes is a captioner that says how large a picture is.
type sizes struct{ fails error }

func (sizes) Name() string { return "test:sizes" }

func (s sizes) Caption(_ context.Context, data []byte, media string) (string, error) {
	if s.fails != nil {
		return "", s.fails
	}
	m, err := png.DecodeConfig(bytes.NewReader(data))
	return fmt.Sprintf("A blank picture of %d by %d (%s).", m.Width, m.Height, media), err
}

// makePNG is a picture of noise, so that it does not pack well.
func makePNG(t testing.TB, width, height int) []byte {
	m := image.NewGray(image.Rect(0, 0, width, height))
	r := rand.New(rand.NewPCG(1, 2))
	for i := range m.Pix {
		m.Pix[i] = color.Gray{byte(240 + r.IntN(16))}.Y
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func captioning(t *testing.T, c extract.Captioner) *extract.Pool {
	p, err := extract.NewPool(&extract.PoolOptions{Workers: 1, NoOCR: true, Captioner: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func TestCaptions(t *testing.T) {
	p := captioning(t, sizes{})
	picture := makePNG(t, 200, 120)
	const said = "A blank picture of 200 by 120 (image/png)."
	mail := "From: a@example.org\nTo: b@example.org\nSubject: the chart\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nsee below\n--x\nContent-Type: image/png; name=chart.png\nContent-Disposition: attachment; filename=chart.png\n\n" + string(picture) + "\n--x--\n"
	for name, data := range map[string][]byte{
		"chart.png": picture, "wrong.txt": picture,
		"a.zip": makeZip(t, map[string]string{"chart.png": string(picture)}),
		"a.eml": []byte(mail),
		"a.docx": makeZip(t, map[string]string{
			"word/document.xml": `<w:document><w:body><w:p><w:r><w:t>text</w:t></w:r></w:p></w:body></w:document>`, "word/media/chart.png": string(picture),
		}),
	} {
		if !p.Supported(name, data[:min(len(data), 8<<10)]) {
			t.Errorf("%s: not supported", name)
		}
		docs, err := p.Extract(t.Context(), ingest.Input{Name: name, Data: data})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		d := docs[len(docs)-1]
		if d.Text != said || len(d.Blocks) != 1 || d.MediaType != "image/png" || d.Labels["captioner"] != "test:sizes" || d.Picture != nil {
			t.Errorf("%s: got %+v", name, d)
			continue
		}
		// Whoever cites it says whose words they are.
		if s := d.Blocks[0].Section; len(s) != 1 || s[0] != "Picture, described by the model test:sizes" {
			t.Errorf("%s: section %q", name, s)
		}
		if len(docs) > 1 && d.Member == "" {
			t.Errorf("%s: the picture is no member", name)
		}
	}
}

func TestCaptionIsNoLossWhenItFails(t *testing.T) {
	p := captioning(t, sizes{errors.New("the model is asleep")})
	picture := makePNG(t, 20, 20)
	if _, err := p.Extract(t.Context(), ingest.Input{Name: "a.png", Data: picture}); err == nil || !strings.Contains(err.Error(), "the model is asleep") {
		t.Errorf("a picture alone: %v", err)
	}
	docs, err := p.Extract(t.Context(), ingest.Input{Name: "a.zip", Data: makeZip(t, map[string]string{"a.png": string(picture), "b.txt": "some words"})})
	if err != nil || len(docs) != 2 || len(docs[0].Warnings) != 1 || !strings.Contains(docs[0].Warnings[0], "a.png") || !strings.Contains(docs[0].Warnings[0], "asleep") {
		t.Errorf("beside text: %+v, %v", docs, err)
	}
	if _, err := p.Extract(t.Context(), ingest.Input{Name: "a.tiff", Data: []byte("II*\x00aaaaaaaaaaaa")}); err == nil || !strings.Contains(err.Error(), "TIFF") {
		t.Errorf("a kind that models do not take: %v", err)
	}
	if _, err := p.Extract(t.Context(), ingest.Input{Name: "a.png", Data: append(bytes.Clone(picture), make([]byte, 5<<20)...)}); err == nil || !strings.Contains(err.Error(), "more than 5 MB") {
		t.Errorf("too large: %v", err)
	}
}

func TestPicturesWithoutEyes(t *testing.T) {
	docs, err := extract.New(nil).Extract(t.Context(), ingest.Input{Name: "a.zip", Data: makeZip(t, map[string]string{"a.png": string(makePNG(t, 9, 9))})})
	if err != nil || len(docs) != 1 || len(docs[0].Warnings) != 1 || !strings.Contains(docs[0].Warnings[0], "an image (PNG)") {
		t.Errorf("got %+v, %v", docs, err)
	}
}

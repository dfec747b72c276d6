package extract_test

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
)

func TestRecording(t *testing.T) {
	frame := func(head string, size int) string { return head + strings.Repeat("\x00", size-len(head)) }
	mp3 := frame("\xff\xfb\x90\x00", 417) // 128 kbit at 44.1 kHz
	adts := frame("\xff\xf1\x50\x80\x0d\x1f\xfc", 104)
	for _, c := range []struct{ name, data, want string }{
		{"wav", "RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav"},
		{"avi", "RIFF\x24\x00\x00\x00AVI LIST", "video/x-msvideo"},
		{"webp", "RIFF\x24\x00\x00\x00WEBPVP8 ", ""},
		{"mp3 with tags", "ID3\x03\x00\x00\x00\x00\x00\x00", "audio/mpeg"},
		{"mp3", mp3 + mp3, "audio/mpeg"},
		{"one frame and text", mp3 + "hello there", ""},
		{"aac", adts + adts, "audio/aac"},
		{"flac", "fLaC\x00", "audio/flac"},
		{"ogg", "OggS\x00", "audio/ogg"},
		{"m4a", "\x00\x00\x00\x20ftypM4A \x00", "audio/mp4"},
		{"mp4", "\x00\x00\x00\x20ftypisom\x00", "video/mp4"},
		{"mov", "\x00\x00\x00\x20ftypqt  \x00", "video/quicktime"},
		{"heic", "\x00\x00\x00\x20ftypheic\x00", ""},
		{"avif", "\x00\x00\x00\x20ftypavif\x00", ""},
		{"mkv", "\x1aE\xdf\xa3\xa3\x42\x86\x81\x01\x42\x82\x88matroska", "video/x-matroska"},
		{"webm", "\x1aE\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", "video/webm"},
		{"UTF-16", "\xff\xfeh\x00e\x00l\x00l\x00o\x00", ""},
		{"short", "RI", ""},
	} {
		if got := extract.Recording([]byte(c.data)); got != c.want {
			t.Errorf("%s: %q; want %q", c.name, got, c.want)
		}
	}
}

func TestRecordingsInContainers(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"a/voice.dat", "note.txt"} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		text := "only words"
		if strings.HasSuffix(name, ".dat") {
			text = "RIFF\x24\x00\x00\x00WAVEfmt "
		}
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, x := range []ingest.Extractor{extract.New(nil), newPool(t, nil)} {
		docs, err := x.Extract(t.Context(), ingest.Input{Name: "x.zip", Data: b.Bytes()})
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, d := range docs {
			if d.Member == "a/voice.dat" {
				found = d.MediaType == "audio/wav" && string(d.Recording[:4]) == "RIFF" && d.Text == ""
			}
		}
		if !found {
			t.Errorf("%+v", docs)
		}
	}
}

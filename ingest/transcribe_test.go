package ingest

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lore-kb/lore/internal/memstore"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/store"
)

// scribe hears a word a second in a text file that stands for a recording.
type scribe struct {
	calls int
	err   error
}

func (s *scribe) Info() model.TranscriberInfo { return model.TranscriberInfo{Name: "test:scribe"} }

func (s *scribe) Transcribe(_ context.Context, audio io.Reader, name string) ([]model.Segment, error) {
	s.calls++
	if s.err != nil {
		return nil, s.err
	}
	data, err := io.ReadAll(audio)
	if err != nil || name != "recording.wav" {
		return nil, errors.New("wrong input " + name)
	}
	var out []model.Segment
	for i, w := range strings.Fields(string(data))[1:] {
		at := time.Duration(i) * time.Second
		out = append(out, model.Segment{From: at, To: at + time.Second, Text: w})
	}
	return out, nil
}

func hearsWAV(head []byte) string {
	if strings.HasPrefix(string(head), "RIFF") {
		return "audio/wav"
	}
	return ""
}

// carrier is an extractor of files that hold a recording as a member.
type carrier struct{}

func (carrier) Version() string { return "1" }
func (carrier) Extract(_ context.Context, in Input) ([]Document, error) {
	return []Document{
		{Text: "a mail", Blocks: []Block{{Start: 0, End: 6}}},
		{Member: "voice.wav", MediaType: "audio/wav", Recording: in.Data},
	}, nil
}

func TestSyncTranscribes(t *testing.T) {
	dir := t.TempDir()
	words := []string{"RIFF"}
	for i := range 200 {
		words = append(words, "word"+strconv.Itoa(i)+".")
	}
	if err := os.WriteFile(filepath.Join(dir, "talk.wav"), []byte(strings.Join(words, " ")), 0o600); err != nil {
		t.Fatal(err)
	}
	st := memstore.New(store.Model{})
	s := &scribe{}
	run := func(opts SyncOptions) *Report {
		t.Helper()
		src, err := OpenFolder(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		opts.Recording = hearsWAV
		report, err := NewSyncer(st, carrier{}, &opts).Sync(t.Context(), src)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	if report := run(SyncOptions{}); report.Skipped[SkipSpeech] != 1 || report.Failed+report.New != 0 {
		t.Errorf("without a transcriber: %+v", report)
	}
	s.err = &model.Error{Kind: model.KindUnavailable, Message: "down"}
	if report := run(SyncOptions{Transcriber: s}); report.Failed != 1 || !strings.Contains(report.Failures[0].Reason, "down") {
		t.Errorf("server down: %+v", report)
	}
	s.err = nil
	if report := run(SyncOptions{Transcriber: s}); report.New != 1 || s.calls != 2 {
		t.Fatalf("first time: %+v, %d calls", report, s.calls)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "talk.wav"), old, old); err != nil {
		t.Fatal(err)
	}
	if report := run(SyncOptions{Transcriber: s}); report.Unchanged != 1 || s.calls != 2 {
		t.Errorf("again: %+v, %d calls", report, s.calls)
	}
	found := false
	for info, err := range st.Documents(t.Context(), store.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if info.MediaType != "audio/wav" || info.Labels["transcriber"] != "test:scribe" {
			t.Errorf("%+v", info)
		}
		points, err := st.Points(t.Context(), info.ID, 0, info.Chunks)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range points {
			at := strings.Index(p.Payload.Text, "word150.")
			if at < 0 {
				continue
			}
			found = true
			at += p.Payload.Start
			got := store.Spoken(p.Payload.Cues, p.Payload.Time, p.Payload.End, at, at+len("word150."))
			if got.From != 150*time.Second || got.To < 150*time.Second+800*time.Millisecond || got.To > 151*time.Second {
				t.Errorf("spoken at %v", got)
			}
		}
	}
	if !found {
		t.Error("the words were not found")
	}
}

func TestTranscribingMembers(t *testing.T) {
	s := &scribe{}
	in := Input{Name: "a.eml", Data: []byte("RIFF one two")}
	docs, err := Transcribing(carrier{}, s).Extract(t.Context(), in)
	if err != nil || len(docs) != 2 || docs[1].Text != "one two" || docs[1].Recording != nil || len(docs[1].Times) != 2 {
		t.Errorf("%v %+v", err, docs)
	}
	s.err = errors.New("deaf")
	docs, err = Transcribing(carrier{}, s).Extract(t.Context(), in)
	if err != nil || len(docs) != 1 || len(docs[0].Warnings) != 1 || docs[0].Warnings[0] != "voice.wav: transcribe: deaf" {
		t.Errorf("%v %+v", err, docs)
	}
	docs, err = Transcribing(carrier{}, nil).Extract(t.Context(), in)
	if err != nil || len(docs) != 1 || !strings.Contains(docs[0].Warnings[0], "--transcriber") {
		t.Errorf("%v %+v", err, docs)
	}
}

func TestTranscript(t *testing.T) {
	sec := time.Second
	for _, c := range []struct {
		name     string
		segments []model.Segment
		want     string
		blocks   int
	}{
		{"sentences", []model.Segment{{To: sec, Text: "One."}, {From: sec, To: 2 * sec, Text: " Two\nlines. "}}, "One. Two lines.", 1},
		{"a pause", []model.Segment{{To: sec, Text: "One."}, {From: 5 * sec, To: 6 * sec, Text: "Two."}}, "One.\n\nTwo.", 2},
		{"Han", []model.Segment{{To: sec, Text: "第一句。"}, {From: sec, To: 2 * sec, Text: "第二句"}, {From: 2 * sec, To: 3 * sec, Text: "第三句"}}, "第一句。第二句\n第三句", 1},
		{"nothing", []model.Segment{{To: sec, Text: " \x01 "}}, "", 0},
	} {
		var d Document
		transcript(&d, c.segments)
		if d.Text != c.want || len(d.Blocks) != c.blocks {
			t.Errorf("%s: %q, %d blocks", c.name, d.Text, len(d.Blocks))
		}
	}
}

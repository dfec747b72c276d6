package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/store"
)

// Transcribing returns an Extractor that has t transcribe the recordings that ex
// finds, in the calling process: readers have no network. A member that cannot be
// transcribed is a warning. Without a transcriber a recording is an error that
// wraps [model.ErrNoModel].
func Transcribing(ex Extractor, t model.Transcriber) Extractor { return &transcribing{ex, t} }

type transcribing struct {
	Extractor
	t model.Transcriber
}

func (x *transcribing) Extract(ctx context.Context, in Input) ([]Document, error) {
	docs, err := x.Extractor.Extract(ctx, in)
	if err != nil {
		return nil, err
	}
	out := docs[:0]
	for i := range docs {
		d := &docs[i]
		if d.Recording == nil {
			out = append(out, *d)
			continue
		}
		err := transcribe(ctx, x.t, bytes.NewReader(d.Recording), d)
		d.Recording = nil
		switch {
		case err == nil:
			out = append(out, *d)
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case d.Member == "" || len(out) == 0:
			return nil, err
		default:
			out[0].Warnings = append(out[0].Warnings, oneLine(d.Member+": "+err.Error()))
		}
	}
	return out, nil
}

var errNoTranscriber = fmt.Errorf("%w for recordings; --transcriber openai:NAME or --transcriber command:whisper names one", model.ErrNoModel)

// transcribe fills d with what is said in a recording of type d.MediaType.
func transcribe(ctx context.Context, t model.Transcriber, audio io.Reader, d *Document) error {
	if t == nil {
		return errNoTranscriber
	}
	segments, err := t.Transcribe(ctx, audio, "recording"+recordingExt(d.MediaType))
	if err != nil {
		return fmt.Errorf("transcribe: %w", err)
	}
	transcript(d, segments)
	if len(d.Blocks) == 0 {
		return fmt.Errorf("%w: nobody speaks in this recording", ErrNoText)
	}
	d.Labels = map[string]string{"transcriber": t.Info().Name}
	return nil
}

// recordingExts are the endings by which transcribers know containers.
var recordingExts = map[string]string{
	"audio/wav": ".wav", "audio/mpeg": ".mp3", "audio/mp4": ".m4a", "video/mp4": ".mp4", "video/quicktime": ".mov",
	"video/3gpp": ".3gp", "audio/flac": ".flac", "audio/ogg": ".ogg", "video/x-matroska": ".mkv", "video/webm": ".webm",
	"audio/aac": ".aac", "audio/amr": ".amr", "audio/aiff": ".aiff", "video/x-ms-asf": ".wma", "video/x-msvideo": ".avi",
}

// maxRecording is the largest recording that a folder lists, in bytes.
const maxRecording = 4 << 30

// recordingName reports whether a file is a recording by its name.
func recordingName(name string) bool {
	ext := strings.ToLower(path.Ext(name))
	switch ext {
	case ".m4b", ".oga", ".opus", ".aif", ".wmv", ".3g2", ".m4v":
		return true
	}
	for _, e := range recordingExts {
		if e == ext {
			return true
		}
	}
	return false
}

func recordingExt(media string) string {
	if base, _, err := mime.ParseMediaType(media); err == nil {
		media = base
	}
	return recordingExts[media]
}

// A paragraph of speech ends at a pause, and at the end of a sentence once it is
// long enough to be read alone.
const (
	speechPause  = 2 * time.Second
	speechEnough = 400 // bytes
	speechMost   = 1200
)

// transcript lays segments out as paragraphs, each segment with its time.
func transcript(d *Document, segments []model.Segment) {
	var text strings.Builder
	start := -1
	var last model.Segment
	flush := func() {
		if start >= 0 {
			d.Blocks = append(d.Blocks, Block{Kind: Paragraph, Start: start, End: text.Len()})
		}
		start = -1
	}
	for _, s := range segments {
		s.Text = clean(s.Text)
		if s.Text == "" {
			continue
		}
		if start >= 0 {
			size := text.Len() - start
			if s.From-last.To > speechPause || size >= speechEnough && endsSentence(last.Text) || size >= speechMost {
				flush()
			}
		}
		switch {
		case start >= 0 && closed(last.Text) && closed(s.Text) && endsSentence(last.Text):
			// Han text has no space between sentences.
		case start >= 0 && closed(last.Text):
			text.WriteByte('\n')
		case start >= 0:
			text.WriteByte(' ')
		case text.Len() > 0:
			text.WriteString("\n\n")
		}
		if start < 0 {
			start = text.Len()
		}
		d.Times = append(d.Times, TimeMark{Offset: text.Len(), Span: store.Span{From: s.From, To: s.To}})
		text.WriteString(s.Text)
		last = s
	}
	flush()
	d.Text = text.String()
}

// clean is a segment as one line without control characters.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Join(strings.Fields(s), " ")
}

// closed reports whether a text is of a script that is written without spaces.
func closed(s string) bool {
	for i := len(s); i > 0; {
		r, n := utf8.DecodeLastRuneInString(s[:i])
		i -= n
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai)
		}
	}
	return false
}

func endsSentence(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return strings.ContainsRune(".!?。！？…", r)
}

// noTranscriber reports whether an extraction failed for want of a transcriber.
func noTranscriber(err error) bool { return errors.Is(err, errNoTranscriber) }

package extract

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/store"
)

func isSubtitles(p *probe) bool {
	s := p.sample()
	if strings.HasPrefix(strings.TrimPrefix(s, "\uFEFF"), "WEBVTT") {
		return true
	}
	if !p.named(".srt", ".vtt", "", ".txt") {
		return false
	}
	lines := strings.SplitN(strings.TrimLeft(s, "\uFEFF \r\n"), "\n", 3)
	return len(lines) >= 2 && digits(lines[0]) > 0 && cueTime(lines[1]).To > 0
}

// readSubtitles reads SubRip and WebVTT: the words in paragraphs, each cue with
// its time.
func readSubtitles(j *job, in ingest.Input) ([]ingest.Document, error) {
	text := strings.ReplaceAll(j.decodeText(in.Data), "\r\n", "\n")
	b := j.newBuilder()
	b.doc.MediaType = "text/vtt"
	if !strings.HasPrefix(strings.TrimPrefix(text, "\uFEFF"), "WEBVTT") {
		b.doc.MediaType = "application/x-subrip"
	}
	start, cues := -1, 0
	var last store.Span
	flush := func() {
		if start >= 0 {
			b.doc.Blocks = append(b.doc.Blocks, ingest.Block{Kind: ingest.Paragraph, Start: start, End: b.text.Len()})
		}
		start, cues = -1, 0
	}
	var span store.Span
	var lines []string
	cue := func() {
		s := oneLine(stripTags(strings.Join(lines, " ")))
		if span.To == 0 || s == "" {
			return
		}
		// A paragraph ends at a pause, and at the end of a sentence once it is
		// long enough to be read alone.
		if start >= 0 && (span.From-last.To > 3*time.Second || cues >= 4 && endsSentence(b.text.String()) || cues >= 12) {
			flush()
		}
		sep := "\n\n"
		if start >= 0 {
			sep = "\n"
		}
		at := b.begin(sep)
		if start < 0 {
			start = at
		}
		b.write(s)
		b.doc.Times = append(b.doc.Times, ingest.TimeMark{Offset: at, Span: span})
		last = span
		cues++
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if t := cueTime(line); t.To > 0 {
			// What stood alone above a time is the number of its cue.
			cue()
			span, lines = t, nil
			continue
		}
		if line == "" {
			cue()
			span, lines = store.Span{}, nil
			continue
		}
		lines = append(lines, line)
	}
	cue()
	flush()
	return []ingest.Document{b.done()}, nil
}

func endsSentence(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return strings.ContainsRune(".!?。！？…", r)
}

// cueTime reads "00:01:02,500 --> 00:01:04,000"; To is 0 when the line is none.
func cueTime(line string) store.Span {
	from, rest, ok := strings.Cut(line, "-->")
	if !ok {
		return store.Span{}
	}
	to, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	a, ok1 := clock(strings.TrimSpace(from))
	z, ok2 := clock(to)
	if !ok1 || !ok2 || z < a {
		return store.Span{}
	}
	return store.Span{From: a, To: z}
}

func clock(s string) (time.Duration, bool) {
	var total time.Duration
	parts := strings.Split(strings.Replace(strings.TrimSpace(s), ",", ".", 1), ":")
	if len(parts) < 2 || len(parts) > 3 {
		return 0, false
	}
	for i, p := range parts {
		whole, frac, _ := strings.Cut(p, ".")
		if whole == "" || len(whole) > 4 || digits(whole) != len(whole) || digits(frac) != len(frac) || len(frac) > 9 || frac != "" && i != len(parts)-1 {
			return 0, false
		}
		n := 0
		for _, c := range whole {
			n = n*10 + int(c-'0')
		}
		total = total*60 + time.Duration(n)*time.Second
		if frac != "" {
			f := time.Second
			for _, c := range frac {
				f /= 10
				total += f * time.Duration(c-'0')
			}
		}
	}
	return total, true
}

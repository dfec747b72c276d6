package transcribe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lore-kb/lore/model"
)

// PieceOptions bound what is handed to a transcriber at once. Zero fields mean
// the defaults in parentheses.
type PieceOptions struct {
	Length  time.Duration // of a piece (5 minutes)
	Longest time.Duration // recording that is taken at all (12 hours)
	FFmpeg  string        // path of ffmpeg (looked for; "-" does without)
}

// Pieces is a [model.Transcriber] that takes recordings of any length and, with
// ffmpeg, of any kind, and hands them to another in pieces of speech.
type Pieces struct {
	t       model.Transcriber
	o       PieceOptions
	untimed atomic.Bool // the transcriber gives no times; pieces must be short
}

const (
	defaultPiece   = 5 * time.Minute
	defaultLongest = 12 * time.Hour
	// A piece from a transcriber without times is cited as a whole.
	untimedPiece = 10 * time.Second
	// A cut is made where it is quietest: in this last part of a piece,
	cutRange = 20 * time.Second
	// over windows of this length.
	cutWindow = 200 * time.Millisecond
	// quiet is the loudest sample, of 32768, of a piece in which nobody speaks.
	quiet = 64
)

// InPieces returns a transcriber before t. Nil o means the defaults.
func InPieces(t model.Transcriber, o *PieceOptions) *Pieces {
	p := &Pieces{t: t}
	if o != nil {
		p.o = *o
	}
	if p.o.Length <= 0 {
		p.o.Length = defaultPiece
	}
	if p.o.Longest <= 0 {
		p.o.Longest = defaultLongest
	}
	switch p.o.FFmpeg {
	case "":
		p.o.FFmpeg = findFFmpeg()
	case "-":
		p.o.FFmpeg = ""
	}
	return p
}

// Info implements [model.Transcriber].
func (p *Pieces) Info() model.TranscriberInfo { return model.TranscriberInfo{Name: p.t.Info().Name} }

// Transcribe implements [model.Transcriber]. A recording that is neither WAV nor
// can be decoded for want of ffmpeg goes to the transcriber whole if it takes
// that; else the error wraps [model.ErrNoProgram].
func (p *Pieces) Transcribe(ctx context.Context, audio io.Reader, name string) ([]model.Segment, error) {
	in, err := p.open(ctx, audio, name)
	if err != nil {
		return nil, err
	}
	if in.whole != nil {
		return p.t.Transcribe(ctx, in.whole, name)
	}
	defer in.Close()
	out, err := p.cut(ctx, in)
	if e := in.Close(); err == nil && e != nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	return tidy(out), nil
}

// opened is a recording that is read as samples, or whole.
type opened struct {
	samples
	whole io.Reader
	file  string // to remove
}

func (o *opened) Close() error {
	var err error
	if o.samples != nil {
		err = o.samples.Close()
	}
	if o.file != "" {
		os.Remove(o.file)
		o.file = ""
	}
	return err
}

func (p *Pieces) open(ctx context.Context, audio io.Reader, name string) (*opened, error) {
	seeker, ok := audio.(io.ReadSeeker)
	if !ok {
		data, err := io.ReadAll(audio)
		if err != nil {
			return nil, fmt.Errorf("read recording: %w", err)
		}
		seeker = bytes.NewReader(data)
	}
	w, err := readWAV(seeker)
	if err == nil {
		return &opened{samples: w}, nil
	}
	if !errors.Is(err, errNotPCM) {
		return nil, err
	}
	size, err := seeker.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = seeker.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, fmt.Errorf("read recording: %w", err)
	}
	info := p.t.Info()
	switch {
	case p.o.FFmpeg != "":
	case info.WAVOnly:
		return nil, fmt.Errorf("%w: install ffmpeg to decode %s files for %s", model.ErrNoProgram, kindName(name), info.Name)
	case info.MaxBytes > 0 && size > info.MaxBytes:
		return nil, fmt.Errorf("%w: install ffmpeg to cut recordings of more than %d MB into pieces", model.ErrNoProgram, info.MaxBytes>>20)
	default:
		return &opened{whole: seeker}, nil
	}
	// Where the index of an MP4 stands last, ffmpeg must be able to go back.
	if f, ok := seeker.(*os.File); ok {
		s, err := decodeFile(ctx, p.o.FFmpeg, f.Name(), name, p.o.Longest)
		return &opened{samples: s}, err
	}
	f, err := os.CreateTemp("", "lore-recording-*"+path.Ext(name))
	if err != nil {
		return nil, fmt.Errorf("decode recording: %w", err)
	}
	o := &opened{file: f.Name()}
	if _, err = io.Copy(f, seeker); err == nil {
		err = f.Close()
	}
	if err == nil {
		o.samples, err = decodeFile(ctx, p.o.FFmpeg, f.Name(), name, p.o.Longest)
	}
	if err != nil {
		os.Remove(f.Name())
		return nil, fmt.Errorf("decode recording: %w", err)
	}
	return o, nil
}

func kindName(name string) string {
	return strings.ToUpper(strings.TrimPrefix(path.Ext(name), "."))
}

// cut transcribes samples piece by piece.
func (p *Pieces) cut(ctx context.Context, in samples) ([]model.Segment, error) {
	rate := in.Rate()
	var out []model.Segment
	var rest []int16 // read, and not yet transcribed
	done := 0        // samples before rest
	count := func(d time.Duration) int { return int(d.Seconds() * float64(rate)) }
	for ended := false; !ended || len(rest) > 0; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		length := p.o.Length
		if p.untimed.Load() {
			length = min(length, untimedPiece)
		}
		most := max(count(length), 1)
		if limit := p.t.Info().MaxBytes; limit > 44 {
			most = min(most, int(limit-44)/2)
		}
		for !ended && len(rest) < most {
			have := len(rest)
			rest = append(rest, make([]int16, min(most-have, 1<<20))...)
			n, err := in.Read(rest[have:])
			rest = rest[:have+n]
			if err == io.EOF {
				ended = true
			} else if err != nil {
				return nil, fmt.Errorf("read recording: %w", err)
			}
		}
		if len(rest) == 0 {
			break
		}
		if done+len(rest) > count(p.o.Longest) {
			return nil, fmt.Errorf("longer than %s", p.o.Longest)
		}
		n := min(most, len(rest))
		if !ended || len(rest) > most {
			n = quietest(rest[:n], count(min(cutRange, length/2)), count(cutWindow))
		}
		at := time.Duration(float64(done) / float64(rate) * float64(time.Second))
		span := time.Duration(float64(n) / float64(rate) * float64(time.Second))
		segments, err := p.piece(ctx, rate, rest[:n])
		if err != nil {
			return nil, err
		}
		if len(segments) == 1 && segments[0].To == 0 {
			// No times: the piece is cut again, unless it is short enough to be
			// cited as a whole.
			if !p.untimed.Swap(true) && span > untimedPiece {
				continue
			}
			segments[0].To = span
		}
		for _, s := range segments {
			s.From, s.To = at+min(s.From, span), at+min(s.To, span)
			out = append(out, s)
		}
		rest = rest[:copy(rest, rest[n:])]
		done += n
	}
	return out, nil
}

// piece transcribes one piece, unless nobody speaks in it.
func (p *Pieces) piece(ctx context.Context, rate int, s []int16) ([]model.Segment, error) {
	loud := false
	for _, v := range s {
		loud = loud || v > quiet || v < -quiet
	}
	if !loud {
		return nil, nil
	}
	return p.t.Transcribe(ctx, bytes.NewReader(encodeWAV(rate, s)), "piece.wav")
}

// quietest returns where to cut s: in the middle of the quietest window of its
// last reach samples.
func quietest(s []int16, reach, window int) int {
	window = max(window, 1)
	first := max(len(s)-reach, len(s)/2, 1)
	if first+window >= len(s) {
		return len(s)
	}
	var sum int64
	abs := func(v int16) int64 {
		if v < 0 {
			return -int64(v)
		}
		return int64(v)
	}
	for _, v := range s[first : first+window] {
		sum += abs(v)
	}
	best, least := first, sum
	for i := first + window; i < len(s); i++ {
		sum += abs(s[i]) - abs(s[i-window])
		if sum <= least {
			best, least = i-window+1, sum
		}
	}
	return best + window/2
}

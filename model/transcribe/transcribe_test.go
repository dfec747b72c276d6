package transcribe

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lore-kb/lore/model"
)

// tones is speech as a computing fake hears it: word i is a tone of (i+1)*100 Hz
// that lasts a second and is followed by a second of silence.
func tones(rate, words int) []int16 {
	out := make([]int16, 0, 2*words*rate)
	for i := range words {
		for n := range rate {
			out = append(out, int16(8000*math.Sin(2*math.Pi*float64((i+1)*100)*float64(n)/float64(rate))))
		}
		out = append(out, make([]int16, rate)...)
	}
	return out
}

// hear is what a fake makes of a WAV file: a word for each stretch of sound, by
// its pitch, with its times.
func hear(data []byte) ([]model.Segment, error) {
	w, err := readWAV(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	s := make([]int16, len(data))
	n, err := w.Read(s)
	if err != nil && err != io.EOF {
		return nil, err
	}
	s = s[:n]
	at := func(i int) time.Duration {
		return time.Duration(float64(i) / float64(w.Rate()) * float64(time.Second))
	}
	var out []model.Segment
	gap := w.Rate() / 4
	for i := 0; i < len(s); i++ {
		if s[i] == 0 {
			continue
		}
		end, last, crossings := i, i, 0
		for ; end < len(s) && end-last < gap; end++ {
			if s[end] != 0 {
				last = end
			}
			if end > i && s[end-1] < 0 && s[end] >= 0 {
				crossings++
			}
		}
		hz := float64(crossings+1) / (at(last) - at(i)).Seconds()
		out = append(out, model.Segment{From: at(i), To: at(last), Text: fmt.Sprintf("word%d", int(math.Round(hz/100))-1)})
		i = end
	}
	return out, nil
}

// wordsAt checks that all words were heard, each at its second.
func wordsAt(t *testing.T, segments []model.Segment, words int, within time.Duration) {
	t.Helper()
	if len(segments) != words {
		t.Fatalf("%d segments for %d words: %v", len(segments), words, segments)
	}
	for i, s := range segments {
		want := time.Duration(2*i) * time.Second
		if s.Text != fmt.Sprintf("word%d", i) || (s.From-want).Abs() > within {
			t.Errorf("segment %d: %q at %s; want word%d at %s", i, s.Text, s.From, i, want)
		}
	}
}

// fake is a transcriber that hears tones.
type fake struct {
	info  model.TranscriberInfo
	names []string
	sizes []int
	err   error
	deaf  bool // gives no times
}

func (f *fake) Info() model.TranscriberInfo { return f.info }

func (f *fake) Transcribe(_ context.Context, audio io.Reader, name string) ([]model.Segment, error) {
	data, err := io.ReadAll(audio)
	if err != nil {
		return nil, err
	}
	f.names, f.sizes = append(f.names, name), append(f.sizes, len(data))
	if f.err != nil {
		return nil, f.err
	}
	out, err := hear(data)
	if f.deaf && err == nil {
		var words []string
		for _, s := range out {
			words = append(words, s.Text)
		}
		return []model.Segment{{Text: strings.Join(words, " ")}}, nil
	}
	return out, err
}

func TestPiecesOfWAV(t *testing.T) {
	f := &fake{}
	p := InPieces(f, &PieceOptions{Length: 15 * time.Second, FFmpeg: "-"})
	got, err := p.Transcribe(t.Context(), bytes.NewReader(encodeWAV(speechRate, tones(speechRate, 20))), "talk.wav")
	if err != nil {
		t.Fatal(err)
	}
	wordsAt(t, got, 20, 50*time.Millisecond)
	if len(f.names) < 3 || len(f.names) > 5 {
		t.Errorf("40 s went in %d pieces", len(f.names))
	}
}

func TestPiecesWithoutTimes(t *testing.T) {
	f := &fake{deaf: true}
	p := InPieces(f, &PieceOptions{FFmpeg: "-"})
	got, err := p.Transcribe(t.Context(), bytes.NewReader(encodeWAV(speechRate, tones(speechRate, 20))), "talk.wav")
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for i, s := range got {
		if s.To-s.From > untimedPiece || i > 0 && s.From < got[i-1].To {
			t.Errorf("segment %d: %s to %s", i, s.From, s.To)
		}
		for _, w := range strings.Fields(s.Text) {
			if want := time.Duration(2*len(words)) * time.Second; want < s.From-50*time.Millisecond || want > s.To {
				t.Errorf("%s is at %s, and was put between %s and %s", w, want, s.From, s.To)
			}
			words = append(words, w)
		}
	}
	if len(words) != 20 {
		t.Errorf("words: %v", words)
	}
}

func TestPiecesStayBelowTheLimit(t *testing.T) {
	f := &fake{info: model.TranscriberInfo{MaxBytes: 400_000}}
	p := InPieces(f, &PieceOptions{FFmpeg: "-"})
	got, err := p.Transcribe(t.Context(), bytes.NewReader(encodeWAV(speechRate, tones(speechRate, 15))), "talk.wav")
	if err != nil {
		t.Fatal(err)
	}
	wordsAt(t, got, 15, 50*time.Millisecond)
	for _, n := range f.sizes {
		if n > 400_000 {
			t.Errorf("a piece of %d bytes", n)
		}
	}
}

func TestPiecesRefuse(t *testing.T) {
	talk := encodeWAV(speechRate, tones(speechRate, 3))
	mp3 := append([]byte("ID3"), make([]byte, 2000)...)
	for _, c := range []struct {
		name string
		info model.TranscriberInfo
		o    PieceOptions
		data []byte
		file string
		want string
		is   error
	}{
		{"too long", model.TranscriberInfo{}, PieceOptions{FFmpeg: "-", Longest: 2 * time.Second}, talk, "a.wav", "longer than 2s", nil},
		{"no decoder", model.TranscriberInfo{Name: "command:w", WAVOnly: true}, PieceOptions{FFmpeg: "-"}, mp3, "a.mp3", "install ffmpeg to decode MP3 files for command:w", model.ErrNoProgram},
		{"no cutter", model.TranscriberInfo{MaxBytes: 1000}, PieceOptions{FFmpeg: "-"}, mp3, "a.mp3", "install ffmpeg to cut", model.ErrNoProgram},
		{"cut off", model.TranscriberInfo{}, PieceOptions{FFmpeg: "-"}, talk[:30], "a.wav", "damaged WAV", nil},
	} {
		_, err := InPieces(&fake{info: c.info}, &c.o).Transcribe(t.Context(), bytes.NewReader(c.data), c.file)
		if err == nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestPiecesGoWholeWithoutFFmpeg(t *testing.T) {
	f := &fake{err: errors.New("heard")}
	_, err := InPieces(f, &PieceOptions{FFmpeg: "-"}).Transcribe(t.Context(), strings.NewReader("ID3 and so on"), "a.mp3")
	if err == nil || err.Error() != "heard" || f.names[0] != "a.mp3" || f.sizes[0] != 13 {
		t.Errorf("%v, %v", err, f)
	}
}

func TestSilenceIsNotTranscribed(t *testing.T) {
	f := &fake{}
	got, err := InPieces(f, nil).Transcribe(t.Context(), bytes.NewReader(encodeWAV(8000, make([]int16, 80000))), "a.wav")
	if err != nil || len(got) != 0 || len(f.names) != 0 {
		t.Errorf("%v %v %v", got, err, f.names)
	}
}

func TestWAVKinds(t *testing.T) {
	want := tones(speechRate, 2)
	le := binary.LittleEndian
	make1 := func(code, channels, rate, bits int, put func(b []byte, v int16) []byte) []byte {
		var data []byte
		step := float64(speechRate) / float64(rate)
		for i := range int(float64(len(want)) / step) {
			for range channels {
				data = put(data, want[int(float64(i)*step)])
			}
		}
		b := []byte("RIFF\x00\x00\x00\x00WAVELIST\x03\x00\x00\x00abc\x00fmt ")
		b = le.AppendUint32(b, 16)
		b = le.AppendUint16(b, uint16(code))
		b = le.AppendUint16(b, uint16(channels))
		b = le.AppendUint32(b, uint32(rate))
		b = le.AppendUint32(b, 0)
		b = le.AppendUint16(b, 0)
		b = le.AppendUint16(b, uint16(bits))
		b = append(b, "data"...)
		b = le.AppendUint32(b, uint32(len(data)))
		return append(b, data...)
	}
	p16 := func(b []byte, v int16) []byte { return le.AppendUint16(b, uint16(v)) }
	for name, data := range map[string][]byte{
		"16 bit":        make1(formatPCM, 1, speechRate, 16, p16),
		"stereo 48 kHz": make1(formatPCM, 2, 48000, 16, p16),
		"8 bit":         make1(formatPCM, 1, speechRate, 8, func(b []byte, v int16) []byte { return append(b, byte(v>>8)+128) }),
		"24 bit":        make1(formatPCM, 1, speechRate, 24, func(b []byte, v int16) []byte { return append(b, 0, byte(v), byte(v>>8)) }),
		"32 bit":        make1(formatPCM, 1, 44100, 32, func(b []byte, v int16) []byte { return le.AppendUint32(b, uint32(v)<<16) }),
		"float":         make1(formatFloat, 1, speechRate, 32, func(b []byte, v int16) []byte { return le.AppendUint32(b, math.Float32bits(float32(v)/32767)) }),
		"open end":      bytes.Replace(make1(formatPCM, 1, speechRate, 16, p16), append([]byte("data"), le.AppendUint32(nil, uint32(2*len(want)))...), []byte("data\xff\xff\xff\xff"), 1),
	} {
		got, err := InPieces(&fake{}, &PieceOptions{FFmpeg: "-"}).Transcribe(t.Context(), bytes.NewReader(data), "a.wav")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		t.Run(name, func(t *testing.T) {
			if name == "8 bit" { // its quiet samples are not silence to the fake
				return
			}
			wordsAt(t, got, 2, 50*time.Millisecond)
		})
	}
	// Values of G.711 that its tables give.
	for b, v := range map[byte]int{0xff: 0, 0x80: 32124, 0x00: -32124, 0xf0: 120} {
		if muLaw(b) != v {
			t.Errorf("µ-law %02x: %d; want %d", b, muLaw(b), v)
		}
	}
	for b, v := range map[byte]int{0xd5: 8, 0x55: -8, 0xaa: 32256, 0x2a: -32256} {
		if aLaw(b) != v {
			t.Errorf("A-law %02x: %d; want %d", b, aLaw(b), v)
		}
	}
}

func TestFFmpeg(t *testing.T) {
	ffmpeg := findFFmpeg()
	if ffmpeg == "" {
		t.Skip("ffmpeg is not installed")
	}
	dir := t.TempDir()
	wav := filepath.Join(dir, "talk.wav")
	if err := os.WriteFile(wav, encodeWAV(speechRate, tones(speechRate, 8)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, ext := range []string{".mp3", ".m4a", ".flac", ".ogg", ".mkv", ".webm", ".mp4"} {
		file := filepath.Join(dir, "talk"+ext)
		if out, err := exec.Command(ffmpeg, "-v", "error", "-i", wav, file).CombinedOutput(); err != nil {
			t.Logf("%s cannot be made here: %v: %s", ext, err, out)
			continue
		}
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// Compression leaves noise where there was silence, so the words are not
		// told apart by the fake; that sound came, and for how long, is.
		for _, r := range []io.Reader{f, bytes.NewReader(data)} {
			heard := &fake{}
			_, err := InPieces(heard, nil).Transcribe(t.Context(), r, "recording"+ext)
			if err != nil || len(heard.sizes) != 1 || heard.sizes[0] < 15*speechBytes || heard.sizes[0] > 17*speechBytes {
				t.Errorf("%s: %v, %v", ext, err, heard.sizes)
			}
		}
		f.Close()
	}
	_, err := InPieces(&fake{}, nil).Transcribe(t.Context(), strings.NewReader("fLaC and then nothing that is right"), "a.flac")
	if err == nil || !strings.HasPrefix(err.Error(), "ffmpeg: ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("damaged: %v", err)
	}
	left, _ := filepath.Glob(filepath.Join(os.TempDir(), "lore-recording-*.flac"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// server is a fake of OpenAI's API that hears tones.
func server(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, call int) bool) (*httptest.Server, *int) {
	calls := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		if answer != nil && answer(w, r, calls) {
			return
		}
		if r.URL.Path != "/v1/audio/transcriptions" || r.FormValue("model") != "whisper-1" || r.Header.Get("Authorization") != "Bearer key" {
			http.Error(w, `{"error":{"message":"wrong request"}}`, http.StatusBadRequest)
			return
		}
		f, header, err := r.FormFile("file")
		if err != nil || header.Filename != "talk.wav" {
			http.Error(w, "no file", http.StatusBadRequest)
			return
		}
		data, err := io.ReadAll(f)
		if err != nil {
			t.Error(err)
		}
		segments, err := hear(data)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		type segment struct {
			Start float64 `json:"start"`
			End   float64 `json:"end"`
			Text  string  `json:"text"`
		}
		reply := struct {
			Text     string    `json:"text"`
			Segments []segment `json:"segments,omitempty"`
		}{}
		for _, s := range segments {
			reply.Text += " " + s.Text
			reply.Segments = append(reply.Segments, segment{s.From.Seconds(), s.To.Seconds(), " " + s.Text})
		}
		if r.FormValue("response_format") != "verbose_json" {
			reply.Segments = nil
		}
		if err := json.NewEncoder(w).Encode(reply); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	return s, &calls
}

func client(t *testing.T, url string) *OpenAI {
	o, err := NewOpenAI(OpenAIOptions{Model: "whisper-1", BaseURL: url + "/v1/", APIKey: "key"})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestOpenAI(t *testing.T) {
	s, _ := server(t, nil)
	got, err := client(t, s.URL).Transcribe(t.Context(), bytes.NewReader(encodeWAV(speechRate, tones(speechRate, 4))), "talk.wav")
	if err != nil {
		t.Fatal(err)
	}
	wordsAt(t, got, 4, 50*time.Millisecond)
}

func TestOpenAIRetries(t *testing.T) {
	s, calls := server(t, func(w http.ResponseWriter, _ *http.Request, call int) bool {
		if call < 3 {
			w.Header().Set("Retry-After", "0.001")
			w.WriteHeader([]int{0, 429, 503}[call])
			return true
		}
		return false
	})
	got, err := client(t, s.URL).Transcribe(t.Context(), bytes.NewReader(encodeWAV(speechRate, tones(speechRate, 2))), "talk.wav")
	if err != nil || *calls != 3 {
		t.Fatalf("%d calls: %v", *calls, err)
	}
	wordsAt(t, got, 2, 50*time.Millisecond)
}

func TestOpenAIWithoutVerbose(t *testing.T) {
	s, calls := server(t, func(w http.ResponseWriter, r *http.Request, _ int) bool {
		if r.FormValue("response_format") == "verbose_json" {
			http.Error(w, `{"error":{"message":"response_format 'verbose_json' is not compatible with this model"}}`, 400)
			return true
		}
		return false
	})
	c := client(t, s.URL)
	for i := range 2 {
		got, err := c.Transcribe(t.Context(), bytes.NewReader(encodeWAV(speechRate, tones(speechRate, 2))), "talk.wav")
		want := []model.Segment{{Text: "word0 word1"}}
		if d := cmp.Diff(want, got); err != nil || d != "" || *calls != 2+i {
			t.Errorf("%v, %d calls: %s", err, *calls, d)
		}
	}
}

func TestOpenAIErrors(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		kind   model.Kind
		want   string
		calls  int
	}{
		{401, `{"error":{"message":"Incorrect API key"}}`, model.KindAuth, "HTTP 401: Incorrect API key; check the API key", 1},
		{404, `{"detail":"Not Found"}`, model.KindNotFound, "HTTP 404: Not Found; is this", 1},
		{413, "<html><body>big", model.KindTooLarge, "HTTP 413: a web page", 1},
		{400, "bad\nfile", model.KindInvalid, "HTTP 400: bad file", 1},
		{500, `{"error":"out of memory"}`, model.KindUnavailable, "HTTP 500: out of memory", 3},
		{429, ``, model.KindRateLimit, "HTTP 429:", 3},
		{200, "hello", model.KindInvalid, "not a transcript", 1},
		{200, `{"error":{"message":"no such model"}}`, model.KindInvalid, "no such model", 1},
	} {
		s, calls := server(t, func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			w.Header().Set("Retry-After", "0.001")
			w.WriteHeader(c.status)
			io.WriteString(w, c.body)
			return true
		})
		_, err := client(t, s.URL).Transcribe(t.Context(), strings.NewReader("x"), "talk.wav")
		var failure *model.Error
		if !errors.As(err, &failure) || failure.Kind != c.kind || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || *calls != c.calls {
			t.Errorf("%d %q: %v after %d calls", c.status, c.body, err, *calls)
		}
	}
	s, _ := server(t, nil)
	s.Close()
	_, err := client(t, s.URL).Transcribe(t.Context(), strings.NewReader("x"), "talk.wav")
	var failure *model.Error
	if !errors.As(err, &failure) || failure.Kind != model.KindUnavailable || !failure.Temporary() {
		t.Errorf("no server: %v", err)
	}
}

func TestOpenAIDeadline(t *testing.T) {
	release := make(chan struct{})
	s, _ := server(t, func(http.ResponseWriter, *http.Request, int) bool { <-release; return true })
	defer close(release)
	o := client(t, s.URL)
	o.o.Timeout = 10 * time.Millisecond
	_, err := o.Transcribe(t.Context(), strings.NewReader("x"), "talk.wav")
	var failure *model.Error
	if !errors.As(err, &failure) || failure.Kind != model.KindTimeout {
		t.Errorf("%v", err)
	}
}

func TestOpenAIOptions(t *testing.T) {
	for _, o := range []OpenAIOptions{{}, {Model: "m"}, {Model: "m", BaseURL: "localhost:80"}, {Model: "m", BaseURL: "ftp://h"}} {
		if _, err := NewOpenAI(o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

func TestParseReplyDropsWhatIsNotSaid(t *testing.T) {
	got, err := parseReply([]byte(`{"text":"", "segments":[
		{"start":0,"end":1,"text":" Hello.\n"},
		{"start":1,"end":2,"text":"Thanks for watching","no_speech_prob":0.9,"avg_logprob":-1.5},
		{"start":0.5,"end":0.2,"text":"back"},
		{"start":-3,"end":1e300,"text":"odd"},
		{"start":3,"end":4,"text":"la"},{"start":4,"end":5,"text":"la"},{"start":5,"end":6,"text":"la"},{"start":6,"end":7,"text":"la"},{"start":7,"end":8,"text":"la"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for i, s := range got {
		texts = append(texts, s.Text)
		if s.To < s.From || i > 0 && s.From < got[i-1].From {
			t.Errorf("%v", s)
		}
	}
	if d := cmp.Diff([]string{"Hello.", "back", "odd", "la", "la", "la"}, texts); d != "" {
		t.Error(d)
	}
}

// script writes a program that stands for one of the two whispers: it counts the
// bytes of its input and says so.
func script(t *testing.T, body string) string {
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	name := filepath.Join(t.TempDir(), "whisper test")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+body), 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

const (
	pythonWhisper = `
if [ "$1" = --help ]; then echo "usage: whisper [--output_dir OUTPUT_DIR] [--output_format {txt,json}] audio"; exit 0; fi
while [ $# -gt 0 ]; do case "$1" in
  --output_dir) dir="$2"; shift 2;;
  --output_format|--verbose) shift 2;;
  --model) model="$2"; shift 2;;
  *) in="$1"; shift;;
esac; done
n=$(wc -c < "$in" | tr -d ' ')
printf '{"text":" x","segments":[{"start":0.5,"end":2.25,"text":" %s bytes by %s"}],"language":"en"}' "$n" "$model" > "$dir/speech.json"
`
	nativeWhisper = `
if [ "$1" = --help ]; then echo "  -oj, --output-json  output result in a JSON file" >&2; exit 1; fi
while [ $# -gt 0 ]; do case "$1" in
  -of) out="$2"; shift 2;;
  -m|-l) shift 2;;
  -f) in="$2"; shift 2;;
  *) shift;;
esac; done
n=$(wc -c < "$in" | tr -d ' ')
printf '{"result":{"language":"en"},"transcription":[{"timestamps":{},"offsets":{"from":500,"to":2250},"text":" %s bytes"}]}' "$n" > "$out.json"
`
)

func TestCommand(t *testing.T) {
	for _, c := range []struct{ name, body, args, want string }{
		{"openai-whisper", pythonWhisper, " --model small", "11 bytes by small"},
		{"whisper.cpp", nativeWhisper, " -m 'my model.bin'", "11 bytes"},
	} {
		command, err := NewCommand("'"+script(t, c.body)+"'"+c.args, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := command.Transcribe(t.Context(), strings.NewReader("eleven char"), "piece.wav")
		want := []model.Segment{{From: 500 * time.Millisecond, To: 2250 * time.Millisecond, Text: c.want}}
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%s: %v %s", c.name, err, d)
		}
	}
	left, _ := filepath.Glob(filepath.Join(os.TempDir(), "lore-whisper-*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCommandErrors(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"fails", "case $1 in --help) echo --output_dir;; *) echo no such model >&2; exit 3;; esac", "exit status 3: no such model"},
		{"writes nothing", "echo --output_dir", "it wrote no transcript"},
		{"is another program", "echo hello", "its --help names neither"},
		{"writes something else", pythonWhisper + "\necho nonsense > $dir/speech.json", "not a transcript"},
	} {
		command, err := NewCommand(script(t, c.body), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = command.Transcribe(t.Context(), strings.NewReader("x"), "piece.wav")
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	command, err := NewCommand(script(t, "case $1 in --help) echo --output_dir;; *) exec sleep 60;; esac"), &CommandOptions{Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	var failure *model.Error
	if _, err = command.Transcribe(t.Context(), strings.NewReader("x"), "piece.wav"); !errors.As(err, &failure) || failure.Kind != model.KindTimeout {
		t.Errorf("hangs: %v", err)
	}
	if _, err := NewCommand("no-such-whisper -m x", nil); !errors.Is(err, model.ErrNoProgram) {
		t.Errorf("missing: %v", err)
	}
	for _, line := range []string{"", "'open"} {
		if _, err := NewCommand(line, nil); err == nil {
			t.Errorf("%q was accepted", line)
		}
	}
}

func TestCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "transcripts")
	talk := encodeWAV(speechRate, tones(speechRate, 3))
	f := &fake{info: model.TranscriberInfo{Name: "a"}}
	for range 2 {
		got, err := Cached(f, dir).Transcribe(t.Context(), bytes.NewReader(talk), "a.wav")
		if err != nil {
			t.Fatal(err)
		}
		wordsAt(t, got, 3, 50*time.Millisecond)
	}
	if len(f.names) != 1 {
		t.Errorf("transcribed %d times", len(f.names))
	}
	other := &fake{info: model.TranscriberInfo{Name: "b"}}
	if _, err := Cached(other, dir).Transcribe(t.Context(), bytes.NewReader(talk), "a.wav"); err != nil || len(other.names) != 1 {
		t.Errorf("another model was not asked: %v", err)
	}
	f.err = errors.New("down")
	if _, err := Cached(f, dir).Transcribe(t.Context(), bytes.NewReader(talk[:len(talk)-2]), "a.wav"); err == nil {
		t.Error("a failure was forgotten")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(files) != 2 {
		t.Errorf("%v", files)
	}
	old := time.Now().Add(-keepFor - time.Hour)
	if err := os.Chtimes(files[0], old, old); err != nil {
		t.Fatal(err)
	}
	Cached(f, dir).removeOld()
	if _, err := os.Stat(files[0]); err == nil {
		t.Error("an old transcript was kept")
	}
}

func FuzzWAV(f *testing.F) {
	f.Add(encodeWAV(speechRate, tones(speechRate, 1)[:400]))
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x03\x00\x01\x00\x80\x3e\x00\x00\x00\xfa\x00\x00\x04\x00\x20\x00data\xff\xff\xff\xff\x00\x00\x80\x3f"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p := InPieces(&fake{info: model.TranscriberInfo{WAVOnly: true}}, &PieceOptions{FFmpeg: "-", Longest: time.Minute})
		_, _ = p.Transcribe(t.Context(), bytes.NewReader(data), "a.wav")
	})
}

func FuzzReply(f *testing.F) {
	f.Add([]byte(`{"text":"a","segments":[{"start":0,"end":1,"text":"a"}]}`))
	f.Add([]byte(`{"transcription":[{"offsets":{"from":0,"to":8000},"text":" a"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		segments, err := parseOutput(data)
		if err != nil {
			return
		}
		for i, s := range segments {
			if s.From < 0 || s.To < s.From || i > 0 && s.From < segments[i-1].From || s.Text == "" || strings.Contains(s.Text, "\n") {
				t.Fatalf("%+v", segments)
			}
		}
	})
}

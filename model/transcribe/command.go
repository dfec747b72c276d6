package transcribe

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lore-kb/lore/model"
)

// CommandOptions say how a local whisper is run. Zero fields mean the defaults in
// parentheses.
type CommandOptions struct {
	Timeout time.Duration // for one piece (2 minutes and 20 times as long as it plays)
}

// Command is a [model.Transcriber] that runs a local program: the whisper of
// openai-whisper and those that take its arguments, or the whisper-cli of
// whisper.cpp. What the program is, its own help tells. One runs at a time: each
// uses all processors.
type Command struct {
	path string
	args []string
	o    CommandOptions

	turn   sync.Mutex
	asked  bool
	native bool // whisper.cpp
}

// commandSlowness is how many times longer than the speech a local model may
// take: large ones on old processors do.
const commandSlowness = 20

// NewCommand returns a transcriber for a command line: the program's name or
// path, and arguments to be added, such as "whisper --model small" or
// "whisper-cli -m /models/ggml-base.bin". Arguments with blanks stand in quotes.
// A program that is not there is an error that wraps [model.ErrNoProgram].
func NewCommand(line string, o *CommandOptions) (*Command, error) {
	c := &Command{}
	if o != nil {
		c.o = *o
	}
	words := []string{line}
	if _, err := os.Stat(line); err != nil { // else the path itself holds blanks
		if words, err = splitWords(line); err != nil {
			return nil, err
		}
	}
	if len(words) == 0 || words[0] == "" {
		return nil, errors.New("program missing: write it as command:whisper or command:/path/to/whisper-cli")
	}
	found, err := exec.LookPath(words[0])
	if err != nil {
		return nil, fmt.Errorf("%w: %s is not installed or cannot be run", model.ErrNoProgram, words[0])
	}
	c.path, c.args = found, words[1:]
	return c, nil
}

// splitWords cuts a command line at blanks outside quotes.
func splitWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote rune
	inside := false
	for _, r := range line {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			} else {
				word.WriteRune(r)
			}
		case r == '"' || r == '\'':
			quote, inside = r, true
		case r == ' ' || r == '\t':
			if inside {
				words = append(words, word.String())
			}
			word.Reset()
			inside = false
		default:
			word.WriteRune(r)
			inside = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("command %q: a quote is not closed", line)
	}
	if inside {
		words = append(words, word.String())
	}
	return words, nil
}

// Info implements [model.Transcriber].
func (c *Command) Info() model.TranscriberInfo {
	return model.TranscriberInfo{Name: "command:" + strings.Join(append([]string{filepath.Base(c.path)}, c.args...), " "), WAVOnly: true}
}

// Transcribe implements [model.Transcriber].
func (c *Command) Transcribe(ctx context.Context, audio io.Reader, name string) ([]model.Segment, error) {
	c.turn.Lock()
	defer c.turn.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := c.learn(ctx); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "lore-whisper-*")
	if err != nil {
		return nil, fmt.Errorf("transcribe: %w", err)
	}
	defer os.RemoveAll(dir)
	in := filepath.Join(dir, "speech"+filepath.Ext(name))
	size, err := writeFile(in, audio)
	if err != nil {
		return nil, fmt.Errorf("transcribe: %w", err)
	}
	timeout := c.o.Timeout
	if timeout <= 0 {
		timeout = leastTimeout + commandSlowness*time.Duration(size/speechBytes)*time.Second
	}
	var args []string
	if c.native {
		args = []string{"-f", in, "-oj", "-of", filepath.Join(dir, "speech"), "-np"}
		if !slices.Contains(c.args, "-l") && !slices.Contains(c.args, "--language") {
			args = append(args, "-l", "auto")
		}
	} else {
		args = []string{in, "--output_format", "json", "--output_dir", dir, "--verbose", "False"}
	}
	if err := c.run(ctx, timeout, io.Discard, append(slices.Clone(c.args), args...)...); err != nil {
		return nil, err
	}
	reply, err := readFile(filepath.Join(dir, "speech.json"))
	if err != nil {
		return nil, c.errorf(model.KindInvalid, "it wrote no transcript: %v", err)
	}
	segments, err := parseOutput(reply)
	if err != nil {
		return nil, c.errorf(model.KindInvalid, "%v", err)
	}
	return segments, nil
}

func writeFile(name string, r io.Reader) (int64, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(f, r)
	if e := f.Close(); err == nil {
		err = e
	}
	return n, err
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, errors.New("no file speech.json")
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxReply+1))
	if len(b) > maxReply {
		return nil, fmt.Errorf("more than %d MB", maxReply>>20)
	}
	return b, err
}

// learn asks the program once which of the two it is.
func (c *Command) learn(ctx context.Context) error {
	if c.asked {
		return nil
	}
	help := &tail{}
	// Programs disagree on whether asking for help is a success.
	err := c.run(ctx, leastTimeout, help, "--help")
	text := string(help.b)
	if e := (*model.Error)(nil); errors.As(err, &e) {
		text += e.Message
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case strings.Contains(text, "--output_format"), strings.Contains(text, "--output_dir"):
	case strings.Contains(text, "--output-json"), strings.Contains(text, "-oj"):
		c.native = true
	default:
		return c.errorf(model.KindInvalid, "its --help names neither --output_format (openai-whisper) nor --output-json (whisper.cpp)")
	}
	c.asked = true
	return nil
}

func (c *Command) errorf(kind model.Kind, format string, args ...any) *model.Error {
	return &model.Error{Kind: kind, Server: c.path, Model: filepath.Base(c.path), Message: fmt.Sprintf(format, args...)}
}

// run runs the program; both its outputs go to out as well.
func (c *Command) run(ctx context.Context, timeout time.Duration, out io.Writer, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.path, args...)
	cmd.WaitDelay = time.Second
	errs := &tail{}
	cmd.Stdout, cmd.Stderr = out, io.MultiWriter(errs, out)
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return c.errorf(model.KindTimeout, "no transcript within %s", timeout)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return c.errorf(model.KindInvalid, "%v: %s", err, cmp.Or(errs.line(), "it says nothing more"))
}

// parseOutput reads the JSON of either program.
func parseOutput(b []byte) ([]model.Segment, error) {
	var native struct {
		Transcription []struct {
			Offsets struct {
				From int64 `json:"from"`
				To   int64 `json:"to"`
			} `json:"offsets"`
			Text string `json:"text"`
		} `json:"transcription"`
	}
	if json.Unmarshal(b, &native) == nil && native.Transcription != nil {
		var out []model.Segment
		for _, s := range native.Transcription {
			out = append(out, model.Segment{
				From: seconds(float64(s.Offsets.From) / 1000), To: seconds(float64(s.Offsets.To) / 1000), Text: s.Text,
			})
		}
		return tidy(out), nil
	}
	segments, err := parseReply(b)
	if err != nil {
		return nil, errors.New("its output is not a transcript")
	}
	return segments, nil
}

package transcribe

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"time"
)

func findFFmpeg() string {
	p, err := exec.LookPath("ffmpeg")
	if err != nil {
		return ""
	}
	return p
}

// demuxers are ffmpeg's readers by the ending of the container. The reader is
// always named: one that ffmpeg chose itself might be a playlist, which may lead
// to other files.
var demuxers = map[string]string{
	".wav": "wav", ".mp3": "mp3", ".m4a": "mov", ".mp4": "mov", ".mov": "mov", ".3gp": "mov", ".flac": "flac", ".ogg": "ogg",
	".mkv": "matroska", ".webm": "matroska", ".aac": "aac", ".amr": "amr", ".aiff": "aiff", ".wma": "asf", ".avi": "avi",
}

// decoded are the samples that ffmpeg writes.
type decoded struct {
	cmd    *exec.Cmd
	out    *bufio.Reader
	pipe   io.Closer
	errs   *tail
	cancel context.CancelFunc
	closed bool
	ended  bool
	buf    []byte
}

// decodeFile starts to decode the sound of a file. Name's ending is the kind of
// container.
func decodeFile(ctx context.Context, ffmpeg, file, name string, longest time.Duration) (samples, error) {
	demuxer, ok := demuxers[path.Ext(name)]
	if !ok {
		return nil, fmt.Errorf("no decoder for %s files", kindName(name))
	}
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, ffmpeg, "-nostdin", "-v", "error", "-protocol_whitelist", "file,pipe",
		"-f", demuxer, "-i", "file:"+file, "-map", "0:a:0", "-t", strconv.Itoa(int(longest.Seconds())+1),
		"-ac", "1", "-ar", strconv.Itoa(speechRate), "-bitexact", "-f", "s16le", "pipe:1")
	cmd.WaitDelay = time.Second
	d := &decoded{cmd: cmd, errs: &tail{}, cancel: cancel}
	cmd.Stderr = d.errs
	pipe, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("start ffmpeg: %w", err)
	}
	d.out, d.pipe = bufio.NewReaderSize(pipe, 256<<10), pipe
	return d, nil
}

func (d *decoded) Rate() int { return speechRate }

func (d *decoded) Read(buf []int16) (int, error) {
	if len(d.buf) < 2*len(buf) {
		d.buf = make([]byte, 2*len(buf))
	}
	n, err := io.ReadFull(d.out, d.buf[:2*len(buf)])
	for i := range n / 2 {
		buf[i] = int16(binary.LittleEndian.Uint16(d.buf[2*i:]))
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		d.ended = true
		if n < 2 {
			return 0, io.EOF
		}
		return n / 2, nil
	}
	return n / 2, err
}

// Close ends ffmpeg. That it failed is an error only where it was read to its end.
func (d *decoded) Close() error {
	if d.closed {
		return nil
	}
	d.closed = true
	if !d.ended {
		d.cancel()
	}
	err := d.cmd.Wait()
	d.cancel()
	if err == nil || !d.ended {
		return nil
	}
	if text := d.errs.line(); strings.Contains(text, "matches no streams") {
		return errors.New("no sound in it")
	} else if text != "" {
		return fmt.Errorf("ffmpeg: %s", text)
	}
	return fmt.Errorf("ffmpeg: %w", err)
}

// tail keeps the end of what a program says of its errors.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	const most = 4 << 10
	t.b = append(t.b, p...)
	if len(t.b) > most {
		t.b = t.b[len(t.b)-most:]
	}
	return len(p), nil
}

// line is the last line that was written.
func (t *tail) line() string {
	lines := strings.Split(strings.TrimSpace(string(t.b)), "\n")
	return oneLine(lines[len(lines)-1])
}

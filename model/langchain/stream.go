package langchain

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/lore-kb/lore/model"
)

// maxEvent is the longest event line handed on: langchaingo's scanner stops at
// 64 KiB.
const maxEvent = 48 << 10

// streamWatch passes a server's event stream on, event by event, and notes what
// langchaingo does not tell: errors inside the stream, how the answer ended, and
// whether the connection broke before.
type streamWatch struct {
	x    *exchange
	body io.ReadCloser
	in   *bufio.Reader
	out  bytes.Buffer
	err  error // what the next Read returns once out is empty

	finish string // the last reason given
	done   bool   // the stream said that it is complete
}

func newStreamWatch(x *exchange, resp *http.Response) *streamWatch {
	w := &streamWatch{x: x, body: resp.Body, in: bufio.NewReaderSize(resp.Body, 16<<10)}
	if kind := resp.Header.Get("Content-Type"); strings.HasPrefix(kind, "application/json") || strings.HasPrefix(kind, "text/html") {
		w.whole()
	}
	return w
}

// whole turns an answer that came in one piece, though a stream was asked for,
// into events.
func (w *streamWatch) whole() {
	body, err := io.ReadAll(io.LimitReader(w.in, maxBody))
	w.err = io.EOF
	var answer struct {
		Choices []struct {
			Message      struct{ Content string } `json:"message"`
			FinishReason string                   `json:"finish_reason"`
		} `json:"choices"`
		Usage json.RawMessage `json:"usage"`
	}
	switch text, code := errorIn(body); {
	case text != "":
		w.fail(w.x.errorf(kindOf(code, text), code, "%s", text))
	case err != nil:
		w.fail(w.x.errorf(model.KindTruncated, 0, "the answer broke off"))
	case json.Unmarshal(body, &answer) != nil || len(answer.Choices) == 0:
		w.fail(w.x.errorf(model.KindInvalid, http.StatusOK, "the answer is not understood (%s): is this the address of an OpenAI-compatible API?", excerpt(body)))
	default:
		w.done, w.finish = true, answer.Choices[0].FinishReason
		w.emitContent(answer.Choices[0].Message.Content)
		if len(answer.Usage) > 0 && string(answer.Usage) != "null" {
			w.out.WriteString(`data: {"choices":[],"usage":` + string(answer.Usage) + "}\n\n")
		}
	}
}

func (w *streamWatch) Read(p []byte) (int, error) {
	for w.out.Len() == 0 {
		if w.err != nil {
			return 0, w.err
		}
		w.next()
	}
	return w.out.Read(p)
}

func (w *streamWatch) Close() error { return w.body.Close() }

// next moves one line from the server to out.
func (w *streamWatch) next() {
	line, err := readLine(w.in)
	if len(line) > 0 {
		w.x.progress()
	}
	switch {
	case errors.Is(err, errTooLong):
		w.fail(w.x.errorf(model.KindInvalid, 0, "an event of the answer is larger than %d MB", maxBody>>20))
		return
	case err != nil && !errors.Is(err, io.EOF):
		w.fail(w.x.errorf(model.KindTruncated, 0, "the connection broke in the middle of the answer"))
		return
	case err != nil:
		w.err = io.EOF
	}
	data, isData := bytes.CutPrefix(line, []byte("data:"))
	if data = bytes.TrimSpace(data); !isData || len(data) == 0 {
		return
	}
	if string(data) == "[DONE]" {
		w.done = true
		w.out.WriteString("data: [DONE]\n\n")
		return
	}
	w.event(data)
}

func (w *streamWatch) event(data []byte) {
	if text, code := errorIn(data); text != "" {
		w.fail(w.x.errorf(kindOf(orStatus(code), text), code, "%s", text))
		return
	}
	var event struct {
		Type    string `json:"type"` // Anthropic
		Choices []struct {
			Delta        struct{ Content string } `json:"delta"`
			FinishReason string                   `json:"finish_reason"`
		} `json:"choices"`
	}
	if json.Unmarshal(data, &event) != nil {
		return
	}
	if event.Type == "message_stop" {
		w.done = true
	}
	if len(event.Choices) > 0 && event.Choices[0].FinishReason != "" {
		w.done, w.finish = true, event.Choices[0].FinishReason
	}
	if len(data) > maxEvent && len(event.Choices) > 0 {
		w.emitContent(event.Choices[0].Delta.Content)
		return
	}
	w.out.WriteString("data: ")
	w.out.Write(data)
	w.out.WriteString("\n\n")
}

// emitContent writes text as events that are short enough.
func (w *streamWatch) emitContent(text string) {
	for len(text) > 0 {
		n := min(len(text), maxEvent/8)
		for n < len(text) && text[n]&0xC0 == 0x80 {
			n++
		}
		piece, _ := json.Marshal(text[:n])
		w.out.WriteString(`data: {"choices":[{"delta":{"content":` + string(piece) + "}}]}\n\n")
		text = text[n:]
	}
}

func (w *streamWatch) fail(e *model.Error) {
	if w.x.failure == nil {
		w.x.failure = e
	}
	w.err = io.EOF
}

// orStatus takes an error inside a stream for the server's when it has no code.
func orStatus(code int) int {
	if code == 0 {
		return http.StatusInternalServerError
	}
	return code
}

var errTooLong = errors.New("line too long")

// readLine reads up to and including a newline, of any length up to maxBody.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxBody {
			return nil, errTooLong
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

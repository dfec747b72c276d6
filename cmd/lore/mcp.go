package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/spf13/cobra"
)

func (p *program) mcpCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mcp",
		Short: "Speak the Model Context Protocol over standard input and output",
		Long: `Speak the Model Context Protocol over standard input and output, for editors and
agents: tools to ask, search and read documents. "lore serve" offers the same
over HTTP at /mcp.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			server, err := p.server(cmd.Context(), serveFlags{readOnly: true})
			if err != nil {
				return err
			}
			defer server.Close()
			talk := newTalk(cmd.Context(), p.out)
			return server.ServeMCP(cmd.Context(), &mcp.IOTransport{Reader: talk.reader(p.in), Writer: talk.writer()})
		},
	}
	for _, key := range []string{"model", "language", "caution", "reranker"} {
		settingFlag(cmd, key, "")
	}
	return cmd
}

// talk stands between the protocol's connection and the two ends of a pipe. The
// connection drops what is open when its input ends, and a client that writes all
// its calls and closes would get none: talk holds the end back until every call
// has its answer. The connection also ends at the first line that is no message:
// talk answers such a line itself and passes on the next.
type talk struct {
	ctx  context.Context
	to   io.Writer
	mu   sync.Mutex
	open int           // calls without an answer
	done chan struct{} // closed when open falls to 0 after the end of the input
	end  bool
}

func newTalk(ctx context.Context, to io.Writer) *talk {
	return &talk{ctx: ctx, to: to, done: make(chan struct{})}
}

// Codes of errors in JSON-RPC.
const (
	rpcParse   = -32700
	rpcInvalid = -32600
)

// refuse answers a line that is no message.
func (t *talk) refuse(code int, message string) {
	line, _ := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": nil, "error": map[string]any{"code": code, "message": message}})
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = t.to.Write(append(line, '\n'))
}

// message is what is looked at of a message.
type message struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method"`
}

// read counts a message that was read; it reports false for a line that is none,
// after answering it.
func (t *talk) read(line []byte) bool {
	if len(bytes.TrimSpace(line)) == 0 {
		return false
	}
	if !utf8.Valid(line) || !json.Valid(line) {
		t.refuse(rpcParse, "this line is not JSON; send one message a line, in UTF-8")
		return false
	}
	if _, err := jsonrpc.DecodeMessage(line); err != nil {
		t.refuse(rpcInvalid, "this line is no message of JSON-RPC 2.0")
		return false
	}
	var m message
	if json.Unmarshal(line, &m) == nil && m.ID != nil && m.Method != "" {
		t.mu.Lock()
		t.open++
		t.mu.Unlock()
	}
	return true
}

// wrote counts an answer that was written.
func (t *talk) wrote(line []byte) {
	var m message
	if json.Unmarshal(line, &m) != nil || m.ID == nil || m.Method != "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open--
	t.settle()
}

// settle closes done when nothing more is to come; the caller holds mu.
func (t *talk) settle() {
	if t.end && t.open <= 0 {
		select {
		case <-t.done:
		default:
			close(t.done)
		}
	}
}

func (t *talk) reader(r io.Reader) io.ReadCloser {
	return &talkReader{talk: t, from: bufio.NewReader(r)}
}

func (t *talk) writer() io.WriteCloser { return &talkWriter{t} }

// longestMessage bounds a line that is read.
const longestMessage = 4 << 20

// talkReader reads messages, one a line.
type talkReader struct {
	*talk
	from *bufio.Reader
	rest []byte // of a message that was read
}

func (r *talkReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		line, err := r.line()
		if len(line) > 0 && r.read(line) {
			r.rest = append(bytes.TrimRight(line, "\r\n"), '\n')
			break
		}
		if err != nil {
			r.mu.Lock()
			r.end = true
			r.settle()
			r.mu.Unlock()
			select {
			case <-r.done:
			case <-r.ctx.Done():
			}
			return 0, err
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// line reads a line; one that is too long is answered and skipped.
func (r *talkReader) line() ([]byte, error) {
	var line []byte
	long := false
	for {
		piece, err := r.from.ReadSlice('\n')
		if long = long || len(line)+len(piece) > longestMessage; !long {
			line = append(line, piece...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if long {
			r.refuse(rpcInvalid, "this line is too long; at most 4 MiB are taken")
			return nil, err
		}
		return line, err
	}
}

func (r *talkReader) Close() error { return nil }

// talkWriter writes messages, each with one call, and outlives its transport.
type talkWriter struct{ *talk }

func (w *talkWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	n, err := w.to.Write(p)
	w.mu.Unlock()
	for line := range bytes.SplitSeq(p, []byte("\n")) {
		w.wrote(line)
	}
	return n, err
}

func (w *talkWriter) Close() error { return nil }

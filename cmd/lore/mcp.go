package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"sync"

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
			talk := newTalk(cmd.Context())
			return server.ServeMCP(cmd.Context(), &mcp.IOTransport{Reader: talk.reader(p.in), Writer: talk.writer(p.out)})
		},
	}
	for _, key := range []string{"model", "language", "caution"} {
		settingFlag(cmd, key, "")
	}
	return cmd
}

// talk holds back the end of the input until every call has its answer: the
// protocol's connection drops what is open when its input ends, and a client that
// writes all its calls and closes would get none.
type talk struct {
	ctx  context.Context
	mu   sync.Mutex
	open int           // calls without an answer
	done chan struct{} // closed when open falls to 0 after the end of the input
	end  bool
}

func newTalk(ctx context.Context) *talk { return &talk{ctx: ctx, done: make(chan struct{})} }

// count looks at one message that was read or written.
func (t *talk) count(line []byte) {
	var message struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
	}
	if json.Unmarshal(line, &message) != nil || message.ID == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if message.Method != "" {
		t.open++
		return
	}
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

func (t *talk) reader(r io.Reader) io.ReadCloser { return &talkReader{talk: t, from: r} }

func (t *talk) writer(w io.Writer) io.WriteCloser { return &talkWriter{talk: t, to: w} }

// talkReader reads messages, one a line.
type talkReader struct {
	*talk
	from io.Reader
	rest []byte
}

func (r *talkReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.rest = append(r.rest, p[:n]...)
	for {
		line, rest, ok := bytes.Cut(r.rest, []byte("\n"))
		if !ok {
			break
		}
		r.count(line)
		r.rest = rest
	}
	if err == nil || n > 0 {
		return n, nil
	}
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

func (r *talkReader) Close() error { return nil }

// talkWriter writes messages, each with one call, and outlives its transport.
type talkWriter struct {
	*talk
	to io.Writer
}

func (w *talkWriter) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	for line := range bytes.SplitSeq(p, []byte("\n")) {
		w.count(line)
	}
	return n, err
}

func (w *talkWriter) Close() error { return nil }

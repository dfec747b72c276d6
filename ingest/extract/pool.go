package extract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/internal/sandbox"
)

// ChildArg is the hidden first argument that makes the program a child of a
// [Pool].
const ChildArg = "__extract"

// PoolOptions parametrise a [Pool]. Zero fields mean the defaults in
// parentheses.
type PoolOptions struct {
	Options
	Workers    int           // child processes at once (2)
	Timeout    time.Duration // for one file (60s)
	MemoryMB   int           // cap on the memory of one child (512)
	Executable string        // that calls [MaybeChild] ([os.Executable])
	Args       []string      // ([ChildArg])
	Env        []string      // added to a child's nearly empty environment
	NoOCR      bool          // leaves images of text unread even where tesseract is installed
	NoOffice   bool          // leaves formats that only LibreOffice knows unread even where it is installed
	Captioner  Captioner     // describes pictures; nil: none does
}

// Pool reads each file in a child process, so that a file that hangs, bombs or
// crashes its reader costs that file alone. Only short plain text and Markdown are
// read in the calling process: see plainBytes. It is an [ingest.Extractor], safe
// for concurrent use; as many files are read at once as it has workers.
type Pool struct {
	p       *sandbox.Pool
	local   *local
	version string
	ocr     *ocr // nil: none wanted
	caption Captioner
	office  *office // nil: not installed, or not wanted
}

// NewPool returns a pool. Close it to end its children.
func NewPool(o *PoolOptions) (*Pool, error) {
	var c PoolOptions
	if o != nil {
		c = *o
	}
	pool := &Pool{version: version, caption: c.Captioner}
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = time.Minute
	}
	if !c.NoOffice {
		pool.office = findOffice(timeout)
	}
	if !c.NoOCR {
		pool.ocr = findOCR(max(c.Workers, 2), timeout)
	}
	c.Pictures, c.Media = pool.seesPictures(), c.Captioner != nil
	c.Scans = pool.ocr != nil && pool.ocr.tesseract != "" && pool.ocr.pdftoppm != ""
	setup, err := json.Marshal(c.Options)
	if err != nil {
		return nil, fmt.Errorf("set up extraction: %w", err)
	}
	if len(c.Args) == 0 {
		c.Args = []string{ChildArg}
	}
	// Text, its blocks and their sections.
	maxReply := int64(c.Options.withDefaults().MaxText)*3 + 64<<20
	p, err := sandbox.NewPool(&sandbox.Options{
		Executable: c.Executable, Args: c.Args, Env: c.Env, Setup: setup,
		Workers: c.Workers, Timeout: c.Timeout, MemoryMB: c.MemoryMB, MaxReply: maxReply,
	})
	if err != nil {
		return nil, fmt.Errorf("set up extraction: %w", err)
	}
	pool.p, pool.local = p, &local{c.Options.withDefaults()}
	return pool, nil
}

// Supported is like the function of that name, and true as well for images where
// tesseract is installed or a captioner is at hand, and for old formats where
// LibreOffice is installed.
func (p *Pool) Supported(name string, head []byte) bool {
	return Supported(name, head) || p.seesPictures() && imageMedia(head) != "" || p.office != nil && officeTarget(head) != ""
}

// Version implements [ingest.Extractor].
func (p *Pool) Version() string { return p.version }

// Extract implements [ingest.Extractor]. Images and scanned PDF files are read by
// tesseract where it is installed.
func (p *Pool) Extract(ctx context.Context, in ingest.Input) ([]ingest.Document, error) {
	if media := Recording(in.Data); media != "" {
		return []ingest.Document{{MediaType: media, Recording: in.Data}}, nil // nothing of it is read here
	}
	docs, err := p.read(ctx, in)
	if err != nil && (errors.Is(err, ingest.ErrNoText) || errors.Is(err, ingest.ErrUnsupported)) {
		if media := imageMedia(in.Data); media != "" {
			return p.picture(ctx, in, media, err)
		}
		if errors.Is(err, ingest.ErrUnsupported) && officeTarget(in.Data) != "" {
			return p.old(ctx, in, err)
		}
		if p.ocr != nil {
			return p.ocr.extract(ctx, in, err)
		}
	}
	return p.pictures(ctx, docs, in.Data, err)
}

// plainBytes is up to what size plain text and Markdown are read in the calling
// process. Handing a file over takes longer than reading such a one, and there is
// nothing in it to unpack or to follow: time that grows with the square of its
// size, the worst that parsers of Markdown are known for, is half a second then.
const plainBytes = 64 << 10

// plain reads a file that need not go to a child; ok is false for others.
func (p *Pool) plain(ctx context.Context, in ingest.Input) (docs []ingest.Document, ok bool, err error) {
	defer recovered(&docs, &err)
	probe := newProbe(in.Name, in.Data)
	if len(in.Data) == 0 || len(in.Data) > plainBytes || ctx.Err() != nil || !probe.named(".md", ".markdown", ".txt") {
		return nil, false, nil
	}
	f, _ := recognise(probe)
	if f == nil || f.media != "text/markdown" && f.name != "text file" {
		return nil, false, nil
	}
	j := p.local.job(ctx, in)
	j.probe = probe
	docs, err = j.readAs(f, in)
	return docs, true, err
}

func (p *Pool) read(ctx context.Context, in ingest.Input) ([]ingest.Document, error) {
	if docs, ok, err := p.plain(ctx, in); ok || err != nil {
		return docs, err
	}
	reply, err := p.p.Do(ctx, encodeRequest(in))
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, err
	case errors.Is(err, sandbox.ErrTimeout):
		return nil, &failure{ingest.ErrTimeout.Error() + ": " + err.Error(), ingest.ErrTimeout}
	case errors.Is(err, sandbox.ErrMemory):
		return nil, &failure{ingest.ErrTooLarge.Error() + ": reading it " + err.Error(), ingest.ErrTooLarge}
	case errors.Is(err, sandbox.ErrTooLarge):
		return nil, &failure{ingest.ErrTooLarge.Error() + ": " + err.Error(), ingest.ErrTooLarge}
	case errors.Is(err, sandbox.ErrDied):
		return nil, &failure{ingest.ErrDamaged.Error() + ": the process that read it died: " + err.Error(), ingest.ErrDamaged}
	default:
		return nil, fmt.Errorf("extract: %w", err)
	}
	docs, err := decodeReply(reply)
	if errors.Is(err, errWire) {
		return nil, &failure{ingest.ErrDamaged.Error() + ": " + err.Error(), ingest.ErrDamaged}
	}
	return docs, err
}

// Close ends the child processes.
func (p *Pool) Close() error { return p.p.Close() }

// MaybeChild makes the process a child of a [Pool], and does not return, when it
// was started as one. A program that uses a pool calls it first thing in main;
// a test does so in TestMain.
func MaybeChild() {
	if len(os.Args) > 1 && os.Args[1] == ChildArg {
		ChildMain()
	}
}

// ChildMain serves files from standard input until it ends, then exits.
func ChildMain() {
	// A child that cannot be confined still has its deadline and its watched
	// memory; refusing to read would help nobody on an old kernel.
	_ = sandbox.Confine(sandbox.Limits{})
	os.Exit(RunChild(os.Stdin, os.Stdout))
}

// RunChild answers the requests of a [Pool] and returns an exit code.
func RunChild(stdin io.Reader, stdout io.Writer) int {
	l := &local{o: (*Options)(nil).withDefaults()}
	setup := func(b []byte) {
		var o Options
		if json.Unmarshal(b, &o) == nil {
			l.o = o.withDefaults()
		}
	}
	return sandbox.Serve(stdin, stdout, setup, func(req []byte) []byte {
		in, err := decodeRequest(req)
		if err != nil {
			return encodeReply(nil, err)
		}
		return encodeReply(l.Extract(context.Background(), in))
	})
}

package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// shared is the browser of all tests; each has a context of its own in it, as if
// in a private window.
var shared struct {
	once   sync.Once
	ctx    context.Context
	stop   []context.CancelFunc
	folder string
	err    error
}

func startBrowser() {
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		return
	}
	if shared.folder, shared.err = os.MkdirTemp("", "lore-browser-"); shared.err != nil {
		return
	}
	allocated, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(1280, 900), chromedp.UserDataDir(shared.folder),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-quic", true),
		chromedp.WSURLReadTimeout(time.Minute))...)
	shared.stop = append(shared.stop, stop)
	shared.ctx, stop = chromedp.NewContext(allocated, chromedp.WithErrorf(func(string, ...any) {}))
	shared.stop = append(shared.stop, stop)
	shared.err = chromedp.Run(shared.ctx)
}

func stopBrowser() {
	if shared.ctx != nil {
		_ = chromedp.Cancel(shared.ctx) // waits until the browser has let go of its folder
	}
	for _, stop := range shared.stop {
		stop()
	}
	if shared.folder != "" {
		_ = os.RemoveAll(shared.folder)
	}
}

// pageLog is what went on in a page.
type pageLog struct {
	mu       sync.Mutex
	requests []string
	wrong    []string
}

func (w *pageLog) add(list *[]string, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*list = append(*list, fmt.Sprintf(format, args...))
}

// browser opens a tab, or skips the test where no browser is installed. When the
// test ends, nothing may have gone wrong in the page, no script or style have
// been refused by the policy, and no request have gone anywhere but to the
// server.
func browser(t *testing.T, language, server string) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a browser")
	}
	shared.once.Do(startBrowser)
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	if shared.ctx == nil {
		t.Skip("no browser is installed")
	}
	// A window for each: a context without one opens no tabs.
	of := cdp.WithExecutor(shared.ctx, chromedp.FromContext(shared.ctx).Browser)
	window, err := target.CreateBrowserContext().Do(of)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.DisposeBrowserContext(window).Do(of) })
	tab, err := target.CreateTarget("about:blank").WithBrowserContextID(window).WithNewWindow(true).WithWidth(1280).WithHeight(900).Do(of)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(shared.ctx, chromedp.WithTargetID(tab))
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	seen := &pageLog{}
	chromedp.ListenTarget(ctx, func(event any) {
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			seen.add(&seen.requests, "%s", e.Request.URL)
		case *runtime.EventExceptionThrown:
			seen.add(&seen.wrong, "exception: %s", e.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			for _, arg := range e.Args {
				if e.Type == runtime.APITypeError || strings.Contains(string(arg.Value), "policy:") {
					seen.add(&seen.wrong, "console: %s", arg.Value)
				}
			}
		case *page.EventJavascriptDialogOpening:
			go func() { _ = chromedp.Run(ctx, page.HandleJavaScriptDialog(true)) }()
		}
	})
	t.Cleanup(func() {
		seen.mu.Lock()
		defer seen.mu.Unlock()
		for _, wrong := range seen.wrong {
			t.Error(wrong)
		}
		for _, url := range seen.requests {
			if !strings.HasPrefix(url, server+"/") && !strings.HasPrefix(url, "blob:"+server+"/") && !strings.HasPrefix(url, "data:") && url != "about:blank" {
				t.Errorf("the page asked %s", url)
			}
		}
	})
	err = chromedp.Run(ctx, network.Enable(), runtime.Enable(),
		emulation.SetUserAgentOverride("Mozilla/5.0 lore test").WithAcceptLanguage(language),
		chromedp.ActionFunc(func(ctx context.Context) error {
			_, err := page.AddScriptToEvaluateOnNewDocument(`addEventListener("securitypolicyviolation", e => console.warn("policy: " + e.violatedDirective + " " + e.blockedURI))`).Do(ctx)
			return err
		}))
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

// runSteps runs actions, each again when the page exchanged the node that it
// was about to act on.
func runSteps(t *testing.T, ctx context.Context, actions ...chromedp.Action) {
	t.Helper()
	for i, action := range actions {
		retried := chromedp.ActionFunc(func(ctx context.Context) error {
			for {
				err := action.Do(ctx)
				var gone *cdproto.Error
				if !errors.As(err, &gone) || gone.Code != nodeGone || ctx.Err() != nil {
					return err
				}
			}
		})
		if err := chromedp.Run(ctx, retried); err != nil {
			var text string
			short, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			_ = chromedp.Run(short, chromedp.Evaluate(`document.body.innerText.slice(0, 1500)`, &text))
			t.Fatalf("step %d: %v; the page says: %s", i+1, err, text)
		}
	}
}

// nodeGone is what the browser answers for a node that is not there any more.
const nodeGone = -32000

// submit puts a question into the box and sends it.
func submit(question string) chromedp.Action {
	return chromedp.Tasks{
		chromedp.WaitVisible("#question"),
		chromedp.SetValue("#question", question),
		chromedp.Click("form.question button.primary"),
	}
}

// until waits until an expression of the page is true.
func until(expression string) chromedp.Action {
	return chromedp.Poll(expression, nil, chromedp.WithPollingInterval(30*time.Millisecond), chromedp.WithPollingTimeout(20*time.Second))
}

// value reads an expression of the page.
func value[T any](to *T, expression string) chromedp.Action { return chromedp.Evaluate(expression, to) }

// plainPDF writes a PDF whose pages draw lines of text in a font that is not
// embedded.
func plainPDF(pages ...[]string) []byte {
	var b bytes.Buffer
	var offsets []int
	object := func(format string, args ...any) {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n"+format+"\nendobj\n", append([]any{len(offsets)}, args...)...)
	}
	b.WriteString("%PDF-1.4\n")
	object("<< /Type /Catalog /Pages 2 0 R >>")
	var kids []string
	for i := range pages {
		kids = append(kids, fmt.Sprintf("%d 0 R", 4+2*i))
	}
	object("<< /Type /Pages /Kids [%s] /Count %d >>", strings.Join(kids, " "), len(pages))
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
	for i, lines := range pages {
		var text strings.Builder
		text.WriteString("BT /F1 14 Tf 16 TL 72 720 Td")
		for _, line := range lines {
			fmt.Fprintf(&text, " (%s) Tj T*", line)
		}
		text.WriteString(" ET")
		object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>", 5+2*i)
		object("<< /Length %d >>\nstream\n%s\nendstream", text.Len(), text.String())
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, start)
	return b.Bytes()
}

package api_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// browser starts a headless browser, or skips the test where none is installed.
func browser(t *testing.T, language string) context.Context {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no browser is installed")
	}
	// The browser's children may write into its folder for a moment after it has
	// ended, which t.TempDir takes amiss.
	folder, err := os.MkdirTemp("", "lore-browser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	allocated, cancel := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(1280, 900), chromedp.UserDataDir(folder),
		chromedp.Flag("lang", language), chromedp.Flag("accept-lang", language),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-quic", true),
		chromedp.WSURLReadTimeout(time.Minute))...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocated)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits until the browser has let go of its folder
		cancel()
	})
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// runSteps runs actions, each again when the page exchanged the node that it
// was about to act on.
func runSteps(ctx context.Context, actions ...chromedp.Action) error {
	for i, action := range actions {
		actions[i] = chromedp.ActionFunc(func(ctx context.Context) error {
			for {
				err := action.Do(ctx)
				var gone *cdproto.Error
				if !errors.As(err, &gone) || gone.Code != nodeGone || ctx.Err() != nil {
					return err
				}
			}
		})
	}
	return chromedp.Run(ctx, actions...)
}

// nodeGone is what the browser answers for a node that is not there any more.
const nodeGone = -32000

// submit puts a question into the box and sends it.
func submit(question string) chromedp.Action {
	return chromedp.Tasks{
		chromedp.WaitVisible("textarea"),
		chromedp.SetValue("textarea", question),
		chromedp.Click("form.question button.primary"),
	}
}

func TestPage(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	server := serve(t, options(handbook(t), nil))
	ctx := browser(t, "en")
	var answer, marked, place, heading string
	err := runSteps(ctx,
		chromedp.Navigate(server.URL),
		submit("Is business class paid for?"),
		chromedp.WaitVisible(".source"),
		chromedp.Text(".answer", &answer),
		chromedp.Text("h1", &heading),
		chromedp.Click(".marker"),
		chromedp.WaitVisible("#reader mark"),
		chromedp.Text("#reader mark", &marked),
		chromedp.Text("#reader .hint", &place),
	)
	if err != nil {
		t.Fatal(err)
	}
	if heading != "Ask your documents" || !strings.Contains(answer, "Business class is not paid for.") {
		t.Errorf("heading %q, answer %q", heading, answer)
	}
	if marked != "Business class is not paid for." || !strings.Contains(place, "policies/travel-and-expenses.md") {
		t.Errorf("%q is marked in %q", marked, place)
	}

	var badge, rows, hit string
	err = runSteps(ctx,
		chromedp.Click("#reader button"),
		submit("What is the boiling point of tungsten?"),
		chromedp.WaitVisible(".badge.not_found"),
		chromedp.Text(".badge.not_found", &badge),
		chromedp.Click(`nav a[data-view="documents"]`),
		chromedp.WaitVisible("tbody tr"),
		chromedp.Text("tbody", &rows),
		chromedp.Click(`nav a[data-view="search"]`),
		submit("ERR-4012"),
		chromedp.WaitVisible(".passage"),
		chromedp.Text(".passage", &hit),
		chromedp.Click(`nav a[data-view="status"]`),
		chromedp.WaitVisible("dl.facts"),
	)
	if err != nil {
		t.Fatal(err)
	}
	if badge != "not in the documents" || strings.Count(rows, "\n") < 19 || !strings.Contains(hit, "ERR-4012") {
		t.Errorf("badge %q, documents %q, hit %q", badge, rows, hit)
	}
}

func TestPageInChinese(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	server := serve(t, options(handbook(t), nil))
	ctx := browser(t, "zh-CN")
	var heading, marked, language string
	err := runSteps(ctx,
		chromedp.Navigate(server.URL),
		submit("国内出差补贴每天多少钱？"),
		chromedp.WaitVisible(".source"),
		chromedp.Text("h1", &heading),
		chromedp.AttributeValue("html", "lang", &language, nil),
		chromedp.Click(".marker"),
		chromedp.WaitVisible("#reader mark"),
		chromedp.Text("#reader mark", &marked),
	)
	if err != nil {
		t.Fatal(err)
	}
	if heading != "向您的文档提问" || language != "zh-Hans" || !strings.Contains(marked, "120元") {
		t.Errorf("heading %q, language %q, marked %q", heading, language, marked)
	}
}

// TestPageAsksForToken shows that the page works behind a token.
func TestPageAsksForToken(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	o := options(handbook(t), nil)
	o.Token = "correct horse"
	server := serve(t, o)
	ctx := browser(t, "en")
	var rows string
	err := runSteps(ctx,
		chromedp.Navigate(server.URL+"/#/documents"),
		chromedp.WaitVisible("#token"),
		chromedp.SetValue("#token", "correct horse"),
		chromedp.Click(".note button"),
		chromedp.WaitVisible("tbody tr"),
		chromedp.Text("tbody", &rows),
	)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(rows, "support/faq.txt") {
		t.Errorf("documents %q", rows)
	}
}

// TestPageUploads begins with nothing: the page says what to do, takes a file,
// answers from it, keeps the conversation and removes the file again.
func TestPageUploads(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	dir := t.TempDir()
	server := serve(t, writing(dir, options(dir, nil)))
	file := filepath.Join(t.TempDir(), "kettle.md")
	if err := os.WriteFile(file, []byte("# Kitchen\n\nThe kettle is in the pantry.\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx := browser(t, "en")
	chromedp.ListenTarget(ctx, func(event any) {
		if _, ok := event.(*page.EventJavascriptDialogOpening); ok {
			go func() { _ = chromedp.Run(ctx, page.HandleJavaScriptDialog(true)) }()
		}
	})
	var guidance, row, answer, title, again, thanks string
	err := runSteps(ctx,
		chromedp.Navigate(server.URL),
		chromedp.WaitVisible(".note a"),
		chromedp.Text(".note", &guidance),
		chromedp.Click(".note a"),
		chromedp.WaitVisible(".drop"),
		chromedp.SetUploadFiles("#files", []string{file}),
		chromedp.WaitVisible("tbody tr"),
		chromedp.Text("tbody tr", &row),
		chromedp.Click(`nav a[data-view="ask"]`),
		chromedp.WaitVisible(".talks"),
		submit("Where is the kettle?"),
		chromedp.WaitVisible(".source"),
		chromedp.Text(".answer", &answer),
		chromedp.Click(".rating button"),
		chromedp.WaitNotPresent(".rating button"),
		chromedp.Text(".rating", &thanks),
		chromedp.WaitVisible(".talk"),
		chromedp.Text(".talk", &title),
		chromedp.Click(".fresh"),
		chromedp.WaitNotPresent(".turn"),
		chromedp.Click(".talk"),
		chromedp.WaitVisible(".marker"),
		chromedp.Click(".marker"),
		chromedp.WaitVisible("#reader mark"),
		chromedp.Text("#reader mark", &again),
		chromedp.Click("#reader button"),
		chromedp.Click(`nav a[data-view="documents"]`),
		chromedp.WaitVisible("td.actions button:last-child"),
		chromedp.Click("td.actions button:last-child"),
		chromedp.WaitNotPresent("tbody tr"),
	)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(guidance, "Nothing is indexed yet") || !strings.Contains(row, "kettle.md") || !strings.Contains(answer, "pantry") ||
		title != "Where is the kettle?" || again != "The kettle is in the pantry." || thanks == "" {
		t.Errorf("guidance %q, row %q, answer %q, title %q, quote again %q, thanks %q", guidance, row, answer, title, again, thanks)
	}
}

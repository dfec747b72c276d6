package api_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/store/sqlitestore"
)

// TestPage goes through all views.
func TestPage(t *testing.T) {
	dir := handbook(t)
	o := writing(dir, options(dir, nil))
	if err := os.MkdirAll(filepath.Join(dir, "evals"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "evals", "handbook.json"), []byte(`{"by_type":{"all":{"queries":40,"ndcg@10":0.875}}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	server := serve(t, o)
	ctx := browser(t, "en", server.URL)
	var heading, answer, marked, place, badge, rows, hit, verdict, status string
	var steps, points int
	runSteps(t, ctx,
		chromedp.Navigate(server.URL),
		chromedp.Text("h1", &heading),
		submit("Is business class paid for?"),
		chromedp.WaitVisible(".source"),
		chromedp.Text(".answer", &answer),
		chromedp.Click(".marker"),
		chromedp.WaitVisible("#reader mark"),
		chromedp.Text("#reader mark", &marked),
		chromedp.Text("#reader .title .hint", &place),
		chromedp.Click("#reader .line button"),
		chromedp.WaitNotVisible("#reader"),
		submit("What is the boiling point of tungsten?"),
		chromedp.WaitVisible(".badge.not_found"),
		chromedp.Text(".badge.not_found", &badge),

		chromedp.Click(`nav a[data-view="documents"]`),
		chromedp.WaitVisible(".files"),
		value(&rows, `[...document.querySelectorAll(".files .name")].map(e => e.textContent).join(" ")`),

		chromedp.Click(`nav a[data-view="search"]`),
		chromedp.WaitVisible(".filters"),
		submit("ERR-4012"),
		chromedp.WaitVisible(".passage"),
		chromedp.Text(".passage", &hit),
		chromedp.Click(".why-not summary"),
		chromedp.SetValue(".why-not input", "policies/annual-leave.md"),
		chromedp.Click(".why-not form button"),
		chromedp.WaitVisible(".verdict"),
		chromedp.Text(".verdict", &verdict),
		value(&steps, `document.querySelectorAll(".steps li").length`),

		chromedp.Click(`nav a[data-view="status"]`),
		chromedp.WaitVisible(".lacking li"),
		value(&status, `document.querySelector("main").innerText`),
		value(&points, `document.querySelectorAll(".plot .point").length`),
	)
	if heading != "Ask your documents" || !strings.Contains(answer, "Business class is not paid for.") {
		t.Errorf("heading %q, answer %q", heading, answer)
	}
	if marked != "Business class is not paid for." || !strings.Contains(place, "policies/travel-and-expenses.md") {
		t.Errorf("%q is marked in %q", marked, place)
	}
	if badge != "not in the documents" || len(strings.Fields(rows)) != 20 || !strings.Contains(hit, "ERR-4012") {
		t.Errorf("badge %q, documents %q, hit %q", badge, rows, hit)
	}
	if verdict == "" || steps < 3 {
		t.Errorf("verdict %q in %d steps", verdict, steps)
	}
	if points != 3 || !strings.Contains(status, "boiling point of tungsten") || !strings.Contains(status, "0.875") || !strings.Contains(status, "20") {
		t.Errorf("%d points; status %s", points, status)
	}
}

func TestPageInChinese(t *testing.T) {
	server := serve(t, options(handbook(t), nil))
	ctx := browser(t, "zh-CN", server.URL)
	var heading, marked, language, latin string
	runSteps(t, ctx,
		chromedp.Navigate(server.URL),
		chromedp.Text("h1", &heading),
		// The page as it is drawn first holds no English but the product's name.
		value(&latin, `document.body.innerText.match(/[A-Za-z]{2,}/g)?.filter(w => w !== "lore").join(" ") ?? ""`),
		submit("国内出差补贴每天多少钱？"),
		chromedp.WaitVisible(".source"),
		chromedp.AttributeValue("html", "lang", &language, nil),
		chromedp.Click(".marker"),
		chromedp.WaitVisible("#reader mark"),
		chromedp.Text("#reader mark", &marked),
	)
	if heading != "向您的文档提问" || language != "zh-Hans" || !strings.Contains(marked, "120元") || latin != "" {
		t.Errorf("heading %q, language %q, marked %q, English %q", heading, language, marked, latin)
	}
}

// TestPageAsksForToken shows that the page works behind a token.
func TestPageAsksForToken(t *testing.T) {
	o := options(handbook(t), nil)
	o.Token = "correct horse"
	server := serve(t, o)
	ctx := browser(t, "en", server.URL)
	var rows string
	runSteps(t, ctx,
		chromedp.Navigate(server.URL+"/#/documents"),
		chromedp.WaitVisible("#token"),
		chromedp.SetValue("#token", "correct horse"),
		chromedp.Click(".note button"),
		chromedp.WaitVisible(".files"),
		chromedp.Text(".folders", &rows),
	)
	if !strings.Contains(rows, "faq.txt") {
		t.Errorf("documents %q", rows)
	}
}

// halting is a language model that waits in the middle of its answer.
type halting struct{ goOn chan struct{} }

func (halting) Name() string { return "halting" }

func (h halting) Generate(ctx context.Context, req model.Request, yield func(model.Delta) error) (*model.Completion, error) {
	text := "Business class is not paid for. [1]"
	for i, piece := range []string{text[:19], text[19:]} {
		if i == 1 {
			select {
			case <-h.goOn:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		if yield != nil {
			if err := yield(model.Delta{Text: piece}); err != nil {
				return nil, err
			}
		}
	}
	return &model.Completion{Text: text, StopReason: model.StopEnd, Model: h.Name()}, nil
}

// TestPageStreams sees text while it is not verified, marked as such.
func TestPageStreams(t *testing.T) {
	h := halting{make(chan struct{})}
	server := serve(t, options(handbook(t), h))
	ctx := browser(t, "en", server.URL)
	var pending, busy, answer, later string
	var left int
	runSteps(t, ctx,
		chromedp.Navigate(server.URL),
		submit("Is business class paid for?"),
		chromedp.WaitVisible(".pending"),
		chromedp.Text(".pending", &pending),
		chromedp.AttributeValue(".reply", "aria-busy", &busy, nil),
	)
	close(h.goOn)
	runSteps(t, ctx,
		chromedp.WaitVisible(".source"),
		chromedp.Text(".answer", &answer),
		value(&left, `document.querySelectorAll(".pending").length`),
		until(`document.querySelector(".reply").getAttribute("aria-busy") === "false"`),
		submit("And first class?"), // a follow-up question
		until(`document.querySelectorAll(".turn").length === 2 && document.querySelectorAll(".extra").length === 2`),
		value(&later, `document.querySelectorAll(".asked")[1].textContent`),
	)
	if !strings.HasPrefix(pending, "Business class") || busy != "true" || left != 0 || !strings.Contains(answer, "is not paid for") || later != "And first class?" {
		t.Errorf("pending %q (busy %s), then %q with %d pending, then %q", pending, busy, answer, left, later)
	}
}

// TestPageShowsPDF opens a PDF at the page of a quote, marked among the words
// that are drawn, and then as text.
func TestPageShowsPDF(t *testing.T) {
	dir, docs := t.TempDir(), t.TempDir()
	file := plainPDF([]string{"Rules of the pool", "The pool opens at seven."}, []string{"Prices of the pool", "A ticket for the pool costs four crowns for grown-ups on all days of the",
		"week, and one crown for children who come with them. Who comes after six"})
	if err := os.WriteFile(filepath.Join(docs, "pool.pdf"), file, 0o644); err != nil {
		t.Fatal(err)
	}
	st, err := sqlitestore.Open(t.Context(), dir, sqlitestore.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	src, err := ingest.OpenFolder(docs, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ingest.NewSyncer(st, extract.New(nil), nil).Sync(t.Context(), src); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	server := serve(t, options(dir, nil))
	ctx := browser(t, "en", server.URL)
	var marked, sheet, of, text string
	var drawn, inView bool
	runSteps(t, ctx,
		chromedp.Navigate(server.URL),
		submit("What does a ticket for the pool cost?"),
		chromedp.WaitVisible(".marker"),
		chromedp.Click(".marker"),
		until(`document.querySelector("#reader .textLayer mark") !== null`),
		value(&marked, `[...document.querySelectorAll("#reader .textLayer mark")].map(m => m.textContent).join(" ")`),
		value(&sheet, `document.querySelector("#reader .textLayer mark").closest(".sheet").dataset.page`),
		value(&inView, `(b => b.top > 0 && b.bottom < innerHeight)(document.querySelector("#reader .textLayer mark").getBoundingClientRect())`),
		// The page was drawn: it holds dark and light.
		value(&drawn, `(c => { const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data; let dark = 0, light = 0; for (let i = 0; i < d.length; i += 4) d[i] < 90 ? dark++ : d[i] > 240 && light++; return dark > 50 && light > 1000; })(document.querySelector('.sheet[data-page="2"] canvas'))`),
		chromedp.Text(".paper-tools .of", &of),
		chromedp.Click(`[data-zoom="1"]`),
		chromedp.Click(`[data-way="text"]`),
		chromedp.WaitVisible("#reader .text mark"),
		chromedp.Text("#reader .text", &text),
	)
	if !strings.Contains(marked, "costs four crowns") || !strings.Contains(marked, "week, and one crown for children") || sheet != "2" || of != "2 of 2" || !drawn || !inView {
		t.Errorf("%q is marked on page %s (%s), drawn %v, in view %v", marked, sheet, of, drawn, inView)
	}
	if !strings.Contains(text, "page 2") || !strings.Contains(text, "opens at seven") {
		t.Errorf("as text: %s", text)
	}
}

// TestPageUploads begins with nothing: the page says what to do, takes a file,
// answers from it, keeps the conversation and removes the file again.
func TestPageUploads(t *testing.T) {
	dir := t.TempDir()
	server := serve(t, writing(dir, options(dir, nil)))
	ctx := browser(t, "en", server.URL)
	var guidance, row, answer, title, again, thanks string
	drop := `(async () => {
		const data = new DataTransfer();
		data.items.add(new File(["# Kitchen\n\nThe kettle is in the pantry.\n"], "kettle.md", { type: "text/markdown" }));
		for (const kind of ["dragover", "drop"]) document.querySelector(".drop").dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: data }));
	})()`
	runSteps(t, ctx,
		chromedp.Navigate(server.URL),
		chromedp.WaitVisible(".first a"),
		chromedp.Text(".first", &guidance),
		chromedp.Click(".first a"),
		chromedp.WaitVisible(".drop"),
		chromedp.Evaluate(drop, nil),
		chromedp.WaitVisible(".files li"),
		chromedp.Text(".files li", &row),
		chromedp.Click(`nav a[data-view="ask"]`),
		chromedp.WaitVisible(".talks"),
		submit("Where is the kettle?"),
		chromedp.WaitVisible(".source"),
		chromedp.Text(".answer", &answer),
		chromedp.Click(".rating button"),
		chromedp.WaitVisible(".rating [role=status]"),
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
		chromedp.Click("#reader .line button"),
		chromedp.Click(`nav a[data-view="documents"]`),
		chromedp.WaitVisible(".actions button:last-child"),
		chromedp.Click(".actions button:last-child"),
		chromedp.WaitNotPresent(".files li"),
	)
	if !strings.Contains(guidance, "Nothing is indexed yet") || !strings.Contains(row, "kettle.md") || !strings.Contains(answer, "pantry") ||
		title != "Where is the kettle?" || again != "The kettle is in the pantry." || thanks != "Thank you." {
		t.Errorf("guidance %q, row %q, answer %q, title %q, quote again %q, thanks %q", guidance, row, answer, title, again, thanks)
	}
}

// TestPageByKeyboard never touches the mouse.
func TestPageByKeyboard(t *testing.T) {
	server := serve(t, options(handbook(t), nil))
	ctx := browser(t, "en", server.URL)
	press := func(keys ...string) chromedp.Action {
		var tasks chromedp.Tasks
		for _, key := range keys {
			tasks = append(tasks, chromedp.KeyEvent(key))
		}
		return tasks
	}
	var marked, keys, focused, outline string
	runSteps(t, ctx,
		chromedp.Navigate(server.URL),
		until(`document.activeElement?.id === "question"`),
		chromedp.KeyEvent("Is business class paid for?"),
		press(kb.Enter),
		chromedp.WaitVisible(".marker"),
		until(`document.activeElement?.id === "question"`),
		// Back from the box to the markers: Tab goes through all of them.
		until(`(document.querySelector(".marker").focus({ focusVisible: true }), document.activeElement.matches(".marker"))`),
		value(&outline, `getComputedStyle(document.activeElement).outlineStyle`),
		press(kb.Enter),
		chromedp.WaitVisible("#reader mark"),
		chromedp.Text("#reader mark", &marked),
		press(kb.Escape),
		until(`document.querySelector("#reader").hidden`),
		value(&focused, `document.activeElement.className`),
		press("?"),
		chromedp.WaitVisible("dialog[open] kbd"),
		chromedp.Text("dialog", &keys),
		press(kb.Escape),
		chromedp.WaitNotPresent("dialog"),
		press("g", "d"),
		chromedp.WaitVisible(".files"),
		press("g", "s"),
		chromedp.WaitVisible(".filters"),
		until(`document.activeElement?.id === "question"`),
		chromedp.KeyEvent("annual leave"),
		press(kb.Enter),
		chromedp.WaitVisible(".passage"),
		until(`(document.activeElement.blur(), true)`),
		press("]"),
		chromedp.WaitVisible("#reader mark"),
	)
	if marked != "Business class is not paid for." || focused != "marker" || !strings.Contains(keys, "Esc") || outline == "none" {
		t.Errorf("marked %q, focus on %q, keys %q, outline %q", marked, focused, keys, outline)
	}
}

// TestPageOnPhone lays every view out for a phone, for a window at 200 %, for
// right-to-left text and for a very long answer: nothing goes over the edge.
func TestPageOnPhone(t *testing.T) {
	dir := handbook(t)
	server := serve(t, writing(dir, options(dir, nil)))
	ctx := browser(t, "en", server.URL)
	fits := func(what string) chromedp.Action {
		return chromedp.ActionFunc(func(ctx context.Context) error {
			var over int
			if err := chromedp.Evaluate(`document.documentElement.scrollWidth - document.documentElement.clientWidth`, &over).Do(ctx); err != nil {
				return err
			}
			if over > 0 {
				t.Errorf("%s goes over the edge by %d", what, over)
			}
			return nil
		})
	}
	long := `(() => { for (const text of ["x".repeat(10000), "كلمة طويلة ".repeat(900), "字".repeat(10000)]) { const a = document.querySelector(".answer").cloneNode(); a.textContent = text; document.querySelector(".reply").append(a); } return getComputedStyle([...document.querySelectorAll(".answer")].at(-2)).direction; })()`
	for _, size := range []struct {
		name          string
		width, height int64
		scale         float64
	}{{"phone", 360, 740, 2}, {"200 %", 640, 450, 2}} {
		var direction string
		runSteps(t, ctx,
			emulation.SetDeviceMetricsOverride(size.width, size.height, size.scale, size.name == "phone"),
			chromedp.Navigate("about:blank"),
			chromedp.Navigate(server.URL+"/#/ask"),
			chromedp.WaitVisible("#question"),
			fits(size.name+" empty"),
			submit("How many unused days of annual leave can be carried over?"),
			chromedp.WaitVisible(".source"),
			fits(size.name+" answer"),
			chromedp.Click(".marker"),
			chromedp.WaitVisible("#reader mark"),
			fits(size.name+" reader"),
			chromedp.Click("#reader .line button"),
			value(&direction, long),
			fits(size.name+" long answers"),
			chromedp.Navigate(server.URL+"/#/documents"),
			chromedp.WaitVisible(".files"),
			fits(size.name+" documents"),
			chromedp.Navigate(server.URL+"/#/search"),
			chromedp.WaitVisible(".filters"),
			submit("gateway"),
			chromedp.WaitVisible(".passage"),
			chromedp.Evaluate(`document.querySelectorAll("details").forEach(d => { d.open = true; })`, nil),
			fits(size.name+" search"),
			chromedp.Navigate(server.URL+"/#/status"),
			chromedp.WaitVisible(".plot svg"),
			fits(size.name+" status"),
		)
		if direction != "rtl" {
			t.Errorf("Arabic text runs %s", direction)
		}
	}
}

// TestPageCollections chooses another collection: every view is then about it,
// the document beside an answer too.
func TestPageCollections(t *testing.T) {
	dir, _ := plant(t)
	o := writing(dir, options(dir, nil))
	o.Names = func(context.Context) ([]string, error) { return []string{"default", "second"}, nil }
	server := serve(t, o)
	ctx := browser(t, "en", server.URL)
	var names, rows, hits, answer, text string
	runSteps(t, ctx,
		chromedp.Navigate(server.URL+"/#/documents"),
		chromedp.WaitVisible("#collection"),
		value(&names, `[...document.querySelectorAll("#collection option")].map(o => o.value).join(" ")`),
		chromedp.Evaluate(`(box => { box.value = "second"; box.dispatchEvent(new Event("change")); })(document.querySelector("#collection"))`, nil),
		until(`document.querySelector(".folders")?.innerText.includes("vault.md")`),
		chromedp.Text(".folders", &rows),
		chromedp.Click(`nav a[data-view="search"]`),
		chromedp.WaitVisible(".filters"),
		submit("password of this document"),
		chromedp.WaitVisible(".passage"),
		chromedp.Text(".passages", &hits),
		chromedp.Click(`nav a[data-view="ask"]`),
		chromedp.WaitVisible(".welcome"),
		submit("What is the password of this document?"),
		chromedp.WaitVisible(".marker"),
		chromedp.Text(".answer", &answer),
		chromedp.Click(".marker"),
		chromedp.WaitVisible("#reader mark"),
		chromedp.Text("#reader .text", &text),
	)
	for _, own := range []string{"zanzibar", "quixotic", "marzipan", "leave.md", "budget.md"} {
		if strings.Contains(rows+hits+answer+text, own) {
			t.Errorf("%s is of the other collection", own)
		}
	}
	if names != "default second" || !strings.Contains(rows, "other.md") || !strings.Contains(hits+answer+text, "obsidian") {
		t.Errorf("collections %q, documents %q, hits %q, answer %q", names, rows, hits, answer)
	}
}

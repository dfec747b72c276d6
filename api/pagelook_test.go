package api_test

import (
	"context"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// tokensOf reads the colours of a block of the style sheet.
func tokensOf(block string) map[string]string {
	out := map[string]string{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`).FindAllStringSubmatch(block, -1) {
		out[m[1]] = m[2]
	}
	return out
}

// luminance of a colour, as WCAG 2 defines it.
func luminance(colour string) float64 {
	part := func(from int) float64 {
		n, _ := strconv.ParseUint(colour[from:from+2], 16, 8)
		c := float64(n) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*part(1) + 0.7152*part(3) + 0.0722*part(5)
}

// TestPageContrast holds the colours to WCAG 2.1: 4.5 for text, 3 for what is
// drawn and for the edges of controls.
func TestPageContrast(t *testing.T) {
	text, err := os.ReadFile("web/style.css")
	if err != nil {
		t.Fatal(err)
	}
	light, rest, _ := strings.Cut(string(text), "@media (prefers-color-scheme: dark)")
	dark, _, _ := strings.Cut(rest, "* { box-sizing")
	for theme, tokens := range map[string]map[string]string{"light": tokensOf(light), "dark": tokensOf(dark)} {
		if len(tokens) < 12 {
			t.Fatalf("%s: %v", theme, tokens)
		}
		for _, pair := range []struct {
			fore, backs string
			least       float64
		}{
			{"ink", "paper card accent-soft mark term", 4.5},
			{"soft", "paper card accent-soft", 4.5},
			{"accent", "paper card accent-soft", 4.5},
			{"on-accent", "accent", 4.5},
			{"warn", "paper card warn-soft", 4.5},
			{"edge", "paper card", 3},
			{"second", "card", 3},
		} {
			for back := range strings.FieldsSeq(pair.backs) {
				a, b := luminance(tokens[pair.fore]), luminance(tokens[back])
				if ratio := (math.Max(a, b) + 0.05) / (math.Min(a, b) + 0.05); ratio < pair.least {
					t.Errorf("%s: %s on %s has a contrast of %.2f, below %.1f", theme, pair.fore, back, ratio, pair.least)
				}
			}
		}
	}
}

// unnamed finds what a screen reader could not name or tell apart: controls
// without a name, headings that leave out a level, IDs that are there twice, and
// a page without a main part or a first heading.
const unnamed = `(() => {
	const wrong = [];
	const shown = e => e.checkVisibility?.() ?? true;
	const name = e => (e.getAttribute("aria-label") || document.getElementById(e.getAttribute("aria-labelledby"))?.textContent || [...(e.labels ?? [])].map(l => l.textContent).join("") || e.textContent || e.title || "").trim();
	for (const e of document.querySelectorAll("button, a[href], input, select, textarea, summary, progress, [role=group], dialog, aside, nav"))
		if (shown(e) && !name(e)) wrong.push("no name: " + e.outerHTML.slice(0, 120));
	for (const e of document.querySelectorAll("svg")) if (e.getAttribute("aria-hidden") !== "true" && !e.getAttribute("aria-label")) wrong.push("drawing without a name");
	let level = 0;
	for (const e of document.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
		if (!shown(e)) continue;
		const own = Number(e.localName[1]);
		if (own > level + 1 && level > 0) wrong.push("heading level left out at " + e.textContent);
		level = own;
	}
	const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
	for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push("twice: " + id);
	if (document.querySelectorAll("main").length !== 1) wrong.push("no main part");
	if (![...document.querySelectorAll("h1")].some(shown)) wrong.push("no first heading");
	if (!document.documentElement.lang || !document.title) wrong.push("no language or title");
	return wrong.join("\n");
})()`

// TestPageNames reads every view as a screen reader would.
func TestPageNames(t *testing.T) {
	dir := handbook(t)
	server := serve(t, writing(dir, options(dir, nil)))
	ctx := browser(t, "en", server.URL)
	named := func(view string) chromedp.Action {
		return chromedp.ActionFunc(func(ctx context.Context) error {
			var wrong string
			if err := chromedp.Evaluate(unnamed, &wrong).Do(ctx); err != nil {
				return err
			}
			if wrong != "" {
				t.Errorf("%s: %s", view, wrong)
			}
			return nil
		})
	}
	runSteps(t, ctx,
		chromedp.Navigate(server.URL),
		chromedp.WaitVisible(".talks"),
		named("empty"),
		submit("How many unused days of annual leave can be carried over?"),
		chromedp.WaitVisible(".source"),
		chromedp.Click(".marker"),
		chromedp.WaitVisible("#reader mark"),
		named("answer"),
		chromedp.Click(`nav a[data-view="documents"]`),
		chromedp.WaitVisible(".files"),
		named("documents"),
		chromedp.Click(`nav a[data-view="search"]`),
		chromedp.WaitVisible(".filters"),
		submit("gateway"),
		chromedp.WaitVisible(".passage"),
		chromedp.Evaluate(`document.querySelectorAll("details").forEach(d => { d.open = true; })`, nil),
		named("search"),
		chromedp.Click(`nav a[data-view="status"]`),
		chromedp.WaitVisible(".plot svg"),
		named("status"),
		chromedp.Click("#help"),
		chromedp.WaitVisible("dialog"),
		named("keys"),
	)
}

package api_test

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/lore-kb/lore/store/sqlitestore"
)

// TestPageGivesNames renames a conversation in its place, and makes, uses and
// removes a collection.
func TestPageGivesNames(t *testing.T) {
	dir := handbook(t)
	o := writing(dir, options(dir, nil))
	o.Names = func(context.Context) ([]string, error) { return sqlitestore.Collections(dir) }
	o.Remove = func(ctx context.Context, name string) error { return sqlitestore.RemoveCollection(ctx, dir, name) }
	server := serve(t, o)
	ctx := browser(t, "en", server.URL)
	var kept, own, made, left, beside string
	runSteps(t, ctx,
		chromedp.Navigate(server.URL),
		chromedp.WaitVisible(".talks"),
		submit("Is business class paid for?"),
		chromedp.WaitVisible(".source"),
		value(&beside, `String(document.querySelector(".source").getBoundingClientRect().left > document.querySelector(".marker").getBoundingClientRect().right)`),
		until(`document.querySelector(".talk")?.textContent === "Is business class paid for?"`),
		chromedp.Evaluate(`document.querySelector(".talk-tools button").click()`, nil),
		chromedp.WaitVisible(".renaming"),
		chromedp.SetValue(".renaming", "never kept"),
		chromedp.SendKeys(".renaming", kb.Escape),
		until(`document.querySelector(".talk")?.textContent === "Is business class paid for?"`),
		chromedp.Evaluate(`document.querySelector(".talk-tools button").click()`, nil),
		chromedp.WaitVisible(".renaming"),
		chromedp.SetValue(".renaming", "Flights"),
		chromedp.SendKeys(".renaming", kb.Enter),
		until(`document.querySelector(".talk")?.textContent === "Flights"`),
		chromedp.Text(".talk", &kept),
		chromedp.Click(`nav a[data-view="documents"]`),
		chromedp.WaitVisible(".sets"),
		chromedp.Text(".sets", &own),
		chromedp.SetValue(".collections input", "hr"),
		chromedp.Click(".collections form button"),
		until(`document.querySelectorAll("#collection option").length === 2 && document.querySelector(".sets")?.innerText.includes("hr") && document.querySelector("#collection").value === "hr"`),
		chromedp.Text("main", &made),
		chromedp.Click(".sets .tool"),
		until(`document.querySelectorAll(".sets li").length === 1 && document.querySelectorAll(".folders .files").length > 1`),
		chromedp.Text(".sets", &left),
	)
	if kept != "Flights" || beside != "true" {
		t.Errorf("title %q, sources beside the answer: %s", kept, beside)
	}
	for what, ok := range map[string]bool{own: contains(own, "default") && !contains(own, "hr"), made: contains(made, "Nothing is indexed yet", "hr"), left: !contains(left, "hr")} {
		if !ok {
			t.Errorf("the page says %q", what)
		}
	}
}

func contains(text string, all ...string) bool {
	for _, one := range all {
		if !strings.Contains(text, one) {
			return false
		}
	}
	return true
}

package extract_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
)

func extractDump(t *testing.T, name, data string) string {
	t.Helper()
	docs, err := extract.New(nil).Extract(context.Background(), ingest.Input{Name: name, Data: []byte(data)})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return dump(docs)
}

// checkDump wants every line of want in the dump, in this order, and none of not.
func checkDump(t *testing.T, got string, want, not []string) {
	t.Helper()
	rest := got
	for _, w := range want {
		_, after, ok := strings.Cut(rest, w)
		if !ok {
			t.Errorf("no %q after what comes before it in:\n%s", w, got)
			return
		}
		rest = after
	}
	for _, n := range not {
		if strings.Contains(got, n) {
			t.Errorf("%q in:\n%s", n, got)
		}
	}
}

const prose = "The river rose by two metres in the night, and the people of the lower town were brought to the school on the hill before the bridge was closed. "

// TestHTMLMainText leaves out what stands around an article, however much it is,
// and keeps pages whole that are no articles.
func TestHTMLMainText(t *testing.T) {
	teasers := strings.Repeat("<div class=teaser><a href=/x>Another story that someone may like to read</a><p>More of it</p></div>", 60)
	article := "<div id=story><h1>Flood in the valley</h1><p>" + strings.Repeat("</p><p>"+prose, 6) + "</p></div>"
	comments := "<div id=c>" + strings.Repeat("<div class=comment><p>I think that this should have been known to everyone since the flood of the year before last, really.</p></div>", 6) + "</div>"
	menu := "<nav><ul><li><a href=/a>Imprint</a></li></ul></nav><div role=navigation>Breadcrumbs</div>"
	for _, tt := range []struct {
		name, page string
		want, not  []string
	}{
		{"teasers", "<html><head><title>Flood</title></head><body>" + menu + article + teasers + "</body></html>",
			[]string{"Flood in the valley", "The river rose"}, []string{"Another story", "Imprint", "Breadcrumbs"}},
		{"says that it is one", `<html><head><title>Flood</title><meta property="og:type" content="article"></head><body>` + menu + article + teasers + comments + "</body></html>",
			[]string{"The river rose"}, []string{"Another story", "Imprint"}},
		{"an index", "<html><head><title>All forms</title></head><body>" + menu + "<ul>" + strings.Repeat("<li><a href=f>Form for leave and travel</a></li>", 30) + "</ul></body></html>",
			[]string{"Form for leave"}, []string{"Imprint"}},
		{"two parts", "<html><body><div><h2>One</h2><p>" + prose + "</p></div><div><table><tr><th>Town<th>Level</tr><tr><td>Aldorf<td>3.4</tr><tr><td>Bedorf<td>2.9</tr></table></div><pre>level = sensor.read()</pre></body></html>",
			[]string{"heading", "One", "The river rose", "rows 3 body 1", "Aldorf", "code", "level = sensor.read()"}, nil},
		{"not shown", "<html><body><p>Shown text</p><p style='display: none'>secret</p><script>var x</script><div aria-hidden=true>icon</div></body></html>",
			[]string{"Shown text"}, []string{"secret", "var x", "icon"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checkDump(t, extractDump(t, "a.html", tt.page), tt.want, tt.not)
		})
	}
}

// TestMailItems reads the parts of a mail that a thread is made of, and what is
// quoted in it by each usual mark.
func TestMailItems(t *testing.T) {
	head := "From: Ada Ek <ada@example.com>\nTo: bo@example.com\nSubject: =?utf-8?q?Gr=C3=B6=C3=9Fe?=\nDate: Mon, 6 May 2024 07:08:09 +0000\nMessage-ID: <3@example.com>\nIn-Reply-To: <2@example.com>\nReferences: <1@example.com> <2@example.com>\nMIME-Version: 1.0\n"
	plain := "Content-Type: text/plain; charset=utf-8\n\n"
	for _, tt := range []struct {
		name, mail string
		want, not  []string
	}{
		{"thread", head + plain + "Yes.\n", []string{`title "Größe"`, "2024-05-06T07:08:09", "from:Ada Ek", "in-reply-to:<2@example.com>", "message-id:<3@example.com>", "thread:<1@example.com>", "para [Größe]: Yes."}, nil},
		{"marks", head + plain + "Yes, it does.\n\nOn Monday Bo wrote:\n> Does it fit?\n> I wonder.\n\nRegards\n", []string{"para [Größe]: Yes, it does.", "quote [Größe]: Does it fit?⏎I wonder.", "para [Größe]: Regards"}, nil},
		{"attribution without marks", head + plain + "Yes, it does.\n\nOn 5/30/09 10:00 AM, \"Bo Li\"\n<bo@example.com> wrote:\n\nDoes it fit?\n", []string{"para [Größe]: Yes, it does.", "quote [Größe]: On 5/30/09 10:00 AM", "Does it fit?"}, []string{"para [Größe]: Does", "para [Größe]: On"}},
		{"attribution above marks", head + plain + "On 6 May Bo wrote:\n> Does it fit?\n\nYes, on Monday 7 May she wrote:\nit does.\n", []string{"para [Größe]: On 6 May Bo wrote:", "quote [Größe]: Does it fit?", "para [Größe]: Yes, on Monday 7 May she wrote:⏎it does."}, nil},
		{"Chinese attribution", head + plain + "可以。\n\n在 2024年5月6日，王 <w@example.com> 写道：\n合适吗？\n", []string{"para [Größe]: 可以。", "quote", "合适吗？"}, []string{"para [Größe]: 合适"}},
		{"original message", head + plain + "Yes.\n\n-----Original Message-----\nFrom: Bo\nSent: Monday\n\nDoes it fit?\n", []string{"para [Größe]: Yes.", "quote", "Does it fit?"}, []string{"para [Größe]: Does"}},
		{"Outlook's fields", head + plain + "Ja.\n\nVon: Bo\nGesendet: Montag\nAn: Ada\n\nPasst es?\n", []string{"para [Größe]: Ja.", "quote", "Passt es?"}, []string{"para [Größe]: Passt"}},
		{"in Chinese", head + plain + "可以。\n\n发件人: 王\n发送时间: 星期一\n\n合适吗？\n", []string{"para [Größe]: 可以。", "quote", "合适吗？"}, []string{"para [Größe]: 合适"}},
		{"HTML", head + "Content-Type: text/html\n\n<p>Yes.</p><blockquote type=cite><p>Does it fit?</p></blockquote>", []string{"para [Größe]: Yes.", "quote [Größe]: Does it fit?"}, nil},
		{"quoted by Gmail", head + "Content-Type: text/html\n\n<div>Yes.</div><div class=\"gmail_quote\"><div class=\"gmail_attr\">On Monday Bo wrote:</div><blockquote class=\"gmail_quote\">Does it fit?</blockquote></div>", []string{"para [Größe]: Yes.", "quote [Größe]: Does it fit?"}, nil},
		{"quoted by Outlook", head + "Content-Type: text/html\n\n<p>Yes.</p><div><div style='border:none;border-top:solid #E1E1E1 1.0pt'><p><b>From:</b> Bo<br><b>Sent:</b> Monday<br><b>To:</b> Ada</p></div></div><p>Does it fit?</p>", []string{"para [Größe]: Yes.", "quote", "Does it fit?"}, []string{"para [Größe]: Does"}},
		{"attachments", head + "Content-Type: multipart/mixed; boundary=x\n\n--x\n" + plain + "See the files.\n--x\nContent-Type: text/csv; name=\"a.csv\"\nContent-Disposition: attachment; filename=\"a.csv\"\n\nname,days\nAda,25\nBo,28\n--x\nContent-Type: message/rfc822\n\nFrom: Cy <cy@example.com>\nTo: ada@example.com\nSubject: Earlier\nMIME-Version: 1.0\n" + plain + "An older mail.\n--x--\n",
			[]string{"See the files.", "== a.csv", "rows 3 body 1", "== message.eml", `title "Earlier"`, "An older mail."}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checkDump(t, extractDump(t, "a.eml", tt.mail), tt.want, tt.not)
		})
	}
}

// TestLongTables keeps the header with every row group of a long table.
func TestLongTables(t *testing.T) {
	var csv strings.Builder
	csv.WriteString("part,town,stock\n")
	for i := range 500 {
		fmt.Fprintf(&csv, "P%04d,Aldorf,%d\n", i, 7*i)
	}
	got := extractDump(t, "a.csv", csv.String())
	checkDump(t, got, []string{"rows 501 body 1", "0: part,town,stock", "500: P0499"}, nil)
}

package extract_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
)

// These tests hold real PDF files against poppler's pdftotext. They need
// pdftotext and a folder of files in LORE_PDF_DIR.

// pdfFolder skips a test that has no files or nothing to compare with.
func pdfFolder(t *testing.T) []string {
	t.Helper()
	dir := os.Getenv("LORE_PDF_DIR")
	if dir == "" {
		t.Skip("LORE_PDF_DIR names no folder of PDF files")
	}
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Skip("pdftotext is not installed")
	}
	return slices.DeleteFunc(filesIn(t, dir), func(f string) bool {
		// On what is made to hurt pdftotext takes minutes.
		return !strings.EqualFold(filepath.Ext(f), ".pdf") || strings.Contains(filepath.Dir(f), "malformed")
	})
}

func pdftotext(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "pdftotext", args...).Output()
	return string(out), err
}

// wordBag counts words: runs of letters and digits, compatibility forms and case
// folded. Runs of Han and kana count by pairs of characters, a single one by
// itself.
func wordBag(s string) map[string]int {
	bag := map[string]int{}
	var word, run []rune
	flush := func() {
		if len(word) > 0 {
			bag[string(word)]++
		}
		if len(run) == 1 {
			bag[string(run)]++
		}
		for i := 0; i+1 < len(run); i++ {
			bag[string(run[i:i+2])]++
		}
		word, run = word[:0], run[:0]
	}
	for _, r := range strings.ToLower(norm.NFKC.String(s)) {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana):
			if len(word) > 0 {
				flush()
			}
			run = append(run, r)
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			if len(run) > 0 {
				flush()
			}
			word = append(word, r)
		case r == 0xad || r == 0x200b:
		case unicode.IsSpace(r) && len(run) > 0:
			// Han text goes on over line ends.
		default:
			flush()
		}
	}
	flush()
	return bag
}

// compareBags is how much of want got has, how much of got is in want, and their
// harmonic mean.
func compareBags(got, want map[string]int) (recall, precision, f1 float64) {
	both, nGot, nWant := 0, 0, 0
	for w, n := range got {
		both += min(n, want[w])
		nGot += n
	}
	for _, n := range want {
		nWant += n
	}
	if nGot == 0 || nWant == 0 {
		return 0, 0, 0
	}
	return float64(both) / float64(nWant), float64(both) / float64(nGot), 2 * float64(both) / float64(nGot+nWant)
}

// TestPDFFidelity reports word F1 against pdftotext for every file in which
// pdftotext finds text.
func TestPDFFidelity(t *testing.T) {
	files := pdfFolder(t)
	x := extract.New(nil)
	var f1s []float64
	low, every, everySum := 0, 0, 0.0
	for _, file := range files {
		theirs, err := pdftotext("-enc", "UTF-8", file, "-")
		want := wordBag(theirs)
		if err != nil || len(want) == 0 {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]int
		start := time.Now()
		docs, err := x.Extract(context.Background(), ingest.Input{Name: filepath.Base(file), Data: data})
		took := time.Since(start)
		if err != nil {
			t.Logf("%-40s not read: %v", filepath.Base(file), err)
		} else {
			got = wordBag(docs[0].Text)
		}
		recall, precision, f1 := compareBags(got, want)
		everySum, every = everySum+f1, every+1
		if garbled(theirs) {
			t.Logf("%-40s F1 %.4f, but what pdftotext gives is no text: control characters stand for letters", filepath.Base(file), f1)
			continue
		}
		f1s = append(f1s, f1)
		if f1 < 0.8 {
			low++
		}
		t.Logf("%-40s F1 %.4f recall %.4f precision %.4f %6.2fs", filepath.Base(file), f1, recall, precision, took.Seconds())
		if f1 < 0.99 && os.Getenv("LORE_PDF_SHOW") != "" {
			t.Logf("   missing: %s", difference(want, got))
			t.Logf("   added:   %s", difference(got, want))
		}
	}
	if len(f1s) == 0 {
		t.Skip("no file with text")
	}
	slices.Sort(f1s)
	sum := 0.0
	for _, f := range f1s {
		sum += f
	}
	mean, median := sum/float64(len(f1s)), f1s[len(f1s)/2]
	t.Logf("%d files: mean %.4f, median %.4f, %d under 0.80", len(f1s), mean, median, low)
	t.Logf("mean of all %d files, garbled references included: %.4f", every, everySum/float64(every))
	if mean < 0.96 || median < 0.99 {
		t.Errorf("mean %.4f, want 0.96; median %.4f, want 0.99", mean, median)
	}
}

// garbled reports whether more than a tenth of a text are control characters.
func garbled(s string) bool {
	odd, all := 0, 0
	for _, r := range s {
		if unicode.IsSpace(r) {
			continue
		}
		all++
		if unicode.IsControl(r) || unicode.Is(unicode.Co, r) {
			odd++
		}
	}
	return odd*10 > all
}

// difference shows words that one bag has more often.
func difference(a, b map[string]int) string {
	var words []string
	for w, n := range a {
		if d := n - b[w]; d > 0 {
			words = append(words, fmt.Sprintf("%s×%d", w, d))
		}
	}
	slices.Sort(words)
	s := strings.Join(words, " ")
	return s[:min(len(s), 600)]
}

// TestPDFPageNumbers draws sentences at random from single pages as pdftotext
// reads them and asks on which page our text has them. A sentence that stands on
// several pages counts when one of them is meant.
func TestPDFPageNumbers(t *testing.T) {
	files := pdfFolder(t)
	x := extract.New(nil)
	squeeze := func(s string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				return unicode.ToLower(r)
			}
			return -1
		}, norm.NFKC.String(s))
	}
	type sentence struct {
		file, text string
		page       int
	}
	var all []sentence
	pages := map[string][]string{} // ours, squeezed
	for _, file := range files {
		theirs, err := pdftotext("-enc", "UTF-8", file, "-")
		if err != nil {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		docs, err := x.Extract(context.Background(), ingest.Input{Name: filepath.Base(file), Data: data})
		if err != nil {
			continue
		}
		d := docs[0]
		byPage := make([]string, strings.Count(theirs, "\f")+1)
		for i, m := range d.Pages {
			end := len(d.Text)
			if i+1 < len(d.Pages) {
				end = d.Pages[i+1].Offset
			}
			if m.Number >= 1 && m.Number <= len(byPage) {
				byPage[m.Number-1] += d.Text[m.Offset:end]
			}
		}
		for i := range byPage {
			byPage[i] = squeeze(byPage[i])
		}
		pages[file] = byPage
		for n, page := range strings.Split(theirs, "\f") {
			for s := range strings.FieldsFuncSeq(page, func(r rune) bool { return strings.ContainsRune(".!?。！？\n", r) }) {
				if k := len([]rune(squeeze(s))); k >= 25 && k <= 200 {
					all = append(all, sentence{file, s, n + 1})
				}
			}
		}
	}
	if len(all) == 0 {
		t.Skip("no sentences")
	}
	r := rand.New(rand.NewPCG(100, 1))
	right, absent := 0, 0
	const n = 100
	for range n {
		s := all[r.IntN(len(all))]
		key := squeeze(s.text)
		found := slices.IndexFunc(pages[s.file], func(p string) bool { return strings.Contains(p, key) })
		switch {
		case s.page <= len(pages[s.file]) && strings.Contains(pages[s.file][s.page-1], key):
			right++
		case found < 0:
			absent++
			t.Logf("%s page %d: not found as one piece: %q", filepath.Base(s.file), s.page, s.text)
		default:
			t.Errorf("%s: %q is on page %d, we say %d", filepath.Base(s.file), s.text, s.page, found+1)
		}
	}
	t.Logf("%d sentences of %d: page right %d, wrong %d, not found as one piece %d", n, len(all), right, n-right-absent, absent)
}

// TestPDFReference holds the text of files against what their publishers give:
// folders doc.pdf and ref.txt below LORE_PDF_REFERENCE. No worse than pdftotext
// by more than 0.005.
func TestPDFReference(t *testing.T) {
	dir := os.Getenv("LORE_PDF_REFERENCE")
	if dir == "" {
		t.Skip("LORE_PDF_REFERENCE names no folder")
	}
	refs, _ := filepath.Glob(filepath.Join(dir, "*", "ref.txt"))
	for _, ref := range refs {
		file := filepath.Join(filepath.Dir(ref), "doc.pdf")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(ref)
		if err != nil {
			t.Fatal(err)
		}
		docs, err := extract.New(nil).Extract(context.Background(), ingest.Input{Name: "doc.pdf", Data: data})
		if err != nil {
			t.Fatal(err)
		}
		want := wordBag(string(text))
		recall, precision, _ := compareBags(wordBag(docs[0].Text), want)
		line := fmt.Sprintf("%s: recall %.4f precision %.4f", filepath.Base(filepath.Dir(ref)), recall, precision)
		if theirs, err := pdftotext("-enc", "UTF-8", file, "-"); err == nil {
			r, p, _ := compareBags(wordBag(theirs), want)
			line += fmt.Sprintf("; pdftotext %.4f %.4f", r, p)
			if recall < r-0.005 || precision < p-0.005 {
				t.Errorf("worse than pdftotext")
			}
		}
		t.Log(line)
	}
}

// TestPDFAgainstPdftotext times all files of LORE_PDF_DIR, each reader in one
// go; for a quiet machine only.
func TestPDFAgainstPdftotext(t *testing.T) {
	if os.Getenv("LORE_PDF_TIME") == "" {
		t.Skip("LORE_PDF_TIME is not set")
	}
	files := pdfFolder(t)
	p := newPool(t, &extract.PoolOptions{NoOCR: true, Workers: 1})
	rounds, err := strconv.Atoi(os.Getenv("LORE_PDF_TIME"))
	if err != nil {
		rounds = 3
	}
	_, _ = p.Extract(context.Background(), ingest.Input{Name: "a.txt", Data: []byte("start the child")})
	for range rounds {
		start := time.Now()
		for _, f := range files {
			_ = exec.Command("pdftotext", "-enc", "UTF-8", f, "-").Run()
		}
		theirs := time.Since(start)
		start = time.Now()
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = p.Extract(context.Background(), ingest.Input{Name: filepath.Base(f), Data: bytes.Clone(data)})
		}
		ours := time.Since(start)
		t.Logf("%d files: pdftotext %.2fs, ours %.2fs, ratio %.2f", len(files), theirs.Seconds(), ours.Seconds(), ours.Seconds()/theirs.Seconds())
	}
}

// TestPDFTableRows looks for rows of tables of known files: each must be a row of a
// table block, its cells in order.
func TestPDFTableRows(t *testing.T) {
	files := pdfFolder(t)
	known := map[string][]string{
		"r2r-uber_2021.pdf": {
			"Mobility|6,089|6,953|14 %", "Delivery|3,904|8,362|114 %", "Freight|1,011|2,132|111 %", "Total revenue|11,139|17,455|57 %",
			"Mobility|10,874|3,046|5,905|6,789|6,773|8,640|9,883|11,340", "Delivery|4,683|6,961|8,550|10,050|12,461|12,912|12,828|13,444", "Freight|198|212|290|313|302|348|402|1,082",
			"Mobility|2,071|1,169|1,596", "Delivery|(1,372)|(873)|(348)", "Freight|(217)|(227)|(130)", "Total segment adjusted EBITDA|(268)|(392)|1,107",
		},
		"kotaemon-table.pdf": {"１|パワー半導体チップ", "２|接合層", "３|Ｃｕパターン部", "４|放熱シート", "５|Ｃｕベースプレート", "６|リードフレーム", "７|樹脂封止層", "８|ワイヤーフレーム"},
	}
	for _, file := range files {
		rows := known[filepath.Base(file)]
		if rows == nil {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		docs, err := extract.New(nil).Extract(context.Background(), ingest.Input{Name: "a.pdf", Data: data})
		if err != nil {
			t.Fatal(err)
		}
		d := docs[0]
		var have []string
		for _, b := range d.Blocks {
			for _, r := range b.Rows {
				row := "|" + strings.NewReplacer("\t$\t", "|", "\t", "|", "$", "").Replace(d.Text[r.Start:r.End]) + "|"
				have = append(have, strings.ReplaceAll(row, " |", "|"))
			}
		}
		right := 0
		for _, want := range rows {
			if slices.ContainsFunc(have, func(s string) bool { return strings.HasPrefix(s, "|"+want+"|") }) {
				right++
			} else {
				t.Errorf("%s: no row %q", filepath.Base(file), want)
			}
		}
		t.Logf("%s: %d rows of %d", filepath.Base(file), right, len(rows))
	}
}

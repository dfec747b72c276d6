package ask

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/prompt"
)

// claim is one statement as a model wrote it, before any check.
type claim struct {
	text    string // without markers
	markers []int  // as written, each once; may name passages that do not exist
	quoted  string // what the model put between quotation marks as the passage's words; "" when nothing
}

var (
	// [1] 【2】 [1, 2] [1-3] [^1] [passage 2] [段落2] (source 1) （第2段）
	bracketMarker = regexp.MustCompile(`(?i)[\[【［〔]\s*\^?\s*(?:(?:passages?|sources?|refs?|references?|citations?|documents?|段落|来源|资料|文档|第)\s*[#:：]?\s*)?((?:\d|[０-９]){1,2}(?:\s*(?:[,，、;；&-]|and|和|至|–)\s*(?:\d|[０-９]){1,2})*)\s*(?:段落?|条|号)?\s*[\]】］〕]`)
	roundMarker   = regexp.MustCompile(`(?i)[(（]\s*(?:见|see|from|来自|根据|依据|参见)?\s*(?:(?:passages?|sources?|refs?|段落|来源|资料|第)\s*[#:：]?\s*)((?:\d|[０-９]){1,2}(?:\s*(?:[,，、;；&-]|and|和)\s*(?:\d|[０-９]){1,2})*)\s*(?:个?段落?|条|号|句)?\s*[)）]`)
	bareMarker    = regexp.MustCompile(`[(（]\s*((?:\d|[０-９]){1,2})\s*[)）]\s*[.。]?\s*$`)
	tagMarker     = regexp.MustCompile(`(?i)</?\s*(?:passage|段落)\s*((?:\d|[０-９]){1,2})\s*>`)
	phraseMarker  = regexp.MustCompile(`(?i)(?:(?:according to|as (?:stated|mentioned|said|noted) in|based on|from|in|per)\s+)?(?:the\s+)?passages?\s+((?:\d){1,2}(?:\s*(?:,|and|&)\s*\d{1,2})*)(?:\s+(?:says|states|mentions|notes|tells us)(?:\s+that)?)?\s*[,:]?\s*|(?:根据|依据|按照|参见|见|由)?\s*(?:第\s*([0-9０-９一二三四五六七八九十]{1,3})\s*(?:个?段落?|条资料|句话?|篇)|段落\s*\[?([0-9０-９]{1,2})\]?)(?:中?(?:的)?(?:内容|所述|提到|指出|说明|写道|可知|所说|显示|表明|说))?\s*[,，:：]?\s*`)
	linePrefix    = regexp.MustCompile(`^\s*(?:[-*•·]\s+|#{1,6}\s+|>\s+|\d{1,2}[.、)）]\s*)+`)
	preamble      = regexp.MustCompile(`(?i)^\s*(?:(?:final |short )?answer|答案?|回答|答复|根据(?:以上|上述|提供的|这些)?(?:段落|资料|内容|信息)(?:可知)?|based on the (?:passages|information)(?: provided)?|here (?:is|are) .{0,40}|claims?|论断)\s*(?:[:：]\s*|[,，]\s*)`)
	hanOrdinal    = map[rune]int{'一': 1, '二': 2, '三': 3, '四': 4, '五': 5, '六': 6, '七': 7, '八': 8, '九': 9, '十': 10}
	quotedText    = regexp.MustCompile(`["“「『]([^"“”「」『』\n]{4,600})["”」』]`)
	denial        = regexp.MustCompile(`(?i)^\W*(?:not[\s_-]*found\b|(?:the )?(?:passages?|documents?|provided (?:passages?|text|information)|text) (?:do|does|did)(?: not|n't) (?:\w+ )?(?:answer|mention|say|provide|contain|state|specify|include|tell|give|discuss)|(?:there is )?no (?:information|mention|answer) (?:is |was )?(?:\w+ )?(?:in|about|on|given|provided|found)|i (?:do not|don't|cannot|can't) (?:know|find|answer)|(?:这些|以上|上述|所给|提供的)?(?:段落|资料|文档|文中|文章|内容)(?:中|里|内)?(?:并?没有|并?未|无|不)(?:回答|提及|提到|说明|包含|涉及|给出|提供|明确)|(?:没有|未|无法)(?:找到|回答|提供|提及|从)|抱歉|对不起|未找到)`)
)

// denies reports whether a completion says that the passages do not answer.
func denies(text string) bool {
	text = strings.TrimSpace(text)
	if text == "" {
		return false
	}
	line, _, _ := strings.Cut(text, "\n")
	line = preamble.ReplaceAllString(strings.TrimSpace(line), "")
	return strings.HasPrefix(strings.Trim(line, " `*\"'.。[]【】"), prompt.NotFound) || denial.MatchString(line)
}

// claims reads a completion leniently: one claim a line, or sentences with
// markers inside a line; markers in any of the forms that models write. Lines
// that only say that nothing was found are no claims.
func claims(text string) []claim {
	var out []claim
	fenced := false
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			continue
		}
		out = append(out, lineClaims(line)...)
	}
	return out
}

// lineClaims reads one line of a completion.
func lineClaims(line string) []claim {
	line = strings.TrimSpace(linePrefix.ReplaceAllString(line, ""))
	line = preamble.ReplaceAllString(line, "")
	if line == "" || denies(line) {
		return nil
	}
	var out []claim
	for _, piece := range splitAtMarkers(line) {
		c := readClaim(piece)
		if strings.IndexFunc(c.text, isWordRune) < 0 {
			// A marker alone belongs to what stands before it.
			if n := len(out); n > 0 {
				out[n-1].markers = union(out[n-1].markers, c.markers)
			} else if len(c.markers) > 0 {
				out = append(out, claim{markers: c.markers})
			}
			continue
		}
		if denies(c.text) {
			continue
		}
		if len(c.markers) == 0 {
			for _, s := range analysis.Sentences(c.text) {
				out = append(out, claim{text: c.text[s.Start:s.End], quoted: c.quoted})
			}
			continue
		}
		out = append(out, c)
	}
	// A line whose only marker stands at its end covers all its sentences.
	if n := len(out); n > 1 && len(out[n-1].markers) > 0 {
		for i := n - 2; i >= 0 && len(out[i].markers) == 0; i-- {
			out[i].markers = out[n-1].markers
		}
	}
	kept := out[:0]
	for _, c := range out {
		if c.text != "" {
			kept = append(kept, c)
		}
	}
	return kept
}

// splitAtMarkers cuts a line behind markers that end a sentence.
func splitAtMarkers(line string) []string {
	var out []string
	start := 0
	spans := bracketMarker.FindAllStringIndex(line, -1)
	spans = append(spans, roundMarker.FindAllStringIndex(line, -1)...)
	sortSpans(spans)
	for i, m := range spans {
		if m[0] < start {
			continue
		}
		end := m[1]
		before := strings.TrimRight(line[start:m[0]], " ")
		last, _ := utf8.DecodeLastRuneInString(before)
		ended := strings.ContainsRune(".!?。！？…；;", last)
		// Marks behind the marker belong to the sentence.
		rest := line[end:]
		trimmed := strings.TrimLeft(rest, " ")
		if r, n := utf8.DecodeRuneInString(trimmed); n > 0 && strings.ContainsRune(".!?。！？；;", r) {
			ended = true
			end += len(rest) - len(trimmed) + n
		}
		if i+1 < len(spans) && strings.TrimSpace(line[end:spans[i+1][0]]) == "" {
			continue // [1][2]: one group
		}
		if ended {
			out = append(out, line[start:end])
			start = end
		}
	}
	if strings.TrimSpace(line[start:]) != "" {
		out = append(out, line[start:])
	}
	return out
}

func sortSpans(spans [][]int) {
	for i := 1; i < len(spans); i++ {
		for j := i; j > 0 && spans[j][0] < spans[j-1][0]; j-- {
			spans[j], spans[j-1] = spans[j-1], spans[j]
		}
	}
}

// readClaim takes the markers out of a piece of text.
func readClaim(s string) claim {
	var c claim
	take := func(re *regexp.Regexp) {
		s = re.ReplaceAllStringFunc(s, func(m string) string {
			for _, g := range re.FindStringSubmatch(m)[1:] {
				c.markers = union(c.markers, markerNumbers(g))
			}
			return " "
		})
	}
	take(bracketMarker)
	take(roundMarker)
	take(tagMarker)
	if len(c.markers) == 0 {
		take(phraseMarker)
		take(bareMarker)
	} else {
		s = phraseMarker.ReplaceAllString(s, "")
	}
	s = imageMark.ReplaceAllString(s, "")
	s = linkMark.ReplaceAllString(s, "$1")
	s = htmlTag.ReplaceAllString(invisible.Replace(s), "")
	s = strings.Join(strings.Fields(s), " ")
	s = spaceBeforeMark.ReplaceAllString(s, "$1")
	s = strings.TrimLeft(s, " ,，、。.;；:：)）")
	s = emphasisMark.ReplaceAllString(s, "")
	if m := quotedText.FindStringSubmatch(s); m != nil {
		c.quoted = strings.TrimSpace(m[1])
	}
	if r, n := utf8.DecodeRuneInString(s); unicode.IsLower(r) && r < utf8.RuneSelf && !strings.ContainsAny(firstWord(s), "0123456789_./") {
		s = string(unicode.ToUpper(r)) + s[n:]
	}
	c.text = s
	return c
}

func firstWord(s string) string {
	w, _, _ := strings.Cut(s, " ")
	return strings.TrimRight(w, ".,;:")
}

// bareVerdict is an answer that says yes or no and nothing else.
var bareVerdict = regexp.MustCompile(`^(?:yes|no|not|it (?:is|does|can|will|was|did|has)(?: not)?|they (?:are|do|can|will|did)(?: not)?|是的?|不是|会|不会|可以|不可以|能|不能|有|没有|对|不对|否|不|没|需要|不需要|必须|不必|允许|不允许|支持|不支持)$`)

var spaceBeforeMark = regexp.MustCompile(` +([.,;:!?。，；：！？、）)])`)

// markerNumbers reads "1, 2", "1-3", "二".
func markerNumbers(s string) []int {
	var out []int
	var numbers []int
	last := -1
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r >= '０' && r <= '９' {
			r = r - '０' + '0'
		}
		switch {
		case r >= '0' && r <= '9':
			if last == i {
				numbers[len(numbers)-1] = numbers[len(numbers)-1]*10 + int(r-'0')
			} else {
				numbers = append(numbers, int(r-'0'))
			}
			last = i + n
		case (r == '-' || r == '–' || r == '至') && len(numbers) > 0:
			numbers = append(numbers, -1)
		case hanOrdinal[r] > 0:
			numbers = append(numbers, hanOrdinal[r])
		}
		i += n
	}
	for i := 0; i < len(numbers); i++ {
		if numbers[i] == -1 {
			if i+1 < len(numbers) && len(out) > 0 {
				for k := out[len(out)-1] + 1; k < numbers[i+1] && k-out[len(out)-1] < 10; k++ {
					out = append(out, k)
				}
			}
			continue
		}
		out = append(out, numbers[i])
	}
	return out
}

func union(a, b []int) []int {
	for _, n := range b {
		found := false
		for _, m := range a {
			found = found || m == n
		}
		if !found {
			a = append(a, n)
		}
	}
	return a
}

func withMarkers(text string, markers []int) string {
	var b strings.Builder
	b.WriteString(text)
	if len(markers) > 0 {
		if last, _ := utf8.DecodeLastRuneInString(text); !isHan(last) && !isWideMark(last) {
			b.WriteByte(' ')
		}
	}
	for _, m := range markers {
		b.WriteString("[" + strconv.Itoa(m) + "]")
	}
	return b.String()
}

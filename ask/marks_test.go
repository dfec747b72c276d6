package ask

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestPatternsNeed makes matches of each pattern and looks whether what is said to
// be needed is in them.
func TestPatternsNeed(t *testing.T) {
	patterns := append([]pattern{affirmative}, orderPatterns...)
	for i := range patterns {
		p := &patterns[i]
		t.Run(p.re.String()[:min(40, len(p.re.String()))], rapid.MakeCheck(func(t *rapid.T) {
			text := rapid.StringMatching(plain(p.re.String())).Draw(t, "text")
			if p.re.MatchString(text) && !p.matches(text) {
				t.Fatalf("%q matches but lacks what is needed", text)
			}
		}))
	}
}

// plain is an expression of which texts can be made easily: with a few words for
// any characters and without word boundaries.
func plain(expr string) string {
	expr = strings.ReplaceAll(expr, `\b.{0,`, `( |, | the ){0,`)
	expr = strings.ReplaceAll(expr, `}\b`, `}`)
	return strings.ReplaceAll(strings.ReplaceAll(expr, `.{0,`, `[a的]{0,`), `\b`, ``)
}

// TestNegatedAsExpressions holds the quick tests against expressions that say the
// same.
func TestNegatedAsExpressions(t *testing.T) {
	english := regexp.MustCompile(`\b(?:not|no|never|none|nobody|nothing|nowhere|neither|nor|without|cannot|lacks?|lacking|fails?|failed|unable|unless|except|excluding|prohibit(?:s|ed)?|forbid(?:s|den)?|refus(?:es?|ed)|rarely|hardly|unlike|denie[ds]|deny|impossible|illegal|invalid|disabled?|unavailable|unsupported|deprecated|removed)\b|n't\b`)
	han := regexp.MustCompile(`不(?:会|能|是)?|没有?|未(?:曾|能|必)?|无(?:法|须)?|并非|非(?:法|但)?|禁止|拒绝|缺乏|缺少|除外|以外|勿|莫|别`)
	yes := regexp.MustCompile(`\byes\b|\b(?:is|are|can|may|must|will|does|do) (?:allowed|permitted|supported|required|possible|available|open)\b|可以|允许|支持|能够|会|必须|是的|已经|已`)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{
			"not", "knot", "no", "n't", "is", "isn't", "lacks", "lack", "lacked", "denies", "deny", "removed", "refuses", "disable", "x", "_", "-", " ", " ", " ", "'", "1",
			"yes", "eyes", "allowed", "are", "open", "opened", "不", "非洲", "非", "禁止", "禁", "止", "以外", "会不会", "会", "已", "允许", "别", "特", "能够", "é",
		})).Draw(t, "parts"), "")
		denied := english.MatchString(text) || han.MatchString(hanHarmless.Replace(text))
		if got := negated(text); got != denied {
			t.Fatalf("negated(%q) is %v", text, got)
		}
		if got := polarityOf(text) == polarityYes; got != (!denied && yes.MatchString(text)) {
			t.Fatalf("polarityOf(%q) is yes: %v", text, got)
		}
	})
}

// TestMarks makes texts that the expressions of figures match and looks whether
// their marks say that they may.
func TestMarks(t *testing.T) {
	check := func(re *regexp.Regexp, possible func(marks) bool) {
		rapid.Check(t, func(t *rapid.T) {
			text := rapid.StringMatching(strings.ReplaceAll(re.String(), `\b`, ``)).Draw(t, "text")
			if re.MatchString(text) && !possible(marksOf(text)) {
				t.Fatalf("%q matches %v, and its marks are %+v", text, re, marksOf(text))
			}
		})
	}
	for _, p := range datePatterns {
		check(p.re, func(m marks) bool { return m.have(p.need) })
	}
	check(clockPattern, func(m marks) bool { return m.have(marks{digits: true, clock: true}) })
	check(numberPattern, func(m marks) bool { return m.digits })
}

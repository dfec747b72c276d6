package ask

import (
	"regexp"
	"strings"
)

// polarity is whether a text denies.
type polarity int

const (
	polarityNone polarity = iota // says neither in so many words
	polarityYes
	polarityNo
)

var (
	englishNegations = setOf(`not no never none nobody nothing nowhere neither nor without cannot lack lacks lacking fail fails failed
		unable unless except excluding prohibit prohibits prohibited forbid forbids forbidden refuse refuses refused rarely hardly unlike
		denied denies deny impossible illegal invalid disable disabled unavailable unsupported deprecated removed`)
	// 非 and 无 stand inside many words that deny nothing (非洲, 非常, 无锡).
	hanNegations = anyOf("不|没|未|无|非|禁止|拒绝|缺乏|缺少|除外|以外|勿|莫|别")
	hanHarmless  = strings.NewReplacer("非洲", "", "非常", "", "无锡", "", "不断", "", "不久", "", "不仅", "", "不但", "", "不同", "", "不少", "", "不过", "", "不只", "", "不论", "", "不管", "", "无论", "",
		"未来", "", "没落", "", "区别", "", "特别", "", "级别", "", "分别", "", "类别", "", "性别", "", "别墅", "", "别名", "", "别人", "", "个别", "", "识别", "", "告别", "", "无线", "", "无数", "", "不得不", "", "除此以外", "", "以外", "", "不知不觉", "", "差不多", "",
		"是否", "", "会不会", "", "能不能", "", "有没有", "", "是不是", "", "可不可以", "", "要不要", "", "不如", "", "不妨", "", "莫斯科", "", "沉没", "", "淹没", "", "出没", "")
	affirmations = anyOf("可以|允许|支持|能够|会|必须|是的|已")
	affirmative  = pattern{regexp.MustCompile(`\byes\b|\b(?:is|are|can|may|must|will|does|do) (?:allowed|permitted|supported|required|possible|available|open)\b`), [][]string{anyOf("yes| allowed| permitted| supported| required| possible| available| open")}}
)

func setOf(words string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

// polarityOf returns whether folded text denies or affirms.
func polarityOf(folded string) polarity {
	switch {
	case negated(folded):
		return polarityNo
	case holdsAny(folded, affirmations) || affirmative.matches(folded):
		return polarityYes
	}
	return polarityNone
}

// negated reports whether folded text holds a negation.
func negated(folded string) bool {
	if holdsWordOf(folded, englishNegations) || holdsShortNot(folded) {
		return true
	}
	return holdsAny(folded, hanNegations) && holdsAny(hanHarmless.Replace(folded), hanNegations)
}

// holdsShortNot reports whether a word ends with n't.
func holdsShortNot(folded string) bool {
	for {
		_, after, ok := strings.Cut(folded, "n't")
		if !ok {
			return false
		}
		if after == "" || !wordByte(after[0]) {
			return true
		}
		folded = after
	}
}

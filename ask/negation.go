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
	englishNegation = regexp.MustCompile(`\b(?:not|no|never|none|nobody|nothing|nowhere|neither|nor|without|cannot|lacks?|lacking|fails?|failed|unable|unless|except|excluding|prohibit(?:s|ed)?|forbid(?:s|den)?|refus(?:es?|ed)|rarely|hardly|unlike|denie[ds]|deny|impossible|illegal|invalid|disabled?|unavailable|unsupported|deprecated|removed)\b|n't\b`)
	// 非 and 无 stand inside many words that deny nothing (非洲, 非常, 无锡).
	hanNegation = regexp.MustCompile(`不(?:会|能|是|可|得|准|许|需|要|必|应|该|包|再|支|允|含|属|在|同意|存在|提供|适用|接受|超过|到|足)?|没有?|未(?:曾|能|必)?|无(?:法|须|需|权|效|人|关|需|意|力)?|并非|非(?:法|但)?|禁止|拒绝|缺乏|缺少|除外|以外|勿|莫|别`)
	hanHarmless = strings.NewReplacer("非洲", "", "非常", "", "无锡", "", "不断", "", "不久", "", "不仅", "", "不但", "", "不同", "", "不少", "", "不过", "", "不只", "", "不论", "", "不管", "", "无论", "",
		"未来", "", "没落", "", "区别", "", "特别", "", "级别", "", "分别", "", "类别", "", "性别", "", "别墅", "", "别名", "", "别人", "", "个别", "", "识别", "", "告别", "", "无线", "", "无数", "", "不得不", "", "除此以外", "", "以外", "", "不知不觉", "", "差不多", "",
		"是否", "", "会不会", "", "能不能", "", "有没有", "", "是不是", "", "可不可以", "", "要不要", "", "不如", "", "不妨", "", "莫斯科", "", "沉没", "", "淹没", "", "出没", "")
	affirmative = regexp.MustCompile(`\byes\b|\b(?:is|are|can|may|must|will|does|do) (?:allowed|permitted|supported|required|possible|available|open)\b|可以|允许|支持|能够|会|必须|是的|已经|已`)
)

// polarityOf returns whether folded text denies or affirms.
func polarityOf(folded string) polarity {
	switch {
	case negated(folded):
		return polarityNo
	case affirmative.MatchString(folded):
		return polarityYes
	}
	return polarityNone
}

// negated reports whether folded text holds a negation.
func negated(folded string) bool {
	return englishNegation.MatchString(folded) || hanNegation.MatchString(hanHarmless.Replace(folded))
}

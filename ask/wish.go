package ask

import "regexp"

// wishedLanguage returns the language that a wish asks answers in, where it says
// so in the usual words; "" where it does not.
func wishedLanguage(wish string) string {
	m := languageWish.FindStringSubmatch(wish)
	if m == nil {
		return ""
	}
	for i, language := range []string{"zh", "en", "zh", "en"} {
		if m[i+1] != "" {
			return language
		}
	}
	return ""
}

var languageWish = regexp.MustCompile(`(?i)\b(?:answer|answers|reply|respond|write|speak)\b[^.\n]{0,40}?\bin (?:(?:simplified |plain )?(chinese|mandarin)|(?:plain |simple )?(english))\b` +
	`|(?:用|使用|以)(?:简体)?(?:(中文|汉语|普通话)|(英文|英语))(?:来)?(?:回答|答复|回复|作答)`)

package ask

import (
	"cmp"
	"context"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/prompt"
	"github.com/lore-kb/lore/retrieve"
)

// rewriteTimeout bounds a model's rewriting of a follow-up; rules do it when the
// model takes longer.
const rewriteTimeout = 20 * time.Second

// standalone returns the question as it is to be searched: unchanged when it
// stands alone or changes the subject, else with what it leaves out taken from
// the turns before it. A model rewrites when there is one and its rewriting
// holds nothing new; rules do otherwise.
func (a *Assistant) standalone(ctx context.Context, question string, history []Turn) string {
	byRule := Standalone(question, history)
	g := a.options.Generator
	if g == nil || byRule == question {
		return byRule
	}
	built, err := a.options.Prompt.Standalone(prompt.Input{Question: question, History: historyOf(history)})
	if err != nil {
		return byRule
	}
	limited, cancel := context.WithTimeout(ctx, rewriteTimeout)
	defer cancel()
	completion, err := g.Generate(limited, model.Request{Messages: built.Messages, MaxTokens: 100}, nil)
	if err != nil {
		return byRule
	}
	text := strings.TrimSpace(completion.Text)
	text, _, _ = strings.Cut(text, "\n")
	text = strings.Trim(rewritePrefix.ReplaceAllString(text, ""), " \"“”*`")
	if !faithful(text, question, history) {
		return byRule
	}
	return text
}

// Longest follow-up that may lean on what was asked before without saying so, in
// Han characters and in words.
const (
	leaningHan   = 12
	leaningWords = 7
)

// carried returns the last turn's topic, and the question with it, when the
// question is short, names nothing and could be meant of that topic; "" else.
func carried(question string, history []Turn) (topic, whole string) {
	if len(history) == 0 || len(namesOf(question, true)) > 0 {
		return "", ""
	}
	last := history[len(history)-1]
	before := cmp.Or(last.Standalone, last.Question)
	han := 0
	for _, r := range question {
		if isHan(r) {
			han++
		}
	}
	switch bare := strings.TrimRight(strings.TrimSpace(question), "?？。. "); {
	case han > 0 && han <= leaningHan && strings.IndexFunc(before, isHan) >= 0:
		if topic = topicChinese(before); topic != "" {
			whole = topic + "，" + bare + "？"
		}
	case han == 0 && len(strings.Fields(bare)) <= leaningWords && strings.IndexFunc(before, isHan) < 0:
		if topic = entityEnglish(before); topic != "" {
			whole = bare + " (" + topic + ")?"
		}
	}
	if whole == "" || strings.Contains(strings.ToLower(question), strings.ToLower(topic)) {
		return "", ""
	}
	return topic, whole
}

// leaningShare is the part of a bare question's best share that a passage about
// the topic must hold for the question to be meant of it.
const leaningShare = 0.9

// aboutTopic reports whether a passage that the whole question finds holds the
// topic, and what is asked as well as any passage that the bare question finds.
// A change of the subject has no such passage.
func aboutTopic(question, topic string, bare, whole *retrieve.Result) bool {
	asked, about := readQuestion(question, bare), readQuestion(topic, whole)
	if asked.total == 0 || about.total == 0 {
		return false
	}
	best := 0.0
	for i := range bare.Passages {
		best = max(best, asked.share(asked.holdPassage(&bare.Passages[i])))
	}
	for i := range whole.Passages[:min(3, len(whole.Passages))] {
		p := &whole.Passages[i]
		if about.share(about.holdPassage(p)) >= 0.5 && asked.share(asked.holdPassage(p)) >= leaningShare*best {
			return best > 0
		}
	}
	return false
}

var rewritePrefix = regexp.MustCompile(`(?i)^(?:(?:rewritten|standalone|last)? ?question|改写后的问题|问题|q|问)\s*[:：]\s*`)

// faithful reports whether a rewriting keeps the question's words and takes new
// ones only from the history.
func faithful(text, question string, history []Turn) bool {
	if text == "" || len(text) > 400 || text == question {
		return false
	}
	var before []string
	for _, t := range history {
		before = append(before, t.Question, t.Standalone, t.Answer)
	}
	known := termSet(strings.Join(before, "\n"))
	asked := termSet(question)
	kept, own, fresh, foreign := 0, 0, 0, 0
	got := termSet(text)
	for t := range asked {
		own++
		if got[t] {
			kept++
		}
	}
	for t := range got {
		if asked[t] {
			continue
		}
		fresh++
		if !known[t] {
			foreign++
		}
	}
	return fresh > foreign && 4*foreign <= fresh && 2*kept >= own
}

// termSet is the content terms of a text; Han characters count in pairs.
func termSet(s string) map[uint32]bool {
	out := map[uint32]bool{}
	for _, t := range analysis.Terms(s) {
		if !t.Stop && t.Kind != analysis.KindHan && t.Kind != analysis.KindPart {
			out[t.Index] = true
		}
	}
	return out
}

// Standalone rewrites a follow-up question by rules, from the last turn before
// it. A question that stands alone, or the first of a conversation, comes back
// unchanged.
func Standalone(question string, history []Turn) string {
	question = strings.TrimSpace(question)
	if len(history) == 0 {
		return question
	}
	last := history[len(history)-1]
	before := last.Standalone
	if before == "" {
		before = last.Question
	}
	before = strings.TrimSpace(before)
	if before == "" {
		return question
	}
	if strings.IndexFunc(question, isHan) >= 0 || analysis.Language(question) == "" && analysis.Language(before) == "zh" {
		return standaloneChinese(question, before, last.Answer)
	}
	return standaloneEnglish(question, before, last.Answer)
}

var (
	hanAbout    = regexp.MustCompile(`^(?:那么|那|还有|另外|以及|如果是|要是|换成)?(.+?)(?:又)?(?:怎么样)?呢[?？]?$`)
	hanPronoun  = regexp.MustCompile(`它们|他们|她们|它|他|她|其(?:他)?|这(?:个|种|项|些|家|位|款|份|部|本)?|那(?:个|种|项|些|家|位|款|份|部|本)|该|此|上述|前者|后者`)
	hanOpening  = regexp.MustCompile(`^(?:那么|那|还有|另外|所以|然后|而且|以及|并且)[,，]?`)
	hanBoundary = regexp.MustCompile(`的|有|是|在|会|能|可以|应该|需要|必须|什么|多少|怎么|怎样|如何|何时|为什么|为何|几|哪|谁|每|从|由|被|位于|属于|包括|包含|支持|享有|需|须|最|提前|要|叫|吗|呢|多`)
	hanBare     = regexp.MustCompile(`^(?:具体)?(?:什么时候|何时|为什么|为何|多少钱?|多久|多长时间|几|怎么|如何|在?哪里?|在哪儿|谁|有没有|是不是|能不能|可以|需要|要|有|是否|最多|最少|每)`)
	// Words that a pronoun stands in without meaning something said before.
	hanHarmlessPronoun = strings.NewReplacer("其中", "", "其实", "", "尤其", "", "其他", "", "此外", "", "因此", "", "这里", "", "应该", "", "该不该", "", "如此", "", "彼此", "", "在此", "")
)

func standaloneChinese(question, before, answer string) string {
	bare := strings.TrimRight(question, "?？。!！ ")
	if m := hanAbout.FindStringSubmatch(question); m != nil && utf8.RuneCountInString(m[1]) <= 14 && !hanInterrogative.MatchString(m[1]) {
		x := strings.TrimSpace(strings.TrimRight(strings.TrimSpace(m[1]), "的"))
		if p := hanPronoun.FindString(x); p != x {
			return replaceParallel(before, x)
		}
	}
	subject := subjectChinese(before)
	if name := latinName.FindString(answer); name != "" && hanWhich.MatchString(before) {
		subject = name // 哪种传感器: what it is called is in the answer
	}
	opened := hanOpening.ReplaceAllString(bare, "")
	if subject != "" {
		cleaned := hanHarmlessPronoun.Replace(opened)
		if loc := hanPronoun.FindStringIndex(cleaned); loc != nil && cleaned == opened {
			word := opened[loc[0]:loc[1]]
			rest := opened[loc[1]:]
			// 这个方案: the noun behind the pronoun belongs to it when the
			// subject ends with it.
			for n := min(4, utf8.RuneCountInString(rest)); n >= 1; n-- {
				noun := string([]rune(rest)[:n])
				if strings.HasSuffix(subject, noun) {
					rest = strings.TrimPrefix(rest, noun)
					break
				}
			}
			if word != "那" {
				return opened[:loc[0]] + subject + rest + "？"
			}
		}
	}
	han := 0
	for _, r := range opened {
		if isHan(r) {
			han++
		}
	}
	if reasonOnly.MatchString(opened) {
		return strings.TrimRight(before, "?？。 ") + "，" + opened + "？"
	}
	if hanBare.MatchString(opened) && han <= 10 && len(namesOf(question, true)) == 0 {
		topic := topicChinese(before)
		if topic != "" && !strings.Contains(opened, topic) {
			return topic + "，" + opened + "？"
		}
	}
	return question
}

var (
	hanWhich  = regexp.MustCompile(`哪(?:一|几)?(?:种|个|款|台|些|家|位|款|类)|什么(?:型号|产品|传感器|设备)`)
	latinName = regexp.MustCompile(`\p{Lu}[\p{Latin}\d-]*(?: (?:\p{Lu}[\p{Latin}\d-]*|\d+))*`)
)

var reasonOnly = regexp.MustCompile(`^(?:为什么|为何|原因是?什么|怎么(?:会|说)|什么时候|多久|哪里|谁|多少)$`)

// replaceParallel puts x into the question before in place of the thing of its
// kind, or in front of it.
func replaceParallel(before, x string) string {
	runes := []rune(x)
	lastRune := runes[len(runes)-1]
	// A word of like length that ends alike: 基础版 and 团队版.
	b := []rune(before)
	for i, r := range b {
		if r != lastRune || !isHan(r) {
			continue
		}
		for n := len(runes) + 1; n >= max(2, len(runes)-2); n-- {
			from := i + 1 - n
			if from < 0 || n > len(runes)+1 {
				continue
			}
			word := string(b[from : i+1])
			if from == 0 || !isHan(b[from-1]) || hanBoundary.MatchString(string(b[from-1])) {
				if !hanInterrogative.MatchString(word) && !strings.ContainsAny(word, "多少几") && allHan(word) && len(runes) >= 2 {
					return string(b[:from]) + x + string(b[i+1:])
				}
			}
		}
	}
	if names := namesOf(before, true); len(names) == 1 && strings.IndexFunc(x, isHan) < 0 {
		if i := strings.Index(strings.ToLower(before), names[0]); i >= 0 {
			return before[:i] + x + before[i+len(names[0]):]
		}
	}
	return x + "，" + before
}

func allHan(s string) bool {
	for _, r := range s {
		if !isHan(r) {
			return false
		}
	}
	return true
}

// subjectChinese is what a question is about: what stands before its first verb
// or interrogative, or behind 是 when the question begins with one.
func subjectChinese(q string) string {
	q = strings.TrimRight(hanOpening.ReplaceAllString(strings.TrimSpace(q), ""), "?？。 ")
	if i := strings.LastIndex(q, "，"); i > 0 && utf8.RuneCountInString(q[:i]) <= 8 && utf8.RuneCountInString(q[i:]) > 4 {
		q = q[i+len("，"):]
	}
	if m := hanInterrogative.FindStringIndex(q); m != nil && m[0] == 0 {
		rest := strings.TrimPrefix(q[m[1]:], "是")
		return strings.TrimLeft(rest, "的")
	}
	for at := 0; at < len(q); {
		m := hanBoundary.FindStringIndex(q[at:])
		if m == nil {
			break
		}
		from := at + m[0]
		subject := q[:from]
		for _, verb := range []string{"选用", "采用", "使用", "用", "选"} {
			if cut := strings.TrimSuffix(subject, verb); cut != subject && utf8.RuneCountInString(cut) >= 2 {
				subject = cut
				break
			}
		}
		if utf8.RuneCountInString(subject) >= 2 {
			return strings.TrimSpace(subject)
		}
		at += m[1]
	}
	if utf8.RuneCountInString(q) <= 8 {
		return q
	}
	return ""
}

// topicChinese is a question without its interrogative.
func topicChinese(q string) string {
	q = strings.TrimRight(strings.TrimSpace(q), "?？。 ")
	q = strings.TrimSuffix(strings.TrimSuffix(q, "吗"), "呢")
	if m := hanInterrogative.FindStringIndex(q); m != nil {
		left := strings.TrimRight(q[:m[0]], "有是在于要需")
		right := q[m[1]:]
		if r, n := utf8.DecodeRuneInString(right); n > 0 && strings.ContainsRune("个天年月日号元块钱种位名次条项是", r) {
			right = right[n:]
		}
		q = left + right
	}
	return strings.Trim(q, "，, ")
}

var (
	englishAbout   = regexp.MustCompile(`(?i)^(?:and|but|so|ok(?:ay)?|then|,|\s)*(?:(?:what|how) about|and|or)\s+(.+?)(?:\s+then)?\s*\?*$`)
	englishPronoun = regexp.MustCompile(`(?i)\b(it|its|they|them|their|theirs|he|him|his|she|her|hers|this|that|these|those|the same)\b`)
	englishBare    = regexp.MustCompile(`(?i)^(?:and |but |so |then )*(?:why|when|where|who|how(?: (?:long|much|many|often|far|soon|so))?|what|which one|since when|until when|by whom|for how long|why not|is it|really)(?:\s+(?:exactly|not|so|else|then))*\s*\?*$`)
	leadingAnd     = regexp.MustCompile(`(?i)^(?:and|but|so|then|also|ok(?:ay)?)[,\s]+`)
	preposition    = regexp.MustCompile(`(?i)^(?:for|in|on|at|with|without|to|from|by|during|after|before|since|until|under|over|per)\b`)
	dummyIt        = regexp.MustCompile(`(?i)\b(?:is|was|does|will|would) it (?:take|possible|necessary|required|allowed|true|rain|raining|snow)\b|\bthat (?:is|are|was|were|can|has|have|do|does|\w+s)\b.*\bthat\b`)
	auxiliary      = regexp.MustCompile(`(?i)^(?:do|does|did|can|could|will|would|should|must|may|has|have|had|was|were|is|are)$`)
)

func standaloneEnglish(question, before, answer string) string {
	stem := strings.TrimRight(before, "?？. ")
	if englishBare.MatchString(question) {
		return stem + ", " + lowerFirst(strings.TrimRight(leadingAnd.ReplaceAllString(question, ""), "? ")) + "?"
	}
	if m := englishAbout.FindStringSubmatch(question); m != nil {
		x := strings.TrimSpace(m[1])
		if !startsQuestion.MatchString(x) && !englishPronoun.MatchString(x) && len(strings.Fields(x)) <= 7 {
			return parallelEnglish(stem, x)
		}
	}
	if preposition.MatchString(question) && len(strings.Fields(question)) <= 5 && !strings.Contains(question, ",") {
		return parallelEnglish(stem, strings.TrimRight(question, "? "))
	}
	loc := englishPronoun.FindStringIndex(question)
	if loc == nil || dummyIt.MatchString(question) {
		return question
	}
	word := strings.ToLower(question[loc[0]:loc[1]])
	entity := ""
	switch word {
	case "he", "him", "his", "she", "her", "hers":
		if entity = personIn(answer); entity == "" {
			entity = entityEnglish(before)
		}
	default:
		entity = entityEnglish(before)
	}
	if entity == "" || strings.Contains(strings.ToLower(question), strings.ToLower(entity)) {
		return question
	}
	end := loc[1]
	switch word {
	case "this", "that", "these", "those", "the same":
		// "that plan": the noun goes with the pronoun when the entity ends with it.
		rest := question[end:]
		next := strings.TrimRight(firstWord(strings.TrimLeft(rest, " ")), "?")
		fields := strings.Fields(entity)
		switch {
		case next == "":
		case strings.EqualFold(next, fields[len(fields)-1]):
			end += strings.Index(rest, next) + len(next)
		case word == "that" && !auxiliaryBefore(question[:loc[0]]) || !isVerbLike(next):
			// A relative clause, or a noun of its own: say what it belongs to.
			return strings.TrimRight(question, "? ") + " (" + entity + ")?"
		}
	case "its", "their", "theirs", "his", "hers":
		entity += "'s"
	case "her":
		if next := firstWord(strings.TrimLeft(question[end:], " ")); next != "" && !isFunctionWord(strings.ToLower(strings.TrimRight(next, "?"))) {
			entity += "'s"
		}
	}
	return leadingAnd.ReplaceAllString(question[:loc[0]], "") + entity + question[end:]
}

var startsQuestion = regexp.MustCompile(`(?i)^(?:who|what|when|where|which|why|how|is|are|was|were|do|does|did|can|could|will|would|should|may|must|has|have)\b`)

func auxiliaryBefore(s string) bool {
	f := strings.Fields(s)
	return len(f) > 0 && auxiliary.MatchString(f[len(f)-1])
}

func isVerbLike(w string) bool {
	return auxiliary.MatchString(w) || isFunctionWord(strings.ToLower(w)) || w == "apply" || w == "mean" || w == "work" || w == "happen" || w == "cost" || w == "include"
}

func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToLower(r)) + s[n:]
}

// parallelEnglish puts x into the question stem in place of the thing of its
// kind, or behind it.
func parallelEnglish(stem, x string) string {
	if preposition.MatchString(x) {
		return stem + " " + x + "?"
	}
	words := strings.Fields(x)
	head := strings.ToLower(words[len(words)-1])
	fields := strings.Fields(stem)
	for i := len(fields) - 1; i > 0; i-- {
		if strings.ToLower(strings.Trim(fields[i], ",.")) != head {
			continue
		}
		from := i
		for from > 0 && i-from < len(words)+1 {
			w := strings.ToLower(fields[from-1])
			if isDeterminer(w) {
				from--
				break
			}
			if isFunctionWord(w) || auxiliary.MatchString(w) {
				break
			}
			from--
		}
		if !isDeterminer(strings.ToLower(words[0])) && isDeterminer(strings.ToLower(fields[from])) && from < i {
			from++
		}
		return strings.Join(append(append(append([]string(nil), fields[:from]...), words...), fields[i+1:]...), " ") + "?"
	}
	// One name takes the place of another.
	if upper, _ := utf8.DecodeRuneInString(words[len(words)-1]); unicode.IsUpper(upper) {
		for i := len(fields) - 1; i > 0; i-- {
			r, _ := utf8.DecodeRuneInString(fields[i])
			if !unicode.IsUpper(r) {
				continue
			}
			from := i
			for from > 1 {
				r, _ := utf8.DecodeRuneInString(fields[from-1])
				if !unicode.IsUpper(r) {
					break
				}
				from--
			}
			put := words
			if isDeterminer(strings.ToLower(fields[from-1])) && isDeterminer(strings.ToLower(words[0])) {
				put = words[1:]
			}
			return strings.Join(append(append(append([]string(nil), fields[:from]...), put...), fields[i+1:]...), " ") + "?"
		}
	}
	return stem + ", and " + x + "?"
}

func isDeterminer(w string) bool {
	switch w {
	case "the", "a", "an", "our", "my", "your", "their", "his", "her", "its", "this", "that":
		return true
	}
	return false
}

// entityEnglish is what a question is about: its named thing with what stands
// around it, else the noun phrase behind its first auxiliary.
func entityEnglish(q string) string {
	fields := strings.Fields(strings.TrimRight(q, "?. "))
	// A run of words with a name in it.
	best := ""
	for i := 1; i < len(fields); {
		r, _ := utf8.DecodeRuneInString(fields[i])
		word := strings.Trim(fields[i], ",.;:'\"")
		named := unicode.IsUpper(r) && !isFunctionWord(strings.ToLower(word)) || strings.ContainsAny(word, "0123456789_") && strings.IndexFunc(word, unicode.IsLetter) >= 0
		if !named {
			i++
			continue
		}
		j := i + 1
		for j < len(fields) {
			r, _ := utf8.DecodeRuneInString(fields[j])
			if !unicode.IsUpper(r) {
				break
			}
			j++
		}
		// "the Team plan": one noun behind the name, when a determiner stands before it.
		from := i
		if isDeterminer(strings.ToLower(fields[i-1])) {
			from--
			if j+1 < len(fields) && !isFunctionWord(strings.ToLower(fields[j])) || j < len(fields) && j == len(fields)-1 && !auxiliaryIn(fields[:from]) {
				j++
			}
		}
		if phrase := strings.Trim(strings.Join(fields[from:j], " "), ",.;:'\""); len(phrase) > len(best) {
			best = phrase
		}
		i = j
	}
	if best != "" {
		return best
	}
	for i, w := range fields {
		if !auxiliary.MatchString(w) {
			continue
		}
		if i+1 < len(fields) && passive[strings.ToLower(fields[i+1])] {
			// "How many days may be carried over": the subject stands before.
			from := 0
			for from < i && (isFunctionWord(strings.ToLower(fields[from])) || from == 1 && (fields[from] == "many" || fields[from] == "much")) {
				from++
			}
			if subject := strings.Trim(strings.Join(fields[from:i], " "), ","); subject != "" {
				return subject
			}
			continue
		}
		j := i + 1
		whole := false // the subject ends before a verb that is known
		for j < len(fields) {
			w := strings.ToLower(strings.Trim(fields[j], ","))
			if j > i+1 && (passive[w] || auxiliary.MatchString(w)) {
				whole = true
				break
			}
			if j > i+1 && isFunctionWord(w) {
				if w == "of" && j+1 < len(fields) {
					j++
					continue
				}
				break
			}
			j++
		}
		phrase := fields[i+1 : j]
		content := len(phrase)
		if content > 0 && isDeterminer(strings.ToLower(phrase[0])) {
			content--
		}
		verb := strings.ToLower(w)
		if content > 1 && !whole && (verb != "is" && verb != "are" || i == 0) {
			phrase = phrase[:len(phrase)-1] // the verb
		}
		if len(phrase) > 0 && !isFunctionWord(strings.ToLower(phrase[len(phrase)-1])) {
			return strings.Trim(strings.Join(phrase, " "), ",")
		}
	}
	return ""
}

// passive are the forms of be that follow another auxiliary.
var passive = map[string]bool{"be": true, "been": true, "being": true}

func auxiliaryIn(fields []string) bool {
	for _, f := range fields {
		if w := strings.ToLower(f); auxiliary.MatchString(w) && w != "is" && w != "are" {
			return true
		}
	}
	return false
}

var personName = regexp.MustCompile(`\p{Lu}[\p{Ll}'’-]+(?:\s+(?:\p{Lu}\.|de|van|von|bin|al))*(?:\s+\p{Lu}[\p{Ll}'’-]+)+`)

// personIn is the first name of two or more words in an answer.
func personIn(answer string) string { return personName.FindString(answer) }

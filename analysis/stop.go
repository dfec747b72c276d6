package analysis

import "strings"

// stopWords say little by themselves. They are indexed as other words are, and
// count for little in a question, so that a name such as The Who can still be
// found.
var stopWords = func() map[string]bool {
	m := make(map[string]bool)
	var buf []byte
	for _, w := range strings.Fields(englishStops) {
		m[string(stem([]byte(w), &buf))] = true
	}
	for _, w := range strings.Fields(chineseStops) {
		m[w] = true
	}
	return m
}()

const englishStops = "a an and are as at be been being but by can could did do does doing done for from had has have having " +
	"he her hers him his how i if in into is it its itself me might my no nor not of on or our ours shall she should so some such " +
	"than that the their theirs them then there these they this those through to too us very was we were what whats when " +
	"where which while who whom whose why will with would you your yours am any about dont doesnt didnt isnt arent " +
	"wasnt werent wont cant im ive youre thats please tell explain describe"

// Characters and bigrams of which Chinese questions are made.
const chineseStops = "的 了 吗 呢 吧 啊 是 在 有 和 与 及 或 也 都 就 而 则 被 把 让 给 对 从 到 于 由 以 为 之 其 " +
	"此 这 那 哪 谁 什 么 何 怎 多 少 几 个 我 你 您 他 她 它 们 请 问 会 能 可 要 " +
	"什么 哪个 哪些 哪里 哪儿 哪一 哪位 哪种 哪年 哪座 哪几 哪国 如何 怎么 怎样 多少 几个 是否 为何 为什 谁是 是谁 是什 是哪 在哪 有哪 " +
	"么样 个是 些是 的是 是的 了什 么时 么是 我们 你们 他们 这个 那个 这些 那些 可以 能否 请问 一个 一种 一下 的什 " +
	"有什 被称 叫什 么名 为哪 于哪 了多 有多 是多 和什 与什 做什 干什 因为 所以 以及 或者 并且 但是 如果 还是 的哪 的多 "

// isStop reports whether a term says little by itself.
func isStop(kind Kind, folded []byte) bool {
	if kind > KindBigram || len(folded) > 12 {
		return false
	}
	return stopWords[string(folded)]
}

// questionWeight is what a term of a question counts for before IDF.
func questionWeight(kind Kind, stop bool) float64 {
	w := 1.0
	switch kind {
	case KindHan:
		w = hanWeight
	case KindPart:
		w = partWeight
	case KindDate:
		w = dateWeight
	}
	if stop {
		w *= stopWeight
	}
	return w
}

// Weights of a question's terms. A Han character is covered by the bigrams that
// hold it, and a part by its compound; both matter more where those fail.
const (
	hanWeight  = 0.8
	partWeight = 0.7
	dateWeight = 0.5
	stopWeight = 0.2
)

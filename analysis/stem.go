package analysis

import "strings"

// stem leads an English word, in lower case, to a form that its inflections
// share: plurals, -ing, -ed, -er of comparison is left alone. Derivations such
// as organisation and organ, or university and universe, stay apart. The result
// lies in word or in *buf. Words of other scripts come back as they are.
//
// The rules for plurals are those of Harman's S stemmer (How effective is
// suffixing?, JASIS 42(1), 1991); the endings -ed and -ing follow step 1b of
// Porter's algorithm (Program 14(3), 1980), with a final e taken off last so
// that hope and hoping meet.
func stem(word []byte, buf *[]byte) []byte {
	if len(word) < 3 {
		return word
	}
	for _, c := range word {
		if c < 'a' || c > 'z' {
			return word
		}
	}
	if len(word) <= 10 {
		if to, ok := irregular[string(word)]; ok {
			*buf = append((*buf)[:0], to...)
			return *buf
		}
	}
	w := append((*buf)[:0], word...)
	w = plural(w)
	w = pastOrGerund(w)
	if n := len(w); n > 3 && w[n-1] == 'e' && w[n-2] != 'e' {
		w = w[:n-1]
	} else if n > 2 && w[n-1] == 'y' && !vowel(w[n-2]) {
		w[n-1] = 'i'
	}
	*buf = w
	return w
}

func plural(w []byte) []byte {
	n := len(w)
	if n < 4 || w[n-1] != 's' {
		return w
	}
	switch w[n-2] {
	case 's', 'u', 'i':
		return w
	case 'e':
		switch {
		case n > 4 && w[n-3] == 'i':
			w[n-3] = 'y'
			return w[:n-2]
		case w[n-3] == 's' && w[n-4] == 's', w[n-3] == 'x', w[n-3] == 'z' && w[n-4] == 'z',
			w[n-3] == 'h' && (w[n-4] == 's' || w[n-4] == 'c'), w[n-3] == 'o' && n > 5:
			return w[:n-2]
		}
	}
	return w[:n-1]
}

func pastOrGerund(w []byte) []byte {
	n := len(w)
	switch {
	case n > 4 && w[n-1] == 'd' && w[n-2] == 'e':
		if w[n-3] == 'e' { // need, speed; agreed is irregular
			return w
		}
		if w[n-3] == 'i' && n > 4 {
			w[n-3] = 'y'
			return w[:n-2]
		}
		n -= 2
	case n > 5 && w[n-1] == 'g' && w[n-2] == 'n' && w[n-3] == 'i':
		n -= 3
	default:
		return w
	}
	ok := false
	for i, c := range w[:n] {
		if vowel(c) || c == 'y' && i > 0 {
			ok = true
			break
		}
	}
	if !ok || n < 2 {
		return w
	}
	w = w[:n]
	if n > 3 && w[n-1] == w[n-2] && !vowel(w[n-1]) && w[n-1] != 'l' && w[n-1] != 's' && w[n-1] != 'z' {
		w = w[:n-1]
	}
	return w
}

func vowel(c byte) bool {
	return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u'
}

// irregular maps inflected forms to the stem of their word, and words that only
// look inflected to themselves.
var irregular = func() map[string]string {
	m := make(map[string]string)
	for _, w := range strings.Fields(same) {
		m[w] = w
	}
	var buf []byte
	for _, line := range strings.Split(forms, ";") {
		words := strings.Fields(line)
		to := words[0]
		if _, ok := m[to]; !ok {
			to = string(stemRegular([]byte(to), &buf))
		}
		for _, w := range words[1:] {
			m[w] = to
		}
	}
	return m
}()

// stemRegular is stem without the table of irregular forms, which it helps to
// build.
func stemRegular(word []byte, buf *[]byte) []byte {
	w := pastOrGerund(plural(append((*buf)[:0], word...)))
	if n := len(w); n > 3 && w[n-1] == 'e' && w[n-2] != 'e' {
		w = w[:n-1]
	} else if n > 2 && w[n-1] == 'y' && !vowel(w[n-2]) {
		w[n-1] = 'i'
	}
	return w
}

const same = "news lens gas always perhaps whereas species series means mars paris texas kansas athens chaos cosmos " +
	"during morning evening nothing something anything everything ceiling sibling sterling viking " +
	"hundred sacred kindred naked wicked indeed embed " +
	"has was his this its yes does us bus plus thus physics mathematics economics politics ethics " +
	"wales james charles hughes jones los angeles netherlands philippines "

const forms = "child children; man men; woman women; person people; mouse mice; foot feet; tooth teeth; goose geese; " +
	"datum data; criterion criteria; phenomenon phenomena; medium media; analysis analyses; crisis crises; basis bases; " +
	"thesis theses; hypothesis hypotheses; diagnosis diagnoses; axis axes; index indices; matrix matrices; vertex vertices; " +
	"appendix appendices; bacterium bacteria; nucleus nuclei; fungus fungi; stimulus stimuli; alga algae; larva larvae; " +
	"life lives; wife wives; knife knives; leaf leaves; half halves; shelf shelves; wolf wolves; thief thieves; self selves; " +
	"begin began begun beginning; become became; write wrote written writing; run ran running; go went gone; take took taken; " +
	"give gave given; make made; build built; sell sold; buy bought; pay paid; lead led; hold held; choose chose chosen; " +
	"lose lost; win won winning; meet met; send sent; spend spent; keep kept; say said; tell told; think thought; " +
	"bring brought; teach taught; catch caught; seek sought; grow grew grown; know knew known; throw threw thrown; " +
	"draw drew drawn; fly flew flown; break broke broken; speak spoke spoken; steal stole stolen; wear wore worn; " +
	"fall fell fallen; stand stood; understand understood; rise rose risen; drive drove driven; ride rode ridden; " +
	"eat ate eaten; see saw seen; sing sang sung; swim swam swum; drink drank drunk; sink sank sunk; " +
	"fight fought; feel felt; deal dealt; mean meant; sleep slept; leave left; hear heard; lay laid; " +
	"forget forgot forgotten; freeze froze frozen; hide hid hidden; shake shook shaken; strike struck; swear swore sworn; " +
	"tear tore torn; wake woke woken; shoot shot; sit sat; forbid forbade forbidden; overcome overcame; " +
	"undergo underwent undergone; withdraw withdrew withdrawn; agree agreed agreeing; free freed; see seeing; " +
	"die died dying dies; lie lied lying; tie tied tying; use used using uses; add added adding; good better best; bad worse worst"

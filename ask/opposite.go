package ask

import (
	"strings"

	"github.com/lore-kb/lore/analysis"
)

// opposites are pairs of words of which a question may ask for one where a text
// has the other.
var opposites = func() map[string][]string {
	m := map[string][]string{}
	for _, pair := range strings.Fields(`more/less most/least more/fewer most/fewest before/after first/last high/low higher/lower highest/lowest
		increase/decrease increased/decreased increasing/decreasing rise/fall rose/fell large/small larger/smaller largest/smallest big/small bigger/smaller biggest/smallest
		north/south northern/southern east/west eastern/western win/lose won/lost start/end begin/end began/ended started/ended allow/forbid allowed/forbidden maximum/minimum
		attack/defend attacked/defended same/different old/new older/younger oldest/youngest oldest/newest above/below major/minor majority/minority good/bad better/worse best/worst
		rich/poor strong/weak stronger/weaker strongest/weakest positive/negative internal/external import/export imports/exports buy/sell bought/sold early/late earlier/later earliest/latest
		long/short longer/shorter longest/shortest fast/slow faster/slower fastest/slowest hot/cold accept/reject accepted/rejected success/failure succeed/fail succeeded/failed
		advantage/disadvantage advantages/disadvantages public/private male/female men/women left/right upper/lower inside/outside open/closed easy/difficult easy/hard
		always/never many/few much/little cheap/expensive true/false friend/enemy ally/enemy allies/enemies support/oppose supported/opposed agree/disagree agreed/disagreed
		create/destroy created/destroyed include/exclude included/excluded enter/leave entered/left join/leave joined/left gain/lose gained/lost add/remove added/removed
		appear/disappear appeared/disappeared true/false common/rare popular/unpopular legal/illegal possible/impossible known/unknown domestic/foreign urban/rural
		ancient/modern past/future arrive/depart arrived/departed with/without present/absent primary/secondary maximum/least maximize/minimize expand/contract
		最高/最低 最大/最小 最多/最少 最早/最晚 最长/最短 最好/最差 之前/之后 以前/以后 增加/减少 上升/下降 提高/降低 第一/最后 首次/最后 开始/结束 允许/禁止 支持/反对 成功/失败 胜利/失败
		进口/出口 买入/卖出 东部/西部 南部/北部 东/西 南/北 男/女 优点/缺点 加入/退出 赞成/反对 公开/秘密 国内/国外 古代/现代 出生/去世 生于/死于 左/右 内部/外部 富/穷 强/弱`) {
		a, b, _ := strings.Cut(pair, "/")
		m[a] = append(m[a], b)
		m[b] = append(m[b], a)
	}
	return m
}()

var negatingPrefixes = []string{"un", "non-", "non", "in", "im", "dis", "ir", "il", "anti-", "anti", "mis", "de"}

// opposed is how strongly the question and a unit speak of opposite things: a
// word of one whose opposite stands in the other and which the other lacks, or a
// negation that only one of them has.
func (q *questionText) opposed(folded string) float64 {
	score := 0.0
	there := wordSet(folded)
	for w := range q.words {
		if there[w] || isFunctionWord(w) && w != "before" && w != "after" && w != "with" && w != "first" && w != "last" {
			continue
		}
		for _, o := range opposites[w] {
			if there[o] && !q.words[o] {
				score++
			}
		}
		for _, p := range negatingPrefixes {
			if bare, ok := strings.CutPrefix(w, p); ok && len(bare) > 3 && there[bare] {
				score++
				break
			}
			if there[p+w] && len(w) > 3 {
				score++
				break
			}
		}
	}
	if q.han {
		for a, list := range opposites {
			if !isHan([]rune(a)[0]) || len([]rune(a)) < 2 || !strings.Contains(q.folded, a) || strings.Contains(folded, a) {
				continue
			}
			for _, b := range list {
				if strings.Contains(folded, b) && !strings.Contains(q.folded, b) {
					score++
				}
			}
		}
	}
	if q.expected != expectYesNo {
		asked, said := negated(q.folded), negated(folded)
		if asked && !said {
			score++
		} else if said && !asked {
			score += 0.5
		}
	}
	return min(score, 2) / 2
}

func wordSet(folded string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.FieldsFunc(folded, func(r rune) bool { return !isWordRune(r) && r != '-' && r != '\'' }) {
		out[w] = true
		for _, part := range strings.Split(w, "-") {
			out[part] = true
		}
	}
	return out
}

// otherFigures is the share of the question's figures that a unit lacks while it
// holds another one of the kind: asked for 1982, told of 1975.
func (q *questionText) otherFigures(figs []figure) float64 {
	n, all := 0, 0
	for i := range q.figures {
		f := &q.figures[i]
		if f.trivial() {
			continue
		}
		all++
		if f.occursIn(figs) {
			continue
		}
		for k := range figs {
			if figs[k].kind == f.kind && figs[k].dimension == f.dimension {
				n++
				break
			}
		}
	}
	if all == 0 {
		return 0
	}
	return float64(n) / float64(all)
}

// lackingWords is the share of the question's content words, by weight, that no
// word of the texts shares even a beginning of four letters with: a looser
// comparison than by stems, for words in another form.
func (q *questionText) lackingWords(folded string) float64 {
	starts := map[string]bool{}
	for w := range wordSet(folded) {
		if len(w) >= 4 {
			starts[w[:4]] = true
		}
	}
	total, lack := 0.0, 0.0
	for _, t := range q.terms {
		if t.kind != analysis.KindWord {
			continue
		}
		total += t.weight
		if len(t.text) >= 4 && !starts[t.text[:4]] || len(t.text) < 4 && !wordIn(folded, t.text) {
			lack += t.weight
		}
	}
	if total == 0 {
		return 0
	}
	return lack / total
}

func wordIn(folded, w string) bool { return holdsWord(folded, w) }

package ask

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lore-kb/lore/retrieve"
	"github.com/lore-kb/lore/store"
)

// Caution says how much evidence an answer needs.
type Caution string

const (
	CautionLow    Caution = "low"    // answers more, refuses less
	CautionNormal Caution = "normal" // the default
	CautionHigh   Caution = "high"   // refuses more

	// CautionNone never refuses when there are passages. It is for measuring;
	// ParseCaution does not take it.
	CautionNone Caution = "none"
)

// ParseCaution reads a caution; the empty string is CautionNormal.
func ParseCaution(s string) (Caution, error) {
	switch c := Caution(strings.ToLower(strings.TrimSpace(s))); c {
	case "":
		return CautionNormal, nil
	case CautionLow, CautionNormal, CautionHigh:
		return c, nil
	}
	return "", fmt.Errorf("caution %q: choose low, normal or high", s)
}

// Signals by which the judge decides whether passages answer a question. Each is
// between 0 and about 1.
const (
	signalBias        = iota
	signalPassage     // largest share of the question's weight that one passage holds
	signalUnit        // the same for one unit
	signalContext     // share of the best unit with its headings and neighbour
	signalHeaviest    // weight of the heaviest word that the best passage lacks
	signalUnitGap     // weight of the heaviest word that the best unit and its context lack
	signalFigures     // share of its figures that the best passage lacks
	signalKind        // the best unit holds the kind of thing asked for
	signalSparse      // keyword score as a part of the most that the question could score
	signalMargin      // probability of the best unit among all
	signalNear        // the question's words stand close together
	signalUnitNames   // share of the question's names that the best unit and what stands around it lack
	signalUnitFigures // share of its figures for which the best unit has others
	signalOpposed     // the best unit speaks of the opposite
	signalUnitStarts  // share of its words, by weight, that no word of the best unit and what stands around it begins like
	signalDense       // of the built-in encoder's dense leg: best cosine above 0.35, in tenths
	signalReached     // share of the question's pieces, by rarity, that come near to a kept row of one passage
	signalAlike       // mean nearness of the pieces to that passage's rows
	signalLead        // by how much the best passage scores above the fifth to eighth
	signalMeant       // across languages: largest cosine with a unit
	signalCount
)

var signalNames = [signalCount]string{"bias", "passage", "unit", "context", "heaviest", "unit_gap", "figures", "kind", "sparse", "margin", "near", "unit_names",
	"unit_figures", "opposed", "unit_starts", "dense", "reached", "alike", "lead", "meant"}

// evidence is what the judge saw.
type evidence struct {
	signals    [signalCount]float64
	confidence float64
	judge      *judge   // by which it was weighed
	passage    int      // index of the passage that covers most
	missing    []string // what it lacks, heaviest first
	han        bool     // the question is Chinese
	across     bool     // the passages are in another language than the question
}

// weigh gathers the signals. ranked are the candidates, best first; calibrated
// says that the scale of the dense leg's cosines is known; m and r are nil where
// nothing is known of them.
func weigh(q *questionText, result *retrieve.Result, ranked []candidate, calibrated bool, m *meaning, r *reach) evidence {
	e := evidence{han: q.han, across: m != nil}
	s := &e.signals
	s[signalBias] = 1
	var best presence
	for i := range result.Passages {
		p := &result.Passages[i]
		h := q.holdPassage(p)
		if best.has == nil || h.weight > best.weight {
			best, e.passage = h, i
		}
		if leg, ok := p.Legs[store.LegSparse]; ok {
			s[signalSparse] = math.Max(s[signalSparse], leg.Normalised)
		}
	}
	if best.has == nil {
		best = q.hold()
	}
	s[signalPassage] = q.share(best)
	e.missing = q.missing(best)
	heaviest := 0.0
	for i, t := range q.terms {
		if !best.has[i] {
			heaviest = math.Max(heaviest, t.weight)
		}
	}
	if q.total > 0 {
		s[signalHeaviest] = heaviest / q.total
	}
	if len(result.Passages) > 0 {
		p := &result.Passages[e.passage]
		words := foldedPassage(p)
		s[signalFigures] = q.lackingFigures(figures(words))
	}
	if len(ranked) > 0 {
		c := &ranked[0]
		for i := range ranked {
			s[signalUnit] = math.Max(s[signalUnit], ranked[i].features[featureCover])
		}
		gap, context := 0.0, c.context.weight
		for i, t := range q.terms {
			switch {
			case c.context.has[i]:
			case c.holds == 1 && q.expected.sure() && kindWords[t.text]:
				context += t.weight // "cost" is answered by an amount of money
			default:
				gap = math.Max(gap, t.weight)
			}
		}
		if q.total > 0 {
			s[signalContext] = context / q.total
			s[signalUnitGap] = gap / q.total
		}
		around := surroundings(&result.Passages[c.passage], c)
		s[signalUnitNames] = lackingNames(q.names, around)
		if m != nil && !q.han {
			// Chinese texts write foreign names in Chinese, but not identifiers.
			s[signalUnitNames] = lackingNames(slices.DeleteFunc(slices.Clone(q.names), func(name string) bool { return !strings.ContainsAny(name, "0123456789_") }), around)
		}
		s[signalUnitFigures] = q.otherFigures(figures(c.folded))
		s[signalOpposed] = q.opposed(c.folded)
		s[signalUnitStarts] = q.lackingWords(around)
		s[signalKind] = c.holds
		total := 0.0
		for i := range ranked {
			total += math.Exp(ranked[i].score - c.score)
		}
		s[signalMargin] = 1 / total
		s[signalNear] = c.features[featureNear]
	}
	e.judge = &judgeEnglish
	if q.han {
		e.judge = &judgeChinese
	}
	if nearest := nearestPassage(result); calibrated && nearest > 0 {
		s[signalDense] = (nearest - 0.35) / 0.1
		e.judge = &judgeEnglishDense
		if q.han {
			e.judge = &judgeChineseDense
		}
	}
	if r != nil {
		s[signalReached], s[signalAlike], s[signalLead] = r.share, r.alike, lead(result.Passages, m != nil)
	}
	if m != nil {
		s[signalMeant] = m.nearest
	}
	switch {
	case m != nil && r != nil:
		e.judge = &judgeAcross
	case m != nil:
		e.judge = &judgeMeaning
	case r != nil && q.han:
		e.judge = &judgeChineseRows
	case r != nil:
		e.judge = &judgeEnglishRows
	}
	w := &e.judge.weights
	z := 0.0
	for i, v := range s {
		z += w[i] * v
	}
	e.confidence = 1 / (1 + math.Exp(-z))
	if e.judge == &judgeMeaning {
		e.confidence = m.confidence(s)
	}
	alike := len(ranked) > 0 && mostlyHan(result.Passages[ranked[0].passage].Text) == q.han
	if q.role && alike && (s[signalUnitStarts] > roleLacks || q.han && s[signalContext] < 1-roleLacks) {
		e.confidence = min(e.confidence, roleConfidence*e.judge.thresholds[0])
	}
	if m != nil && alike && s[signalContext] < leastContext {
		e.confidence = min(e.confidence, roleConfidence*e.judge.thresholds[0])
	}
	if q.role && !alike && len(ranked) > 0 && r != nil && !r.role {
		e.confidence = min(e.confidence, roleConfidence*e.judge.thresholds[1])
	}
	return e
}

// named returns the signals by name; "across" is 1 when question and passages are
// in different languages, "han" when the question is Chinese.
func (e *evidence) named() map[string]float64 {
	out := make(map[string]float64, signalCount+2)
	for i, name := range signalNames {
		out[name] = e.signals[i]
	}
	out["across"], out["han"] = 0, 0
	if e.across {
		out["across"] = 1
	}
	if e.han {
		out["han"] = 1
	}
	return out
}

// leastContext is the share of a question that a sentence in its own language, with
// what stands around it, must hold among passages of another: words tell there,
// and nearness alone takes any row of a table for an answer.
const leastContext = 0.1

// A question for who holds a role is not answered by who holds another: the
// chief executive is not the chief financial officer. When more than roleLacks of
// the role's words are missing, no caution is low enough for an answer.
const (
	roleLacks      = 0.2
	roleConfidence = 0.9
)

// kindWords only say what kind of thing is asked for.
var kindWords = setOf("cost costs price priced fee much many long last take takes year date day time month number amount percent percentage height length far tall high 价格 费用 多少 时间 时候 日期 数量 钱 年份 长度 高度")

// nearestPassage is the best cosine of a complete dense leg; 0 when there is
// none or some passages lack vectors.
func nearestPassage(result *retrieve.Result) float64 {
	for _, d := range result.Degraded {
		if d.Leg == store.LegDense {
			return 0
		}
	}
	nearest := 0.0
	for i := range result.Passages {
		nearest = math.Max(nearest, result.Passages[i].Legs[store.LegDense].Score)
	}
	return nearest
}

// answers reports whether the evidence is enough under a caution.
func (e *evidence) answers(c Caution) bool {
	switch c {
	case CautionNone:
		return true
	case CautionLow:
		return e.confidence >= e.judge.thresholds[0]
	case CautionHigh:
		return e.confidence >= e.judge.thresholds[2]
	}
	return e.confidence >= e.judge.thresholds[1]
}

// judge is a logistic combination of signals, with the confidence that low,
// normal and high caution ask for. Coefficients and thresholds are fitted on one
// half of questions with and without answers and checked on the other
// (docs/ANSWERS.md).
type judge struct {
	weights    [signalCount]float64
	thresholds [3]float64
}

var (
	judgeEnglish = judge{weights: [signalCount]float64{
		signalBias: -1.23, signalUnit: 0.45, signalContext: 0.27, signalFigures: -1.69, signalKind: 0.52, signalSparse: 0.94, signalMargin: 0.15, signalNear: 0.41, signalUnitNames: -1.91, signalUnitFigures: -1.1, signalOpposed: -3.8, signalUnitStarts: -0.68,
	}, thresholds: [3]float64{0.22, 0.38, 0.54}}
	judgeChinese = judge{weights: [signalCount]float64{
		signalBias: -5.76, signalPassage: 1.32, signalUnit: 1.15, signalContext: 4.19, signalHeaviest: -0.21, signalFigures: -1.12, signalKind: 0.23, signalSparse: 2.25, signalMargin: 1.96, signalNear: 0.42, signalUnitNames: -2.05, signalUnitFigures: -0.76, signalOpposed: -1.42, signalUnitStarts: -1.45,
	}, thresholds: [3]float64{0.18, 0.41, 0.68}}
	judgeEnglishDense = judge{weights: [signalCount]float64{
		signalBias: -1.04, signalUnit: 1.06, signalFigures: -1.28, signalKind: 0.33, signalNear: 0.7, signalUnitNames: -1.66, signalUnitFigures: -1.73, signalOpposed: -4.1, signalDense: 0.91,
	}, thresholds: [3]float64{0.25, 0.43, 0.55}}
	judgeChineseDense = judge{weights: [signalCount]float64{
		signalBias: -5.77, signalPassage: 1.2, signalUnit: 0.28, signalContext: 4.91, signalFigures: -0.44, signalMargin: 2.98, signalNear: 1.55, signalUnitNames: -2.25, signalUnitFigures: -0.22, signalOpposed: -1.8, signalUnitStarts: -1.24, signalDense: 0.99,
	}, thresholds: [3]float64{0.29, 0.47, 0.77}}
	// The built-in encoder with what it keeps of passages. The weight of opposites in
	// Chinese is that of judgeChinese: the sets have few of them.
	judgeEnglishRows = judge{weights: [signalCount]float64{
		signalBias: -2.94, signalPassage: -0.2, signalHeaviest: 4.76, signalUnit: 2.43, signalUnitGap: -4.89, signalContext: 1.29, signalFigures: -1.88, signalKind: 0.52, signalNear: 0.52, signalUnitNames: -1.38, signalUnitFigures: -1.48, signalOpposed: -3.83, signalDense: 0.72, signalReached: 1.22,
	}, thresholds: [3]float64{0.16, 0.38, 0.6}}
	judgeChineseRows = judge{weights: [signalCount]float64{
		signalBias: -6.59, signalPassage: 1.73, signalUnit: 0.51, signalContext: 1.32, signalFigures: -0.64, signalMargin: 2.88, signalUnitNames: -0.93, signalUnitFigures: -0.15, signalOpposed: -1.42, signalDense: 0.26, signalReached: 2.75, signalLead: 4.08,
	}, thresholds: [3]float64{0.24, 0.43, 0.86}}
	// judgeAcross weighs questions whose passages are in another language, by what
	// the built-in encoder keeps of passages. Of missing names and figures, which are
	// rare in such questions, the weights are set by hand: what is written in Latin
	// letters or digits is written alike in both languages.
	judgeAcross = judge{weights: [signalCount]float64{
		signalBias: -5.31, signalMeant: 10.83, signalLead: 6.5, signalReached: 2.07, signalUnitNames: -1, signalFigures: -0.5,
	}, thresholds: [3]float64{0.15, 0.4, 0.62}}
	// judgeMeaning does so where nothing is kept; its weights are in
	// meaning.confidence.
	judgeMeaning = judge{thresholds: [3]float64{0.2, 0.3, 0.5}}
)

// surroundings is a unit, folded, with the titles above it and the text just
// before it.
func surroundings(p *retrieve.Passage, c *candidate) string {
	from := max(0, c.unit.start-240)
	for from > 0 && !utf8.RuneStart(p.Text[from]) {
		from++
	}
	return foldText(strings.Join(append(append([]string{p.Title, c.unit.header}, p.Section...), c.unit.headings...), "\n") + "\n" + p.Text[from:c.unit.end])
}

func foldedPassage(p *retrieve.Passage) string {
	return foldText(strings.Join(append([]string{p.Title, p.Context}, p.Section...), "\n") + "\n" + p.Text)
}

// lackingNames is the share of names that folded words lack.
func lackingNames(names []string, words string) float64 {
	if len(names) == 0 {
		return 0
	}
	n := 0
	for _, name := range names {
		if !holdsWord(words, name) {
			n++
		}
	}
	return float64(n) / float64(len(names))
}

// lackingFigures is the share of the question's figures that a source lacks.
func (q *questionText) lackingFigures(source []figure) float64 {
	n, all := 0, 0
	for i := range q.figures {
		if q.figures[i].trivial() {
			continue
		}
		all++
		if !q.figures[i].occursIn(source) {
			n++
		}
	}
	if all == 0 {
		return 0
	}
	return float64(n) / float64(all)
}

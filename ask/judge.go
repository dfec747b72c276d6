package ask

import (
	"fmt"
	"math"
	"strings"

	"github.com/lore-kb/lore/retrieve"
	"github.com/lore-kb/lore/store"
)

// Caution says how much evidence an answer needs.
type Caution string

const (
	CautionLow    Caution = "low"    // answers more, refuses less
	CautionNormal Caution = "normal" // the default
	CautionHigh   Caution = "high"   // refuses more
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
	signalBias     = iota
	signalPassage  // largest share of the question's weight that one passage holds
	signalUnit     // the same for one unit
	signalContext  // share of the best unit with its headings and neighbour
	signalHeaviest // weight of the heaviest word that the best passage lacks
	signalUnitGap  // weight of the heaviest word that the best unit and its context lack
	signalNames    // share of the question's named things that the best passage lacks
	signalFigures  // share of its figures that the best passage lacks
	signalUnknown  // share of its weight that no passage of the collection holds
	signalKind     // the best unit holds the kind of thing asked for
	signalSparse   // keyword score as a part of the most that the question could score
	signalMargin   // probability of the best unit among all
	signalRun      // longest common run with the best unit
	signalNear     // the question's words stand close together
	signalHook     // what stands beside the interrogative stands in the best unit
	signalDense    // cosine of the best passage, when there is a dense leg
	signalNoDense  // 1 when there is none
	signalAgree    // both legs put the same passage first
	signalLength   // log of the number of content terms
	signalPhrase   // share of the weight of pairs of neighbouring words that the best passage lacks as pairs
	signalCross    // question and best passage are in different languages
	signalCount
)

// evidence is what the judge saw.
type evidence struct {
	signals    [signalCount]float64
	confidence float64
	passage    int      // index of the passage that covers most
	missing    []string // what it lacks, heaviest first
}

// weigh gathers the signals. ranked are the candidates, best first.
func weigh(q *questionText, result *retrieve.Result, ranked []candidate) evidence {
	var e evidence
	s := &e.signals
	s[signalBias] = 1
	var best presence
	for i := range result.Passages {
		p := &result.Passages[i]
		h := q.hold(append([]string{p.Title, p.Text, p.Context}, p.Section...)...)
		if best.has == nil || h.weight > best.weight {
			best, e.passage = h, i
		}
		if leg, ok := p.Legs[store.LegSparse]; ok {
			s[signalSparse] = math.Max(s[signalSparse], leg.Normalised)
		}
		if leg, ok := p.Legs[store.LegDense]; ok {
			s[signalDense] = math.Max(s[signalDense], leg.Score)
			if leg.Rank == 1 && p.Legs[store.LegSparse].Rank == 1 {
				s[signalAgree] = 1
			}
		}
	}
	if best.has == nil {
		best = q.hold()
	}
	s[signalPassage] = q.share(best)
	e.missing = q.missing(best)
	heaviest := 0.0
	unknown := 0.0
	for i, t := range q.terms {
		if !best.has[i] {
			heaviest = math.Max(heaviest, t.weight)
		}
		if !t.known {
			unknown += t.weight
		}
	}
	if q.total > 0 {
		s[signalHeaviest] = heaviest / q.total
		s[signalUnknown] = unknown / q.total
	}
	dense := false
	for _, l := range result.Legs {
		dense = dense || l.Leg == store.LegDense && l.Hits > 0
	}
	if !dense {
		s[signalNoDense], s[signalDense], s[signalAgree] = 1, 0, 0
	}
	s[signalLength] = math.Log1p(float64(len(q.terms))) / math.Log1p(40)
	if len(result.Passages) > 0 {
		p := &result.Passages[e.passage]
		words := foldedPassage(p)
		s[signalNames] = q.lackingNames(words)
		s[signalFigures] = q.lackingFigures(figures(words))
		s[signalPhrase] = q.lackingPairs(p)
		if (hanShare(p.Text) > 0.3) != q.han {
			s[signalCross] = 1
		}
	}
	if len(ranked) > 0 {
		c := &ranked[0]
		for i := range ranked {
			s[signalUnit] = math.Max(s[signalUnit], ranked[i].features[featureCover])
		}
		s[signalContext] = c.features[featureContext]
		gap := 0.0
		for i, t := range q.terms {
			if !c.context.has[i] {
				gap = math.Max(gap, t.weight)
			}
		}
		if q.total > 0 {
			s[signalUnitGap] = gap / q.total
		}
		s[signalKind] = c.holds
		total := 0.0
		for i := range ranked {
			total += math.Exp(ranked[i].score - c.score)
		}
		s[signalMargin] = 1 / total
		s[signalRun] = c.features[featureRun]
		s[signalNear] = c.features[featureNear]
		s[signalHook] = c.features[featureHook]
	}
	w := &judgeEnglish
	if q.han {
		w = &judgeChinese
	}
	z := 0.0
	for i, v := range s {
		z += w[i] * v
	}
	e.confidence = 1 / (1 + math.Exp(-z))
	return e
}

// answers reports whether the evidence is enough under a caution.
func (e *evidence) answers(q *questionText, c Caution) bool {
	t := &thresholdsEnglish
	if q.han {
		t = &thresholdsChinese
	}
	switch c {
	case CautionLow:
		return e.confidence >= t[0]
	case CautionHigh:
		return e.confidence >= t[2]
	}
	return e.confidence >= t[1]
}

// Coefficients of the logistic combination of signals and the thresholds of
// confidence for low, normal and high caution, by language of the question.
// They are fitted on one half of questions with and without answers and checked
// on the other (docs/ANSWERS.md).
var (
	judgeEnglish = [signalCount]float64{
		signalBias: -4.0, signalPassage: -0.51, signalUnit: 1.22, signalContext: 1.56, signalHeaviest: 2.01, signalUnitGap: -0.29, signalNames: -1.58, signalFigures: -1.51,
		signalUnknown: -0.1, signalKind: 1.04, signalSparse: 1.94, signalMargin: 0.06, signalRun: -1.26, signalNear: 1.26, signalLength: 1.71, signalPhrase: 0.4,
	}
	judgeChinese = [signalCount]float64{
		signalBias: -3.4, signalPassage: 2.39, signalUnit: 1.11, signalContext: 2.78, signalHeaviest: -0.07, signalUnitGap: -0.02, signalNames: -0.64, signalFigures: -1.15,
		signalUnknown: 0.33, signalKind: -0.24, signalSparse: 1.87, signalMargin: 1.7, signalRun: -0.99, signalNear: 2.86, signalHook: -0.14, signalLength: -0.67, signalPhrase: -0.56,
	}
	thresholdsEnglish = [3]float64{0.30, 0.42, 0.52}
	thresholdsChinese = [3]float64{0.23, 0.43, 0.67}
)

func foldedPassage(p *retrieve.Passage) string {
	return foldText(strings.Join(append([]string{p.Title, p.Context}, p.Section...), "\n") + "\n" + p.Text)
}

// lackingNames is the share of the question's names that folded words lack.
func (q *questionText) lackingNames(words string) float64 {
	if len(q.names) == 0 {
		return 0
	}
	n := 0
	for _, name := range q.names {
		if !holdsWord(words, name) {
			n++
		}
	}
	return float64(n) / float64(len(q.names))
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

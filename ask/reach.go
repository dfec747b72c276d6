package ask

import (
	"context"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/retrieve"
)

// reach is how far what the embedder kept of the passages reaches what the
// question asks, piece by piece. Unlike the words that both have in common it also
// tells between languages.
type reach struct {
	share float64 // of the pieces, by rarity, that come near to a row of the most alike passage
	alike float64 // mean nearness of the pieces to that passage's rows
	role  bool    // across languages: the best unit speaks of the role whose holder is asked for
}

// A piece counts as reached by half at a cosine of reachedAt, and by nine tenths
// two times reachedWidth above.
const (
	reachedAt    = 0.6
	reachedWidth = 0.05
)

// A unit speaks of a role in another language when what tells the role from others
// comes near to its rows: the chief executive is near to the chief financial
// officer, but nothing in it to finance. A role without such words is compared
// whole.
const (
	fieldAlike = 0.5
	roleAlike  = 0.48
)

// reach holds the question against what is kept of the passages; nil where nothing
// is kept.
func (a *Assistant) reach(ctx context.Context, p *part, result *retrieve.Result) (*reach, error) {
	e, ok := a.options.Embedder.(aligner)
	if !ok || !calibrated(a.options.Embedder) || len(result.Passages) == 0 {
		return nil, nil
	}
	details := make([][]byte, len(result.Passages))
	for i := range details {
		details[i] = result.Passages[i].Detail
	}
	weights, nearest, err := e.Nearest(ctx, p.text, details)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("ask: compare passages: %w", ctx.Err())
	}
	if err != nil {
		return nil, nil
	}
	var best []float32
	r := &reach{}
	for _, near := range nearest {
		if v := likeness(weights, near); near != nil && (best == nil || v > r.alike) {
			best, r.alike = near, v
		}
	}
	if best == nil {
		return nil, nil
	}
	all := 0.0
	for k, v := range best {
		all += weights[k]
		r.share += weights[k] / (1 + math.Exp((reachedAt-float64(v))/reachedWidth))
	}
	r.share /= all
	if p.question.role && len(p.ranked) > 0 && mostlyHan(result.Passages[p.ranked[0].passage].Text) != p.question.han {
		if r.role, err = a.holdsRole(ctx, p, result.Passages); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// holdsRole reports whether the best unit, which is in another language than the
// question, speaks of the role whose holder the question asks for.
func (a *Assistant) holdsRole(ctx context.Context, p *part, passages []retrieve.Passage) (bool, error) {
	best := &p.ranked[0]
	text := headed(&passages[best.passage], &best.unit)
	role := trimMarks(roleFrame.ReplaceAllString(p.question.folded, ""))
	field, least := trimMarks(roleWords.ReplaceAllString(role, " ")), fieldAlike
	if field == "" {
		field, least = role, roleAlike
	}
	_, details, err := model.EmbedPassages(ctx, a.options.Embedder, []string{text})
	var weights []float64
	var nearest [][]float32
	if err == nil && len(details) == 1 {
		weights, nearest, err = a.options.Embedder.(aligner).Nearest(ctx, field, details)
	}
	switch {
	case ctx.Err() != nil:
		return false, fmt.Errorf("ask: compare a role: %w", ctx.Err())
	case err != nil || len(nearest) == 0 || nearest[0] == nil:
		return true, nil // nothing is known against it
	}
	return likeness(weights, nearest[0]) >= least, nil
}

func trimMarks(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return !isWordRune(r) })
}

var (
	// roleFrame is what of a question for the holder of a role is not the role.
	roleFrame = regexp.MustCompile(`^(?:and )?who(?:'s| is| was| are| were) (?:the|your|our|its|their) |^谁是|是谁|^公司的?`)
	// roleWords say that something is a role, not which.
	roleWords = regexp.MustCompile(`\b(?:chief|head|director|manager|lead|leader|officer|executive|department|team|of|the|in|charge|responsible|person)\b|首席|总监|主管|负责人|经理|部门?|主任|执行|领导|团队|的|官$`)
)

// lead is by how much the best document scores above the fifth to eighth, which
// are about something else more often than not. Documents count once, so that one
// with much to say does not lead over itself. Where there are fewer, it is what is
// usual in one language or across two.
func lead(passages []retrieve.Passage, across bool) float64 {
	best := map[string]float64{}
	for i := range passages {
		p := &passages[i]
		if v, ok := best[p.DocumentID]; !ok || p.Score > v {
			best[p.DocumentID] = p.Score
		}
	}
	scores := slices.Sorted(maps.Values(best))
	slices.Reverse(scores)
	if len(scores) <= 4 {
		if across {
			return usualLeadAcross
		}
		return usualLead
	}
	rest := scores[4:min(8, len(scores))]
	sum := 0.0
	for _, v := range rest {
		sum += v
	}
	return scores[0] - sum/float64(len(rest))
}

const (
	usualLead       = 0.55
	usualLeadAcross = 0.2
)

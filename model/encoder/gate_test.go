package encoder

import (
	"testing"
	"testing/synctest"
)

// TestGateLetsQuestionsAhead: with one processor a passage worker stops at its
// next layer until no question runs; with two it goes on beside one question.
func TestGateLetsQuestionsAhead(t *testing.T) {
	for _, tt := range []struct {
		limit, questions int
		waits            bool
	}{
		{1, 0, false},
		{1, 1, true},
		{2, 1, false},
		{2, 2, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newGate(tt.limit)
			g.startPassages()
			for range tt.questions {
				g.startQuestion()
			}
			passed := false
			go func() {
				g.pass()
				passed = true
			}()
			synctest.Wait()
			if passed == tt.waits {
				t.Errorf("limit %d, %d questions: passed is %v", tt.limit, tt.questions, passed)
			}
			for range tt.questions {
				g.endQuestion()
			}
			synctest.Wait()
			if !passed {
				t.Errorf("limit %d: still waiting after the questions", tt.limit)
			}
			g.endPassages()
		})
	}
}

// TestGateKeepsTheLimit: of two workers on two processors one waits while a
// question runs, and takes its place again after.
func TestGateKeepsTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(2)
		g.startPassages()
		g.startPassages()
		g.startQuestion()
		passed := make([]bool, 2)
		for i := range passed {
			go func() {
				g.pass()
				passed[i] = true
			}()
		}
		synctest.Wait()
		if passed[0] == passed[1] {
			t.Errorf("passed: %v; want one of two", passed)
		}
		g.endQuestion()
		synctest.Wait()
		if !passed[0] || !passed[1] {
			t.Errorf("passed after the question: %v", passed)
		}
		if g.passages != 2 {
			t.Errorf("%d passage workers counted, want 2", g.passages)
		}
	})
}

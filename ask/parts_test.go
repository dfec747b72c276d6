package ask

import (
	"context"
	"slices"
	"strings"
	"testing"
)

func TestSplitQuestion(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"Who may work from abroad, and for how long?", []string{"Who may work from abroad", "for how long"}},
		{"When was v2.0.1 released and what does the Team plan cost?", []string{"When was v2.0.1 released", "what does the Team plan cost"}},
		{"How much is it? And who approves?", []string{"How much is it", "And who approves"}},
		{"Which cities and countries are named?", []string{"Which cities and countries are named?"}},
		{"What did Ada and what Charles wrote", []string{"What did Ada", "what Charles wrote"}},
		{"Where the office is and what it costs", []string{"Where the office is", "what it costs"}},
		{"Tell me what is new and why", []string{"Tell me what is new and why"}},
		{"谁批准出差，报销要多久？", []string{"谁批准出差", "报销要多久"}},
		{"年假有多少天？可以结转吗？", []string{"年假有多少天", "可以结转吗"}},
		{"出差住宿标准，上海每晚多少钱？", []string{"出差住宿标准，上海每晚多少钱？"}},
		{"北京、上海的住宿标准是多少？", []string{"北京、上海的住宿标准是多少？"}},
		{"a? b? c? d? e?", []string{"a? b? c? d? e?"}},
		{"Who wrote \"Where now?\" in 1920?", []string{"Who wrote \"Where now?\" in 1920?"}},
		{"「先謁陵乎？先即位乎？」這句話是誰說的？", []string{"「先謁陵乎？先即位乎？」這句話是誰說的？"}},
		{"北朝几个朝代中？哪个最积极？", []string{"北朝几个朝代中", "哪个最积极"}},
		{"", []string{""}},
	} {
		if got := splitQuestion(c.text); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func TestQuestionsAtOnce(t *testing.T) {
	for _, c := range []struct {
		question string
		status   Status
		says     []string
		missing  string
	}{
		{"How much does the Team plan cost, and who approves hotel bookings above the limit?", StatusAnswered, []string{"25 €", "Maria Lindt"}, ""},
		{"财务负责人是谁，年假要提前多久申请？", StatusAnswered, []string{"王丽华", "五个工作日"}, ""},
		{"How much does the Team plan cost, and who won the chess tournament in Reykjavik?", StatusPartial, []string{"25 €"}, "chess tournament"},
		{"How much does the Team plan cost, and who approves it?", StatusPartial, []string{"25 €"}, "who approves it"},
		{"财务负责人是谁，珠穆朗玛峰有多高？", StatusPartial, []string{"王丽华"}, "珠穆朗玛峰"},
		{"Who won the chess tournament in Reykjavik, and what is the boiling point of tungsten?", StatusNotFound, nil, ""},
	} {
		l := office()
		a, err := New(l, l, nil).Ask(context.Background(), Question{Text: c.question}, nil)
		if err != nil {
			t.Fatal(err)
		}
		checkAnswer(t, l, a)
		if a.Status != c.status || !strings.Contains(a.Missing, c.missing) {
			t.Errorf("%q: status %s, missing %q, text %q", c.question, a.Status, a.Missing, a.Text)
		}
		for _, s := range c.says {
			if !strings.Contains(a.Text, s) {
				t.Errorf("%q: %q lacks %q", c.question, a.Text, s)
			}
		}
	}
}

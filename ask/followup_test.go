package ask

import (
	"context"
	"strings"
	"testing"

	"github.com/lore-kb/lore/model"
)

func TestStandalone(t *testing.T) {
	cases := []struct{ before, answer, question, want string }{
		{"How much does the Basic plan cost?", "10 €. [1]", "And the Team plan?", "How much does the Team plan cost?"},
		{"How much does the Basic plan cost?", "10 €. [1]", "What about Team?", "How much does the Team plan cost?"},
		{"How many days of annual leave do employees get?", "", "And for contractors?", "How many days of annual leave do employees get for contractors?"},
		{"What does the Team plan include?", "", "How much does it cost?", "How much does the Team plan cost?"},
		{"When does the office open?", "", "When does it close?", "When does the office close?"},
		{"When was v2.0.1 released?", "", "What did it change?", "What did v2.0.1 change?"},
		{"Who approves hotel bookings?", "Maria Lindt approves them. [1]", "Where does she work?", "Where does Maria Lindt work?"},
		{"Are dogs welcome on Fridays?", "Yes. [1]", "Why?", "Are dogs welcome on Fridays, why?"},
		{"What is the travel policy?", "", "Who wrote that policy?", "Who wrote the travel policy?"},
		{"What was revenue in 2023?", "", "And profit?", "What was revenue in 2023, and profit?"},
		{"What was revenue in 2023?", "", "In 2024?", "What was revenue in 2023 In 2024?"},
		{"How much does the Basic plan cost?", "", "Where do visitors register?", "Where do visitors register?"},
		{"How much does the Basic plan cost?", "", "How many seats does the Company plan have?", "How many seats does the Company plan have?"},
		{"基础版多少钱？", "", "团队版呢？", "团队版多少钱？"},
		{"基础版多少钱？", "", "那团队版呢", "团队版多少钱？"},
		{"员工每年有多少天年假？", "", "试用期呢？", "试用期，员工每年有多少天年假？"},
		{"团队版包括什么？", "", "它多少钱？", "团队版多少钱？"},
		{"差旅费用怎么报销？", "", "这个费用什么时候发放？", "差旅费用什么时候发放？"},
		{"财务负责人是谁？", "王丽华。", "她的电话是多少？", "财务负责人的电话是多少？"},
		{"试用期可以用年假吗？", "不能。", "为什么？", "试用期可以用年假吗，为什么？"},
		{"员工每年有多少天年假？", "", "要提前多久申请？", "员工每年年假，要提前多久申请？"},
		{"员工每年有多少天年假？", "", "出租车费用每次最多报销多少钱？", "出租车费用每次最多报销多少钱？"},
		{"Gym 是什么？", "", "Whisper 呢？", "Whisper 是什么？"},
		{"", "", "它多少钱？", "它多少钱？"},
		{"How many unused days of annual leave may be carried over?", "", "When do they lapse?", "When do unused days of annual leave lapse?"},
		{"How many days do full-time employees have?", "", "When must they ask?", "When must full-time employees ask?"},
		{"深水用哪种传感器？", "深水须选用 Orion DO Deep(BW-320)。[1]", "它多少钱？", "Orion DO Deep多少钱？"},
		{"室温保持多少度？", "", "湿度呢？", "湿度，室温保持多少度？"},
	}
	for _, c := range cases {
		if got := Standalone(c.question, []Turn{{Question: c.before, Answer: c.answer}}); got != c.want {
			t.Errorf("%q after %q:\n got %q\nwant %q", c.question, c.before, got, c.want)
		}
	}
	if got := Standalone("它多少钱？", nil); got != "它多少钱？" {
		t.Errorf("the first question became %q", got)
	}
}

func TestFollowUpIsSearchedWhole(t *testing.T) {
	history := []Turn{{Question: "How much does the Basic plan cost?", Answer: "10 €. [1]", Status: StatusAnswered}}
	for reply, want := range map[string]string{
		"How much does the Team plan cost?":                 "How much does the Team plan cost?",
		"Rewritten question: \"How much does Team cost?\"":  "How much does Team cost?",
		"The Team plan costs 25 € and is very good for you": "How much does the Team plan cost?", // says new things
		"": "How much does the Team plan cost?",
	} {
		l := office()
		g := &scripted{reply: func(m []model.Message) (string, error) {
			if strings.Contains(m[1].Text, "Last question:") {
				return reply, nil
			}
			return "NOT_FOUND", nil
		}}
		a, err := New(l, l, &Options{Generator: g}).Ask(context.Background(), Question{Text: "And the Team plan?", History: history}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if a.Standalone != want || l.asked[0] != want {
			t.Errorf("model said %q: standalone %q, searched %q; want %q", reply, a.Standalone, l.asked[0], want)
		}
	}
}

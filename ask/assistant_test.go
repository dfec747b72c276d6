package ask

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lore-kb/lore/model"
)

// checkAnswer holds an answer against what every answer promises.
func checkAnswer(t *testing.T, l *library, a *Answer) {
	t.Helper()
	for i, c := range a.Citations {
		text, err := l.Text(context.Background(), c.DocumentID)
		if err != nil {
			t.Fatal(err)
		}
		if c.Marker != i+1 {
			t.Errorf("citation %d has marker %d", i, c.Marker)
		}
		if !c.Verified || text[c.Start:c.End] != c.Quote {
			t.Errorf("citation [%d] %q does not stand at [%d, %d) of %s", c.Marker, c.Quote, c.Start, c.End, c.DocumentID)
		}
	}
	for _, s := range a.Statements {
		if len(s.Markers) == 0 {
			t.Errorf("statement %q cites nothing", s.Text)
		}
		for _, m := range s.Markers {
			if m < 1 || m > len(a.Citations) {
				t.Errorf("statement %q has marker %d of %d citations", s.Text, m, len(a.Citations))
			}
		}
	}
	if a.Status == StatusNotFound && (len(a.Citations) > 0 || a.Missing == "") {
		t.Errorf("not_found with %d citations, missing %q", len(a.Citations), a.Missing)
	}
	if a.Status != StatusNotFound && (!a.Grounded || len(a.Statements) == 0) {
		t.Errorf("status %s with %d statements, grounded %v", a.Status, len(a.Statements), a.Grounded)
	}
}

func TestExtractiveAnswers(t *testing.T) {
	cases := []struct{ question, first string }{
		{"How much money do staff get for meals on the road?", "45 €"},
		{"How much does the Team plan cost?", "Plan: Team; Price a month: 25 €"},
		{"When was v2.0.1 released?", "March 5, 2024"},
		{"When does the office open?", "8:30"},
		{"Why are dogs welcome on Fridays?", "because the fourth floor is empty"},
		{"Who approves hotel bookings above the limit?", "Maria Lindt"},
		{"Where do visitors register?", "Building C"},
		{"Are receipts needed for meals?", "not needed"},
		{"Which flights are booked?", "more than 600 km"},
		{"员工每年有多少天年假？", "十五天"},
		{"试用期可以用年假吗？", "不能"},
		{"酒类费用可以报销吗？", "不予报销"},
		{"财务负责人是谁？", "王丽华"},
		{"年假要提前多久申请？", "五个工作日"},
		{"出租車費用每次最多報銷多少錢？", "200元"},
	}
	for _, c := range cases {
		t.Run(c.question, func(t *testing.T) {
			l := office()
			a, err := New(l, l, nil).Ask(context.Background(), Question{Text: c.question}, nil)
			if err != nil {
				t.Fatal(err)
			}
			checkAnswer(t, l, a)
			if a.Status != StatusAnswered || !strings.Contains(a.Statements[0].Text, c.first) {
				t.Errorf("status %s, confidence %.2f, text %q; want %q first", a.Status, a.Confidence, a.Text, c.first)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, question := range []string{
		"What is the boiling point of tungsten in kelvin?",
		"Who won the chess tournament in Reykjavik?",
		"Who is the chief financial officer of catering?",
		"行政负责人助理是谁？",
		"How many parking spaces does the airport have?",
		"钨的沸点是多少开尔文？",
		"珠穆朗玛峰有多高？",
	} {
		l := office()
		a, err := New(l, l, nil).Ask(context.Background(), Question{Text: question}, nil)
		if err != nil {
			t.Fatal(err)
		}
		checkAnswer(t, l, a)
		if a.Status != StatusNotFound {
			t.Errorf("%q: status %s, confidence %.2f, text %q", question, a.Status, a.Confidence, a.Text)
		}
	}
}

func TestModelAnswers(t *testing.T) {
	const question = "How much money do staff get for meals on the road?"
	unavailable := &model.Error{Kind: model.KindUnavailable, Server: "http://127.0.0.1:1", Message: "connection refused"}
	cases := []struct {
		name, reply string
		err         error
		status      Status
		text        string // part of the answer
		model       string
		removed     []Reason
		note        string
	}{
		{name: "kept", reply: "Staff on the road get 45 € a day for meals. [1]", status: StatusAnswered, text: "45 € a day for meals. [1]", model: "fake:scripted"},
		{name: "no marker", reply: "Staff on the road get 45 € a day for meals.", status: StatusAnswered, text: "[1]", model: "fake:scripted"},
		{name: "one false line", reply: "Staff on the road get 45 € a day for meals. [1]\nThey get 80 € in Paris. [1]", status: StatusPartial, text: "45 €", model: "fake:scripted", removed: []Reason{ReasonFigures}},
		{name: "only false", reply: "They get 80 € in Paris. [1]", status: StatusAnswered, text: "45 €", model: "none", removed: []Reason{ReasonFigures}, note: "nothing that the model said"},
		{name: "denied", reply: "NOT_FOUND", status: StatusNotFound, text: "do not answer", model: "fake:scripted"},
		{name: "empty", reply: "  \n", status: StatusAnswered, text: "45 €", model: "none", note: "said nothing"},
		{name: "down", err: unavailable, status: StatusAnswered, text: "45 €", model: "none", note: "connection refused"},
		{name: "dies half way", reply: "Staff on the road get 45 € a day for meals. [1]\nRecei", err: unavailable, status: StatusAnswered, text: "45 €", model: "none", note: "connection refused"},
		{name: "loops in a line", reply: strings.Repeat("and so on and on ", 60), status: StatusAnswered, text: "45 €", model: "none", note: "repeated itself"},
		{name: "loops in lines", reply: strings.Repeat("Staff on the road get 45 € a day for meals. [1]\n", 60), status: StatusAnswered, text: "45 €", model: "fake:scripted", note: "repeated itself"},
		{name: "knows better", reply: "The capital of France is Paris. [1]", status: StatusAnswered, text: "45 €", model: "none", removed: []Reason{ReasonFigures}, note: "nothing that the model said"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			l := office()
			g := &scripted{reply: func(m []model.Message) (string, error) {
				if strings.Contains(m[1].Text, "Statement: ") {
					return "NOT_FOUND", nil
				}
				return c.reply, c.err
			}}
			a, err := New(l, l, &Options{Generator: g}).Ask(context.Background(), Question{Text: question}, nil)
			if err != nil {
				t.Fatal(err)
			}
			checkAnswer(t, l, a)
			if a.Status != c.status || !strings.Contains(a.Text, c.text) || a.Model != c.model {
				t.Errorf("status %s, model %s, text %q; want %s, %s, %q", a.Status, a.Model, a.Text, c.status, c.model, c.text)
			}
			if c.note == "" && a.Note != "" || !strings.Contains(a.Note, c.note) {
				t.Errorf("note %q, want %q", a.Note, c.note)
			}
			var reasons []Reason
			for _, r := range a.Removed {
				reasons = append(reasons, r.Reason)
			}
			if fmt.Sprint(reasons) != fmt.Sprint(c.removed) {
				t.Errorf("removed %+v, want %v", a.Removed, c.removed)
			}
		})
	}
}

func TestRepair(t *testing.T) {
	tests := []struct {
		name, shown string
		calls       int
		model       string
	}{
		{"free text", "\"Staff on the road get 45 € a day for meals.\" [1]", 2, "fake:scripted"},
		{"structured", `{"passage": 1, "quote": "Staff on the road get 45 € a day for meals."}`, 2, "fake:scripted"},
		{"structured, wrong passage", `{"passage": 7, "quote": "Staff on the road get 45 € a day for meals."}`, 2, "fake:scripted"},
		{"structured, nothing", `{"passage": 0, "quote": ""}`, 2, "none"},
		{"not in the documents", `{"passage": 1, "quote": "Employees who travel receive 45 € daily."}`, 2, "none"},
		{"nothing", "NOT_FOUND", 2, "none"},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			l := office()
			g := &scripted{reply: func(m []model.Message) (string, error) {
				if strings.Contains(m[1].Text, "Statement: ") {
					return c.shown, nil
				}
				return "Travelling staff receive a daily food allowance amounting to 45 €. [1]", nil
			}}
			a, err := New(l, l, &Options{Generator: g}).Ask(context.Background(), Question{Text: "How much money do staff get for meals on the road?"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			checkAnswer(t, l, a)
			if g.calls != c.calls || a.Model != c.model || a.Status != StatusAnswered {
				t.Errorf("%d calls, model %s, status %s, removed %+v", g.calls, a.Model, a.Status, a.Removed)
			}
		})
	}
}

// TestSecondQuote has a model that picks the wrong sentence, and one that picks
// the right one.
func TestSecondQuote(t *testing.T) {
	for reply, want := range map[string]int{"Bookings above that need the approval of Maria Lindt. [1]": 2, "Staff on the road get 45 € a day. [1]": 1} {
		l := office()
		g := &scripted{reply: func([]model.Message) (string, error) { return reply, nil }}
		a, err := New(l, l, &Options{Generator: g}).Ask(context.Background(), Question{Text: "How much money do staff get for meals on the road?"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		checkAnswer(t, l, a)
		if len(a.Citations) != want || !strings.Contains(a.Citations[want-1].Quote, "45 €") || a.Model == "none" {
			t.Errorf("%s: model %s, %d citations, want %d: %s", reply, a.Model, len(a.Citations), want, a.Text)
		}
	}
}

func TestEvents(t *testing.T) {
	l := office()
	var kinds []string
	var text strings.Builder
	note := func(e Event) error {
		kind := ""
		switch {
		case e.Passages != nil:
			kind = "passages"
		case e.Delta != "":
			kind = "delta"
			text.WriteString(e.Delta)
		case e.Citation != nil:
			kind = "citation"
		case e.Restart != "":
			kind = "restart"
			text.Reset()
		case e.Answer != nil:
			kind = "answer"
		}
		if n := len(kinds); n == 0 || kinds[n-1] != kind {
			kinds = append(kinds, kind)
		}
		return nil
	}
	question := Question{Text: "How much money do staff get for meals on the road?"}
	a, err := New(l, l, &Options{Generator: says("They get 80 € in Paris. [1]")}).Ask(context.Background(), question, note)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(kinds, " "), "passages delta restart delta citation answer"; !strings.HasPrefix(got, "passages delta restart delta citation") || !strings.HasSuffix(got, "answer") {
		t.Errorf("events %s, want %s", got, want)
	}
	if text.String() != a.Text {
		t.Errorf("streamed %q, answer %q", text.String(), a.Text)
	}
	stop := errors.New("stop")
	for _, g := range []model.Generator{nil, says("Staff on the road get 45 € a day for meals. [1]\nMore.")} {
		for n := range 4 {
			calls := 0
			_, err := New(l, l, &Options{Generator: g}).Ask(context.Background(), question, func(Event) error {
				if calls++; calls > n {
					return stop
				}
				return nil
			})
			if !errors.Is(err, stop) {
				t.Errorf("an error of yield at call %d comes back as %v", n, err)
			}
		}
	}
}

func TestBadQuestions(t *testing.T) {
	l := office()
	for text, want := range map[string]error{"": ErrEmptyQuestion, " \n?!": ErrEmptyQuestion, strings.Repeat("why ", 300_000): ErrLongQuestion} {
		if _, err := New(l, l, nil).Ask(context.Background(), Question{Text: text}, nil); !errors.Is(err, want) {
			t.Errorf("%.10q: %v, want %v", text, err, want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := New(l, l, nil).Ask(ctx, Question{Text: "Who?"}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled call returns %v", err)
	}
	a, err := New(newLibrary(), newLibrary(), nil).Ask(context.Background(), Question{Text: "When does the office open?"}, nil)
	if err != nil || a.Status != StatusNotFound {
		t.Errorf("an empty library gives %+v, %v", a, err)
	}
}

func TestAnswerJSON(t *testing.T) {
	l := office()
	a, err := New(l, l, nil).Ask(context.Background(), Question{Text: "When does the office open?"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"question", "answer", "status", "citations", "passages", "model", "usage", "timings_ms", "removed", "degraded"} {
		if got[field] == nil {
			t.Errorf("field %s is missing: %s", field, b)
		}
	}
	citation := got["citations"].([]any)[0].(map[string]any)
	for _, field := range []string{"marker", "document", "title", "section", "lines", "quote", "start", "end", "verified", "uri"} {
		if citation[field] == nil {
			t.Errorf("field %s of a citation is missing: %s", field, b)
		}
	}
}

func TestPromptFitsTheModel(t *testing.T) {
	l := office()
	var sizes []int
	g := &scripted{reply: func(m []model.Message) (string, error) {
		n := len(m[0].Text) + len(m[1].Text)
		sizes = append(sizes, n)
		if n > 1500 {
			return "", &model.Error{Kind: model.KindTooLarge, Message: "maximum context length exceeded"}
		}
		return "The Team plan costs 25 € a month. [1]", nil
	}}
	a := New(l, l, &Options{Generator: g, Limit: 12})
	for range 2 {
		answer, err := a.Ask(context.Background(), Question{Text: "How much does the Team plan cost?"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		checkAnswer(t, l, answer)
		if answer.Model != "fake:scripted" || answer.Status != StatusAnswered {
			t.Errorf("model %s, status %s, note %q", answer.Model, answer.Status, answer.Note)
		}
	}
	if n := len(sizes); n < 3 || sizes[n-1] != sizes[n-2] {
		t.Errorf("prompts of %v bytes: the second question did not begin with what the model takes", sizes)
	}
}

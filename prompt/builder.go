package prompt

import (
	"embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/template"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/retrieve"
)

// NotFound is what a model writes when the passages do not answer.
const NotFound = "NOT_FOUND"

// DefaultBudget is the size of a prompt in estimated tokens when a Builder names
// none. It fits a context of 4,096 with room for the answer, and a small model on
// a processor reads it in seconds rather than minutes.
const DefaultBudget = 2000

// DefaultHistory is how many turns a prompt shows when a Builder names no number.
const DefaultHistory = 3

// smallestCut is the room in tokens below which a passage is left out rather
// than cut: less than about two sentences misleads more than it tells.
const smallestCut = 48

// ErrNoPassages is returned for an input without passages; a question is not to
// be put to a model without evidence.
var ErrNoPassages = errors.New("no passages to answer from")

// ErrBudget is returned when not even one passage fits beside the question.
var ErrBudget = errors.New("question does not fit the model's context")

//go:embed templates/*.tmpl
var files embed.FS

// Builder makes prompts. The zero value is ready to use; a Builder is never
// changed by its methods and may be shared.
type Builder struct {
	Budget   int    // tokens a prompt may have, estimated; 0 means DefaultBudget
	Language string // of answers when an Input names none; "" follows the question
	History  int    // turns before the question that are shown; 0 means DefaultHistory, negative none
}

// Marker returns the marker of source n as answers write it.
func Marker(n int) string { return "[" + strconv.Itoa(n) + "]" }

// Build makes the prompt that asks for an answer. Passages are taken in their
// order, best first; the one that exceeds the budget is cut on a sentence end
// and those behind it are left out.
func (b *Builder) Build(in Input) (*Prompt, error) {
	language := b.language(in)
	fields := fields{
		Question: clean(in.Question),
		History:  b.history(in.History),
	}
	fields.Wish = b.wish(in.Wish)
	if b.History >= 0 {
		fields.Summary = strings.TrimSpace(Neutralise(in.Summary))
	}
	return b.fill("answer", language, fields, in)
}

// Repair makes the prompt that asks for the sentence which supports a statement.
func (b *Builder) Repair(statement string, in Input) (*Prompt, error) {
	return b.fill("repair", b.language(in), fields{Statement: clean(statement)}, in)
}

// Standalone makes the prompt that rewrites the question of in so that it can be
// understood without in.History. Passages are ignored.
func (b *Builder) Standalone(in Input) (*Prompt, error) {
	return b.plain("standalone", languageOf(in.Question), fields{
		Question: clean(in.Question),
		History:  b.history(in.History),
	})
}

// Summary makes the prompt that shortens a history.
func (b *Builder) Summary(history []Turn) (*Prompt, error) {
	if len(history) == 0 {
		return nil, errors.New("build summary prompt: no history")
	}
	all := *b
	all.History = len(history)
	return b.plain("summary", languageOf(history[len(history)-1].Question), fields{History: all.history(history)})
}

// fields are what templates may use.
type fields struct {
	Question, Statement    string
	NotFound, LanguageName string
	Summary, Wish          string
	History                []Turn
	Passages               []fenced
}

// fenced is a passage as it stands in a prompt.
type fenced struct {
	Number        int
	Heading, Text string
}

func (b *Builder) language(in Input) string {
	switch {
	case in.Language != "":
		return in.Language
	case b.Language != "":
		return b.Language
	}
	return languageOf(in.Question)
}

func (b *Builder) budget() int {
	if b.Budget > 0 {
		return b.Budget
	}
	return DefaultBudget
}

// history returns the last turns, cleaned.
func (b *Builder) history(turns []Turn) []Turn {
	n := b.History
	if n == 0 {
		n = DefaultHistory
	}
	if n < 0 || len(turns) == 0 {
		return nil
	}
	if len(turns) > n {
		turns = turns[len(turns)-n:]
	}
	out := make([]Turn, len(turns))
	for i, t := range turns {
		out[i] = Turn{Question: clean(t.Question), Answer: strings.Join(strings.Fields(Neutralise(t.Answer)), " ")}
	}
	return out
}

// wish returns as many whole sentences of a wish as a quarter of the budget
// holds: what is left must do for the passages.
func (b *Builder) wish(text string) string {
	text = strings.TrimSpace(Neutralise(text))
	room, end := b.budget()/4, 0
	for _, s := range sentences(text) {
		if room -= tokens(text[s[0]:s[1]]); room < 0 {
			break
		}
		end = s[1]
	}
	return strings.TrimSpace(text[:end])
}

// fill renders a prompt with as many passages as the budget holds.
func (b *Builder) fill(name, language string, f fields, in Input) (*Prompt, error) {
	passages := in.Passages
	if len(passages) == 0 {
		return nil, fmt.Errorf("build %s prompt: %w", name, ErrNoPassages)
	}
	bare, err := b.plain(name, language, f)
	if err != nil {
		return nil, err
	}
	room := b.budget() - bare.Tokens
	var sources []retrieve.Passage
	for i := range passages {
		p := &passages[i]
		entry := fenced{Number: len(sources) + 1, Heading: heading(p)}
		cost := tokens(entry.Heading) + fenceTokens
		text, whole := cut(p, room-cost, in.Omit)
		if text == "" && whole {
			continue // nothing of it is to be shown
		}
		if text == "" {
			break
		}
		entry.Text = text
		room -= cost + tokens(text)
		f.Passages = append(f.Passages, entry)
		sources = append(sources, *p)
		if !whole {
			break
		}
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("build %s prompt in %d tokens: %w", name, b.budget(), ErrBudget)
	}
	out, err := b.plain(name, language, f)
	if err != nil {
		return nil, err
	}
	out.Sources = sources
	return out, nil
}

// fenceTokens is what the two tags around a passage cost.
const fenceTokens = 14

func (b *Builder) plain(name, language string, f fields) (*Prompt, error) {
	f.NotFound = NotFound
	f.LanguageName = languageName(language)
	t, ok := templates[name+"."+templateLanguage(language)]
	if !ok {
		return nil, fmt.Errorf("build prompt: no template %q", name)
	}
	out := &Prompt{}
	for _, role := range []model.Role{model.RoleSystem, model.RoleUser} {
		var text strings.Builder
		if err := t.ExecuteTemplate(&text, string(role), f); err != nil {
			return nil, fmt.Errorf("build %s prompt: %w", name, err)
		}
		out.Messages = append(out.Messages, model.Message{Role: role, Text: text.String()})
		out.Tokens += tokens(text.String()) + 4 // the chat template's own marks
	}
	return out, nil
}

// heading says where a passage stands: title, section, page, date.
func heading(p *retrieve.Passage) string {
	var parts []string
	add := func(s string) {
		if s = clean(s); s != "" && (len(parts) == 0 || parts[len(parts)-1] != s) {
			parts = append(parts, s)
		}
	}
	add(p.Title)
	for _, s := range p.Section {
		add(s)
	}
	text := strings.Join(parts, " > ")
	if p.Page > 0 {
		text = strings.TrimSpace(text + ", p. " + strconv.Itoa(p.Page))
	}
	return strings.TrimPrefix(text, ", ")
}

// cut returns the passage as data within room tokens, without sentences to be
// omitted, and whether that is all of it. A passage that does not fit keeps whole
// sentences from its best chunk on. It returns "" when the room is not worth
// using, and for a passage of which nothing is left.
func cut(p *retrieve.Passage, room int, omit func(sentence string) bool) (text string, whole bool) {
	full := Neutralise(strings.TrimSpace(joinContext(p.Context, kept(p.Text, omit))))
	if full == "" {
		return "", true
	}
	if tokens(full) <= room {
		return full, true
	}
	if room < smallestCut {
		return "", false
	}
	from := 0
	if p.Best.Start > p.Start && p.Best.Start < p.End {
		from = p.Best.Start - p.Start
	}
	if from > len(p.Text) {
		from = 0
	}
	var out strings.Builder
	used := 0
	if c := Neutralise(strings.TrimSpace(p.Context)); c != "" && tokens(c) < room/2 {
		out.WriteString(c + "\n")
		used = tokens(c)
	}
	start := out.Len()
	for _, s := range sentences(p.Text) {
		if s[0] < from || omit != nil && omit(p.Text[s[0]:s[1]]) {
			continue
		}
		sentence := Neutralise(p.Text[s[0]:s[1]])
		n := tokens(sentence)
		if used+n > room {
			break
		}
		used += n
		out.WriteString(sentence)
	}
	if out.Len() == start {
		return "", false
	}
	return strings.TrimSpace(out.String()), false
}

// kept is text without the sentences that are to be omitted.
func kept(text string, omit func(sentence string) bool) string {
	if omit == nil {
		return text
	}
	var out strings.Builder
	for _, s := range sentences(text) {
		if sentence := text[s[0]:s[1]]; !omit(sentence) {
			out.WriteString(sentence)
		}
	}
	return out.String()
}

func joinContext(context, text string) string {
	if context = strings.TrimSpace(context); context != "" {
		return context + "\n" + text
	}
	return text
}

// clean makes one line of foreign text that stands outside the fences.
func clean(s string) string { return strings.Join(strings.Fields(Neutralise(s)), " ") }

// templateLanguage is the language of the instructions for an answer language.
func templateLanguage(language string) string {
	if language == "zh" || strings.HasPrefix(language, "zh-") {
		return "zh"
	}
	return "en"
}

func languageName(language string) string {
	switch {
	case templateLanguage(language) == "zh":
		return "中文"
	case language == "" || language == "en" || strings.HasPrefix(language, "en-"):
		return "English"
	}
	return "the language with the code " + clean(language)
}

var templates = parse()

func parse() map[string]*template.Template {
	entries, err := files.ReadDir("templates")
	if err != nil {
		panic(err) // embedded, cannot fail
	}
	out := map[string]*template.Template{}
	for _, e := range entries {
		body, err := files.ReadFile("templates/" + e.Name())
		if err != nil {
			panic(err)
		}
		name := strings.TrimSuffix(e.Name(), ".tmpl")
		out[name] = template.Must(template.New(name).Option("missingkey=error").Parse(string(body)))
	}
	return out
}

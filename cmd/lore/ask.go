package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lore-kb/lore/ask"
	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/store"
)

// askFlags are the flags of `ask`.
type askFlags struct {
	docs      []string
	filters   []string
	asJSON    bool
	explain   bool
	goOn      bool
	embedWait time.Duration
}

func (p *program) askCommand() *cobra.Command {
	var f askFlags
	cmd := &cobra.Command{
		Use:   "ask QUESTION",
		Short: "Answer a question from the documents",
		Long: `Answer a question from the documents, every statement with a quote that was
checked against its document. When the documents do not answer, lore says so and
exits with code 3.

With --docs, a folder or file is indexed first, or brought up to date, and the
question is put to it alone.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text := strings.Join(args, " ")
			if err := checkQuestion(text); err != nil {
				return err
			}
			return p.ask(cmd.Context(), text, f)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.docs, "docs", nil, "index this folder or file first and ask it alone; may be given several times")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	flags.BoolVar(&f.explain, "explain", false, "say why each passage was found and how the answer was decided")
	flags.BoolVarP(&f.goOn, "continue", "c", false, "continue the last conversation")
	flags.DurationVar(&f.embedWait, "embed-wait", 30*time.Second, "with --docs, how long to make vectors before answering")
	for _, key := range []string{"model", "language", "caution", "reranker"} {
		settingFlag(cmd, key, "")
	}
	settingFlag(cmd, "transcriber", "")
	settingFlag(cmd, "captioner", "")
	settingFlag(cmd, "password_file", "")
	settingFlag(cmd, "limit", "n")
	filterFlag(cmd, &f.filters)
	return cmd
}

func (p *program) ask(ctx context.Context, text string, f askFlags) error {
	filter, err := parseFilter(f.filters)
	if err != nil {
		return err
	}
	generator, err := p.generator()
	if err != nil {
		return err
	}
	embedder, err := p.readEmbedder(ctx)
	if err != nil {
		return err
	}
	how := reading
	if len(f.docs) > 0 {
		how = creating
	}
	st, embedder, err := p.openToAsk(ctx, how, embedder)
	if err != nil {
		return err
	}
	defer st.Close()
	if len(f.docs) > 0 {
		if err := p.bringUpToDate(ctx, st, embedder, f, &filter); err != nil {
			return err
		}
	}
	question := ask.Question{Text: text, Filter: filter, Limit: p.cfg.Limit, Language: p.cfg.Language, Explain: f.explain}
	kept, id := p.conversations(), ask.NewConversationID(time.Now())
	if f.goOn {
		last, err := kept.Latest()
		if err != nil {
			return fmt.Errorf("continue: %w", err)
		}
		id, question.History = last.ID, last.Turns
	}
	answer, err := p.answer(ctx, p.assistant(st, embedder, generator), question, f.asJSON)
	if err != nil {
		return err
	}
	if _, err := kept.Append(id, turnOf(answer)); err != nil {
		p.note("note: the conversation was not saved: %v", err)
	}
	if f.asJSON {
		if err := printJSON(p.out, answer); err != nil {
			return err
		}
	} else {
		p.printAnswer(answer, f.explain)
	}
	if answer.Status == ask.StatusNotFound {
		return &exitError{exitNotFound, nil}
	}
	return nil
}

// bringUpToDate indexes the folders of --docs and narrows filter to them.
func (p *program) bringUpToDate(ctx context.Context, st store.Store, embedder model.Embedder, f askFlags, filter *store.Filter) error {
	sources, err := p.sources(ctx, st, f.docs, indexFlags{}, nil)
	if err != nil {
		return err
	}
	pool, err := p.readers()
	if err != nil {
		return err
	}
	defer pool.Close()
	transcriber, err := p.transcriber()
	if err != nil {
		return err
	}
	shown := p.progress()
	progress := func(at ingest.Progress) {
		if !p.quiet && (shown.live || at.Stage == ingest.StageEmbed) {
			shown.show(at)
		}
	}
	syncer := ingest.NewSyncer(st, pool, &ingest.SyncOptions{
		Collection: p.cfg.Collection, Embedder: embedder, Supported: pool.Supported, Transcriber: transcriber, Recording: extract.Recording, NoWait: true, Progress: progress,
	})
	total := &ingest.Report{Skipped: map[ingest.SkipReason]int{}}
	var scopes []string // of sources that are part of a remembered folder
	for _, src := range sources {
		report, err := syncer.Sync(ctx, src)
		shown.clear()
		if err != nil {
			return err
		}
		addReport(total, report)
		filter.Roots = append(filter.Roots, report.Root)
		if report.Scope != "" {
			scopes = append(scopes, report.Scope)
		}
	}
	if len(scopes) == len(sources) && len(filter.Paths) == 0 {
		filter.Paths = scopes
	}
	for _, failure := range total.Failures {
		fmt.Fprintf(p.err, "failed: %s: %s\n", printable(failure.Path), printable(failure.Reason))
	}
	if total.New+total.Updated+total.Removed > 0 {
		p.note("indexed %s: %d new, %d updated, %d unchanged, %d removed, %d failed", strings.Join(f.docs, ", "),
			total.New, total.Updated, total.Unchanged, total.Removed, total.Failed)
	}
	if nothing(total) {
		return fmt.Errorf("no documents found in %s%s", strings.Join(places(sources), ", "), skippedText(total.Skipped, " (", ")"))
	}
	if embedder == nil || f.embedWait <= 0 {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, f.embedWait)
	defer cancel()
	filled, err := ingest.Fill(limited, st, embedder, &ingest.FillOptions{Progress: progress})
	shown.clear()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && limited.Err() == nil:
		return err
	case filled.Warning != "":
		p.note("note: %s", filled.Warning)
	}
	return nil
}

// answer asks and shows on a terminal what a language model writes, dimmed,
// until it is checked.
func (p *program) answer(ctx context.Context, assistant *ask.Assistant, question ask.Question, quiet bool) (*ask.Answer, error) {
	draft := &draft{w: p.out, columns: width(p.out)}
	var yield func(ask.Event) error
	if !quiet && terminal(p.out) && bool(p.style()) {
		yield = func(e ask.Event) error {
			switch {
			case e.Delta != "":
				draft.add(e.Delta)
			case e.Restart != "":
				draft.clear()
			}
			return nil
		}
	}
	answer, err := assistant.Ask(ctx, question, yield)
	draft.clear()
	if errors.Is(err, ask.ErrEmptyQuestion) {
		return nil, usagef("the question has no words")
	}
	return answer, err
}

// draft is text on a terminal that will be taken back.
type draft struct {
	w       io.Writer
	columns int
	text    strings.Builder
}

func (d *draft) add(text string) {
	d.text.WriteString(text)
	fmt.Fprintf(d.w, "\x1b[2m%s\x1b[0m", text)
}

func (d *draft) clear() {
	if d.text.Len() == 0 {
		return
	}
	rows := 0
	for line := range strings.SplitSeq(d.text.String(), "\n") {
		rows++
		for rest := line; ; rows++ {
			head := clip(rest, d.columns)
			if rest = rest[len(head):]; rest == "" {
				break
			}
		}
	}
	up := ""
	if rows > 1 {
		up = fmt.Sprintf("\x1b[%dA", rows-1)
	}
	fmt.Fprintf(d.w, "\r%s\x1b[J", up)
	d.text.Reset()
}

func (p *program) printAnswer(answer *ask.Answer, explain bool) {
	s := p.style()
	p.printDegraded(answer.Degraded)
	if answer.Note != "" {
		p.note("note: %s", answer.Note)
	}
	if answer.Standalone != "" {
		p.note("asked as: %s", answer.Standalone)
	}
	fmt.Fprintln(p.out, answer.Text)
	if answer.Conflict != "" {
		fmt.Fprintln(p.out, answer.Conflict)
	}
	if answer.Missing != "" && answer.Missing != answer.Text {
		fmt.Fprintln(p.out, answer.Missing)
	}
	for i, c := range answer.Citations {
		if i == 0 {
			fmt.Fprintln(p.out)
		}
		fmt.Fprintf(p.out, "%s %s\n", s.bold(fmt.Sprintf("[%d]", c.Marker)), s.cyan(citedPlace(c)))
		for _, line := range wrap("“"+printable(strings.Join(strings.Fields(c.Quote), " "))+"”", min(width(p.out), 100)-4, 6) {
			fmt.Fprintf(p.out, "    %s\n", s.dim(line))
		}
	}
	if answer.Status == ask.StatusNotFound && len(answer.Passages) > 0 {
		p.note("\nnearest:")
		for _, passage := range answer.Passages[:min(3, len(answer.Passages))] {
			p.note("  %s", location(&passage))
		}
	}
	for _, removed := range answer.Removed {
		p.note("removed (%s): %s", removed.Reason, removed.Text)
	}
	if explain {
		p.note("\nconfidence that the documents answer: %.2f", answer.Confidence)
		for _, passage := range answer.Passages {
			p.note("%d. %s  %.3f", passage.Rank, location(&passage), passage.Score)
			if passage.Explain != nil {
				for _, term := range passage.Explain.Terms {
					p.note("     %s %.2f", term.Term, term.Score)
				}
				for _, line := range passage.Explain.Notes {
					p.note("     %s", line)
				}
			}
		}
	}
}

// citedPlace names where a quote stands.
func citedPlace(c ask.Citation) string {
	text := heading(c.Path, c.Section)
	switch {
	case c.To > 0:
		return fmt.Sprintf("%s, %s–%s", text, clock(c.From), clock(c.To))
	case c.Page > 0:
		return fmt.Sprintf("%s, page %d", text, c.Page)
	case c.Lines[0] == c.Lines[1]:
		return fmt.Sprintf("%s, line %d", text, c.Lines[0])
	}
	return fmt.Sprintf("%s, lines %d–%d", text, c.Lines[0], c.Lines[1])
}

// clock writes a place in a recording.
func clock(d time.Duration) string {
	return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

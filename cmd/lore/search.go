package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lore-kb/lore/retrieve"
)

// maxQuestion is the longest question that is taken, in bytes: as much as a
// person can mean by one, with a page of text pasted in.
const maxQuestion = 8 << 10

// checkQuestion refuses what cannot be a question.
func checkQuestion(text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return usagef("the question is empty")
	case len(text) > maxQuestion:
		return usagef("the question is %s long; at most %s are taken", bytesText(int64(len(text))), bytesText(maxQuestion))
	}
	return nil
}

func (p *program) searchCommand() *cobra.Command {
	var asJSON, explain bool
	var filters []string
	var whyNot string
	cmd := &cobra.Command{
		Use:   "search QUERY",
		Short: "Find passages",
		Long: `Find passages, best first.

A phrase in quotation marks must occur as it is. path:docs/, type:pdf,
label:team=infra, before:2026-01-01 and after:2025 inside the query filter.
--why-not DOCUMENT says at which step a document, by its path, title or ID, was
lost.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			query := strings.Join(args, " ")
			if err := checkQuestion(query); err != nil {
				return err
			}
			filter, err := parseFilter(filters)
			if err != nil {
				return err
			}
			asked := retrieve.Query{Text: query, Filter: filter, Limit: p.cfg.Limit, Explain: explain}
			if whyNot != "" {
				return p.whyNot(cmd.Context(), whyNot, asked, asJSON)
			}
			result, err := p.search(cmd.Context(), asked)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(p.out, result)
			}
			p.printPassages(result)
			if len(result.Passages) == 0 {
				return &exitError{exitNotFound, nil}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&explain, "explain", false, "say why each passage ranks where it does")
	cmd.Flags().StringVar(&whyNot, "why-not", "", "say at which step this `DOCUMENT` was lost")
	settingFlag(cmd, "limit", "n")
	settingFlag(cmd, "reranker", "")
	filterFlag(cmd, &filters)
	return cmd
}

// whyNot prints what became of a document when a question was asked.
func (p *program) whyNot(ctx context.Context, document string, query retrieve.Query, asJSON bool) error {
	r, done, err := p.openRetriever(ctx)
	if err != nil {
		return err
	}
	defer done()
	why, err := r.WhyNot(ctx, document, query)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(p.out, why)
	}
	for _, step := range why.Steps {
		fmt.Fprintln(p.out, printable(step))
	}
	if why.Lost == "" {
		fmt.Fprintf(p.out, "It is found: passage %d.\n", why.Rank)
	} else {
		fmt.Fprintf(p.out, "Lost at the step %q.\n", why.Lost)
	}
	return nil
}

// openRetriever opens the collection for searching; done closes it.
func (p *program) openRetriever(ctx context.Context) (r *retrieve.Retriever, done func(), err error) {
	embedder, err := p.readEmbedder(ctx)
	if err != nil {
		return nil, nil, err
	}
	st, embedder, err := p.openToAsk(ctx, reading, embedder)
	if err != nil {
		return nil, nil, err
	}
	return p.retriever(st, embedder), func() { st.Close() }, nil
}

func (p *program) search(ctx context.Context, query retrieve.Query) (*retrieve.Result, error) {
	r, done, err := p.openRetriever(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	return r.Retrieve(ctx, query)
}

func (p *program) printPassages(result *retrieve.Result) {
	s := p.style()
	p.printDegraded(result.Degraded)
	for _, passage := range result.Passages {
		place := s.cyan(location(&passage))
		if passage.Same > 0 {
			place += " " + s.dim(fmt.Sprintf("(and %d more that say the same)", passage.Same))
		}
		fmt.Fprintf(p.out, "%s %s\n", s.bold(fmt.Sprintf("%d.", passage.Rank)), place)
		for _, line := range wrap(printable(strings.Join(strings.Fields(passage.Text), " ")), min(width(p.out), 100)-3, 4) {
			fmt.Fprintf(p.out, "   %s\n", line)
		}
		if passage.Explain != nil {
			for _, term := range passage.Explain.Terms {
				fmt.Fprintf(p.out, "   %s %.2f\n", s.dim(term.Term), term.Score)
			}
			for _, note := range passage.Explain.Notes {
				fmt.Fprintf(p.out, "   %s\n", s.dim(note))
			}
		}
	}
	if len(result.Passages) == 0 {
		p.note("nothing found")
	}
}

func (p *program) printDegraded(degraded []retrieve.Degraded) {
	for _, d := range degraded {
		p.note("note: %s", d.Reason)
	}
}

// location names a passage's place: path, section, page or line.
func location(passage *retrieve.Passage) string {
	text := heading(passage.Path, passage.Section)
	if passage.Page > 0 {
		return fmt.Sprintf("%s, page %d", text, passage.Page)
	}
	return fmt.Sprintf("%s, line %d", text, passage.Line)
}

// heading names a document and a section of it on one line.
func heading(path string, section []string) string {
	return printable(strings.Join(append([]string{path}, section...), " › "))
}

// wrap breaks text into at most a number of lines of a number of columns,
// between words or Han characters.
func wrap(text string, columns, lines int) []string {
	var out []string
	for len(text) > 0 && len(out) < lines {
		line := clip(text, columns)
		if len(line) < len(text) {
			if cut := strings.LastIndexByte(line, ' '); cut > len(line)/2 {
				line = line[:cut]
			}
		}
		text = strings.TrimLeft(text[len(line):], " ")
		out = append(out, line)
	}
	if len(text) > 0 && len(out) > 0 {
		out[len(out)-1] += " …"
	}
	return out
}

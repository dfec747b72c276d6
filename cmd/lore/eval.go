package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lore-kb/lore/ask"
	"github.com/lore-kb/lore/eval"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/retrieve"
	"github.com/lore-kb/lore/store"
)

// evalFlags are the flags of both kinds of measuring.
type evalFlags struct {
	asJSON, rrf      bool
	keep, run, split string
	compare, out     string
	limit, half      int
	depth            int
	answerAll        bool
}

func (p *program) evalCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Measure on a question set",
		Long: `Measure on a question set in BEIR's layout: corpus.jsonl[.gz], queries.jsonl,
qrels/test.tsv, and where known labels.jsonl (types of questions) and
answers.jsonl (gold answers). The set is indexed into a place of its own.`,
	}
	cmd.Annotations = map[string]string{folderMark: "retrieval"}
	cmd.AddCommand(p.evalRetrievalCommand(), p.evalAnswersCommand(), p.evalInitCommand())
	return cmd
}

func (p *program) evalRetrievalCommand() *cobra.Command {
	var f evalFlags
	cmd := &cobra.Command{
		Use:   "retrieval DIR",
		Short: "Measure how well the documents of questions are found",
		Args:  cobra.ExactArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return p.evalRetrieval(cmd.Context(), args[0], f) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	flags.StringVar(&f.run, "run", "", "write the ranked lists to this `FILE`, in TREC's format")
	flags.StringVar(&f.compare, "compare", "", "compare with an earlier run in this `FILE`")
	flags.IntVar(&f.limit, "limit", 0, "ask only so many questions")
	flags.IntVar(&f.depth, "depth", 0, "rank so many documents for a question; fewer are quicker, as for a person's question (default 100)")
	flags.StringVar(&f.split, "split", "", "ask only the questions `FIRST:LAST`, counted from 1")
	flags.StringVar(&f.keep, "keep", "", "keep the index in this `FOLDER`, and use it if it is there")
	flags.BoolVar(&f.rrf, "rrf", false, "fuse by ranks alone")
	settingFlag(cmd, "reranker", "")
	return cmd
}

func (p *program) evalAnswersCommand() *cobra.Command {
	var f evalFlags
	cmd := &cobra.Command{
		Use:   "answers DIR",
		Short: "Measure answers, citations and refusals",
		Args:  cobra.ExactArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return p.evalAnswers(cmd.Context(), args[0], f) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	flags.StringVar(&f.out, "out", "", "write every answer to this `FILE`, a line of JSON each")
	flags.IntVar(&f.limit, "limit", 0, "ask only about so many questions, spread over the set")
	flags.IntVar(&f.half, "half", 0, "ask only the first (1) or the second (2) half")
	flags.StringVar(&f.keep, "keep", "", "keep the index in this `FOLDER`, and use it if it is there")
	flags.BoolVar(&f.answerAll, "answer-all", false, "never refuse where there are passages: what the answers alone are worth")
	settingFlag(cmd, "model", "")
	settingFlag(cmd, "caution", "")
	settingFlag(cmd, "reranker", "")
	return cmd
}

// evalStore opens the place of a measurement.
func (p *program) evalStore(ctx context.Context, keep string, embedder model.Embedder) (st store.Store, done func(), err error) {
	if _, ok := p.qdrantAddress(); ok {
		// Nothing of a measurement is to stand among somebody's documents.
		if keep != "" {
			return nil, nil, usagef("--keep is for the embedded store; Qdrant keeps the collection that --collection names")
		}
		if p.cfg.Origin("collection") == "default" {
			return nil, nil, usagef("name a collection of its own for measuring on Qdrant with --collection; it is kept, and used again for the same question set")
		}
	}
	dir := keep
	if keep == "" {
		if dir, err = os.MkdirTemp("", "lore-eval-"); err != nil {
			return nil, nil, err
		}
	}
	remove := func() {
		if keep == "" {
			os.RemoveAll(dir)
		}
	}
	p.cfg.Data = dir
	if st, err = p.openStore(ctx, creating, embedder); err != nil {
		remove()
		var other *otherModelError
		if errors.As(err, &other) {
			err = p.explainKept(keep, errors.New("it was embedded by another model or another version of the encoder"))
		}
		return nil, nil, err
	}
	return st, func() { st.Close(); remove() }, nil
}

// explainKept says what to do about an index that a measurement cannot use.
func (p *program) explainKept(keep string, cause error) error {
	if address, ok := p.qdrantAddress(); ok {
		return fmt.Errorf("collection %q at Qdrant %s cannot be measured on: %w; name another with --collection", p.cfg.Collection, address, cause)
	}
	return fmt.Errorf("%s cannot be measured on: %w; name another folder with --keep", keep, cause)
}

func (p *program) evalRetrieval(ctx context.Context, dir string, f evalFlags) error {
	if f.limit < 0 || f.depth < 0 {
		return usagef("--limit and --depth are numbers from 0, which means all and 100")
	}
	if f.run != "" { // rather now than when all has been asked
		if _, err := os.Stat(filepath.Dir(f.run)); err != nil {
			return fmt.Errorf("--run %s: %w", f.run, err)
		}
	}
	embedder, err := p.embedder(ctx)
	if err != nil {
		return err
	}
	var other *eval.Run
	if f.compare != "" {
		file, err := os.Open(f.compare)
		if err != nil {
			return err
		}
		other, err = eval.ReadRun(file)
		file.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", f.compare, err)
		}
		other.Tag = f.compare
	}
	st, done, err := p.evalStore(ctx, f.keep, embedder)
	if err != nil {
		return err
	}
	defer done()
	shown := p.evalProgress()
	fusion := retrieve.FusionConvex
	if f.rrf {
		fusion = retrieve.FusionReciprocalRank
	}
	report, err := eval.Retrieval(ctx, dir, &eval.RetrievalOptions{
		Store: st, Embedder: embedder, Reranker: p.reranker, RerankTimeout: p.rerankTimeout, Fusion: fusion,
		Limit: f.limit, Depth: f.depth, Split: f.split, Compare: other, Progress: shown.step,
	})
	shown.clear()
	if errors.Is(err, eval.ErrOtherSet) {
		return p.explainKept(f.keep, eval.ErrOtherSet)
	}
	if err != nil {
		return err
	}
	if f.run != "" {
		if err := writeFile(f.run, report.Run.Write); err != nil {
			return err
		}
	}
	if f.asJSON {
		return printJSON(p.out, report)
	}
	p.printRetrieval(report)
	return nil
}

func (p *program) printRetrieval(r *eval.RetrievalReport) {
	row := func(name string, f *eval.Figures) {
		answers := "     –"
		if f.Answers5 != nil {
			answers = fmt.Sprintf("%.4f", *f.Answers5)
		}
		fmt.Fprintf(p.out, "%-16s %6d  %.4f   %.4f    %.4f     %.4f      %.4f  %s\n", name, f.Queries, f.NDCG10, f.Recall5, f.Recall10, f.Recall100, f.MRR10, answers)
	}
	fmt.Fprintf(p.out, "%-16s %6s  %s  %s  %s  %s  %s  %s\n", "questions", "n", "nDCG@10", "Recall@5", "Recall@10", "Recall@100", "MRR@10", "Answers@5")
	row("all", &r.Figures)
	for _, name := range slices.Sorted(maps.Keys(r.ByType)) {
		row(name, r.ByType[name])
	}
	fmt.Fprintf(p.out, "%d documents, indexed in %.1f s, embedded in %.1f s; a question takes %.1f ms (p50), %.1f ms (p95)\n",
		r.Documents, r.IndexSeconds, r.EmbedSeconds, r.P50, r.P95)
	var parts []string
	for _, part := range []struct{ key, name string }{{"embed", "embedding the question"}, {"sparse", "the words"}, {"dense", "the vectors"}, {"beyond", "all beyond the slower of these two"}} {
		if v, ok := r.Parts[part.key]; ok {
			parts = append(parts, fmt.Sprintf("%s %.1f (%.1f)", part.name, v.P50, v.P95))
		}
	}
	fmt.Fprintf(p.out, "of it in ms, p50 (p95): %s\n", strings.Join(parts, ", "))
	if r.Unasked > 0 {
		p.note("note: %s without a line in qrels/test.tsv: not asked", plural(r.Unasked, "question"))
	}
	if n := len(r.Unknown); n > 0 {
		p.note("note: qrels/test.tsv names %s that corpus.jsonl has not, such as %s", plural(n, "document"), printable(r.Unknown[0]))
	}
	for _, reason := range slices.Sorted(maps.Keys(r.Degraded)) {
		p.note("note: %s (%s)", reason, plural(r.Degraded[reason], "question"))
	}
	if c := r.Comparison; c != nil {
		fmt.Fprintf(p.out, "against %s: %+.4f nDCG@10 [%+.4f, %+.4f], %d won, %d lost, %d tied\n",
			c.Tag, c.Mean, c.Interval[0], c.Interval[1], len(c.Won), len(c.Lost), c.Tied)
		for _, list := range []struct {
			name    string
			changes []eval.Change
		}{{"won", c.Won}, {"lost", c.Lost}} {
			for _, change := range list.changes[:min(10, len(list.changes))] {
				fmt.Fprintf(p.out, "  %-4s  %.2f → %.2f  %s  %s\n", list.name, change.Was, change.Is, change.ID, change.Question)
			}
		}
	}
}

func (p *program) evalAnswers(ctx context.Context, dir string, f evalFlags) error {
	embedder, err := p.embedder(ctx)
	if err != nil {
		return err
	}
	generator, err := p.generator()
	if err != nil {
		return err
	}
	if f.half < 0 || f.half > 2 {
		return usagef("--half is %d; it can be 1 or 2", f.half)
	}
	st, done, err := p.evalStore(ctx, f.keep, embedder)
	if err != nil {
		return err
	}
	defer done()
	shown := p.evalProgress()
	options := &eval.AnswersOptions{
		Store: st, Embedder: embedder, Generator: generator, Timeout: p.modelTimeout, Caution: ask.Caution(p.cfg.Caution),
		Reranker: p.reranker, RerankTimeout: p.rerankTimeout,
		Sample: f.limit, Half: eval.Half(f.half), Progress: func(done, total int) { shown.step("asking", done, total) },
	}
	if f.answerAll {
		options.Caution = ask.CautionNone
	}
	var report *eval.AnswersReport
	answer := func(w io.Writer) error {
		options.Out = w
		var err error
		report, err = eval.Answers(ctx, dir, options)
		return err
	}
	if f.out != "" {
		err = writeFile(f.out, answer)
	} else {
		err = answer(nil)
	}
	shown.clear()
	if errors.Is(err, eval.ErrOtherSet) {
		return p.explainKept(f.keep, eval.ErrOtherSet)
	}
	if err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(p.out, report)
	}
	p.printAnswers(report)
	return nil
}

func (p *program) printAnswers(r *eval.AnswersReport) {
	row := func(name string, n int, s eval.AnswersScores, auroc float64) {
		fmt.Fprintf(p.out, "%-16s %5d  %8d  %.3f  %.3f  %.3f  %.3f  %.3f     %.3f     %.3f   %.3f\n", name, n, s.Answered, s.Containment, s.ContainmentFirst,
			s.TokenF1, s.CitationPrecision, s.VerifiedCitations, s.RefusedUnanswerable, s.RefusedAnswerable, auroc)
	}
	fmt.Fprintf(p.out, "%-16s %5s  %8s  %5s  %5s  %5s  %5s  %8s  %8s  %6s  %5s\n", "questions", "n", "answered", "hold", "first", "F1", "cite", "verified", "refused+", "wrong-", "AUROC")
	row("all", r.Questions, r.AnswersScores, r.AUROC)
	for _, name := range slices.Sorted(maps.Keys(r.ByType)) {
		row(name, r.ByType[name].Questions, r.ByType[name].AnswersScores, r.ByType[name].AUROC)
	}
	fmt.Fprintln(p.out, `hold: a gold answer stands in the first two quotes; first: in the first; F1: of the best of them; cite: citations that hold a
gold answer or its evidence; verified: quotes that stand in their document, checked anew; refused+: of unanswerable questions;
wrong-: refused of answerable ones; AUROC: of the confidence.`)
	fmt.Fprintf(p.out, "model %s, embedder %s, caution %s; an answer takes %.1f ms (p50), %.1f ms (p95), %.1f ms (p50) of it after the search\n",
		r.Model, r.Embedder, r.Caution, r.P50MS, r.P95MS, r.AfterP50MS)
}

// writeFile writes a file by a function that writes to a writer.
func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}

// evalProgress shows how far a measurement is, on a terminal only.
type evalProgress struct {
	p    *program
	live bool
}

func (p *program) evalProgress() *evalProgress {
	return &evalProgress{p: p, live: terminal(p.err) && !p.quiet}
}

func (e *evalProgress) step(stage string, done, total int) {
	if e.live && (done == total || done%10 == 0) {
		fmt.Fprintf(e.p.err, "\r\x1b[K%s %d of %d", stage, done, total)
	}
}

func (e *evalProgress) clear() {
	if e.live {
		fmt.Fprint(e.p.err, "\r\x1b[K")
	}
}

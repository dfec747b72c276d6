package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/encoder"
	"github.com/lore-kb/lore/store"
)

// finding is one line of `doctor`.
type finding struct {
	Name   string `json:"name"`
	State  string `json:"state"` // ok, note, problem
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"`
}

// examination collects findings.
type examination struct{ findings []finding }

func (e *examination) ok(name, format string, args ...any) {
	e.findings = append(e.findings, finding{Name: name, State: "ok", Detail: fmt.Sprintf(format, args...)})
}

func (e *examination) note(name, detail, fix string) {
	e.findings = append(e.findings, finding{Name: name, State: "note", Detail: detail, Fix: fix})
}

func (e *examination) problem(name, detail, fix string) {
	e.findings = append(e.findings, finding{Name: name, State: "problem", Detail: oneLine(detail), Fix: fix})
}

func (e *examination) problems() int {
	n := 0
	for _, f := range e.findings {
		if f.State == "problem" {
			n++
		}
	}
	return n
}

func (p *program) doctorCommand() *cobra.Command {
	var asJSON, repair bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check everything and say what to do",
		Long: `Check the data folder, the index, the models and the programs that lore can use,
and say for each problem what to do. With --repair, what can be derived is built
anew from the text in the index.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e := &examination{}
			ctx := cmd.Context()
			e.ok("lore", "version %s", version)
			p.examineData(e)
			embedder := p.examineEmbedder(ctx, e)
			p.examineModel(ctx, e)
			p.examineStore(ctx, e, embedder, repair)
			examineTools(e)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if asJSON {
				if err := printJSON(p.out, map[string]any{"findings": e.findings, "problems": e.problems()}); err != nil {
					return err
				}
			} else {
				p.printFindings(e.findings)
			}
			if n := e.problems(); n > 0 {
				return fmt.Errorf("%s found", plural(n, "problem"))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&repair, "repair", false, "mend the index from the text it holds")
	return cmd
}

func (p *program) printFindings(findings []finding) {
	s := p.style()
	for _, f := range findings {
		mark := s.cyan("ok     ")
		switch f.State {
		case "note":
			mark = s.dim("note   ")
		case "problem":
			mark = s.yellow("problem")
		}
		fmt.Fprintf(p.out, "%s  %-10s %s\n", mark, f.Name, f.Detail)
		if f.Fix != "" {
			fmt.Fprintf(p.out, "         %-10s %s\n", "", "→ "+f.Fix)
		}
	}
}

func (p *program) examineData(e *examination) {
	if _, remote := p.qdrantAddress(); remote {
		return
	}
	info, err := os.Stat(p.cfg.Data)
	switch {
	case errors.Is(err, os.ErrNotExist):
		e.note("data", p.cfg.Data+" is not there yet", "`lore index FOLDER` makes it")
		return
	case err != nil:
		e.problem("data", err.Error(), "choose another folder with --data or LORE_DATA")
		return
	case !info.IsDir():
		e.problem("data", p.cfg.Data+" is not a folder", "choose another folder with --data or LORE_DATA")
		return
	}
	probe, err := os.CreateTemp(p.cfg.Data, ".probe-*")
	if err != nil {
		e.problem("data", p.cfg.Data+" cannot be written to", "change its permissions, or choose another with --data; reading works")
		return
	}
	probe.Close()
	_ = os.Remove(probe.Name())
	e.ok("data", "%s (from %s)", p.cfg.Data, p.cfg.Origin("data"))
}

func (p *program) examineEmbedder(ctx context.Context, e *examination) model.Embedder {
	embedder, err := p.embedder(ctx)
	switch {
	case err != nil:
		e.problem("embedder", err.Error(), "until then search is by words alone; `--embedder builtin` needs no server")
		return nil
	case embedder == nil:
		e.note("embedder", "none: search is by words alone", "`--embedder builtin` adds search by meaning and across languages")
		return nil
	}
	detail := fmt.Sprintf("%s, %d dimensions", embedder.Info().Name, embedder.Info().Dimension)
	if builtin, ok := embedder.(*encoder.Encoder); ok {
		if speed, err := builtin.Probe(ctx); err == nil {
			detail += fmt.Sprintf(", %s arithmetic, %.0f passages a second", builtin.Kernel(), speed.Passages)
		}
	}
	e.ok("embedder", "%s", detail)
	return embedder
}

func (p *program) examineModel(ctx context.Context, e *examination) {
	generator, err := p.generator()
	if err != nil {
		e.problem("model", err.Error(), "")
		return
	}
	if generator == nil {
		e.ok("model", "none: answers are sentences of the documents")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	began := time.Now()
	_, err = generator.Generate(ctx, model.Request{
		Messages: []model.Message{{Role: model.RoleUser, Text: "Say OK."}}, MaxTokens: 5,
	}, nil)
	if err != nil {
		e.problem("model", err.Error(), "until then answers are sentences of the documents")
		return
	}
	e.ok("model", "%s answered in %s", generator.Name(), time.Since(began).Round(10*time.Millisecond))
}

func (p *program) examineStore(ctx context.Context, e *examination, embedder model.Embedder, repair bool) {
	if repair {
		done, lost, err := p.repair(ctx)
		if err != nil {
			e.problem("repair", err.Error(), "restore a backup, or index again into a new collection")
			return
		}
		for _, line := range done {
			e.ok("repair", "%s", line)
		}
		for _, line := range lost {
			e.problem("repair", line, "restore a backup, or `lore index FOLDER` reads it again")
		}
	}
	st, err := p.openStore(ctx, reading, embedder)
	var mismatch *store.ModelMismatchError
	if errors.As(err, &mismatch) {
		e.problem("index", err.Error(), "")
		st, err = p.openStore(ctx, reading, nil)
	}
	if err != nil {
		e.problem("index", err.Error(), "")
		return
	}
	defer st.Close()
	stats, err := st.Stats(ctx)
	if err != nil {
		e.problem("index", err.Error(), "restore a backup, or index again into a new collection")
		return
	}
	e.ok("index", "%s in %s: %d documents, %d chunks, %d with vectors", p.cfg.Collection, p.place(), stats.Documents, stats.Points, stats.Embedded)
	if stats.Failed > 0 {
		e.note("index", plural(stats.Failed, "document")+" could not be read", "`lore ls --failed` lists them")
	}
	if stats.Model.Fingerprint != "" && stats.Embedded < stats.Points {
		e.note("index", plural(stats.Points-stats.Embedded, "chunk")+" without a vector", "`lore index` makes the rest")
	}
	problems, err := check(ctx, st)
	if err != nil {
		e.problem("index", err.Error(), "")
		return
	}
	for _, problem := range problems {
		e.problem("index", problem.What, problem.Fix)
	}
	settings, err := st.Settings(ctx)
	if err != nil {
		e.problem("index", err.Error(), "")
		return
	}
	for _, root := range settings.Roots {
		if dir := displayURI(root.URI); filepath.IsAbs(dir) && !exists(dir) {
			e.note("folder", dir+" is not there", "its documents stay in the index; `lore rm "+dir+"` removes them")
		}
	}
}

// tools are programs that lore uses when they are installed.
var tools = []struct{ command, use string }{
	{"tesseract", "text in pictures and scans"},
	{"soffice", "old Office formats"},
}

func examineTools(e *examination) {
	for _, tool := range tools {
		if path, err := exec.LookPath(tool.command); err == nil {
			e.ok(tool.command, "%s: %s", path, tool.use)
		} else {
			e.note(tool.command, "not installed: "+tool.use+" cannot be read", "")
		}
	}
}

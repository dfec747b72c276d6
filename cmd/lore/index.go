package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/store"
)

// indexFlags are the flags of `index`.
type indexFlags struct {
	include, exclude, labels []string
	watch, dryRun, rebuild   bool
	noWait, allowEmpty       bool
	asJSON                   bool
}

func (p *program) indexCommand() *cobra.Command {
	var f indexFlags
	cmd := &cobra.Command{
		Use:     "index [PATH]...",
		Aliases: []string{"ingest"},
		Short:   "Index folders and files, or bring them up to date",
		Long: `Index folders and files, or bring them up to date.

Files that did not change are not read again; files that are gone are removed
from the index; a file that cannot be read is listed and stops nothing. Folders
are remembered: without a PATH all of them are brought up to date. Hidden files
and what .gitignore and .loreignore name are left out.

Documents can be found by their words at once; vectors, for search by meaning
and across languages, follow. Both can be interrupted at any moment and go on
with the next run.`,
		RunE: func(cmd *cobra.Command, args []string) error { return p.index(cmd.Context(), args, f) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.include, "include", nil, "index only files that fit this `GLOB`, such as '*.md' or 'docs/**'; may be given several times")
	flags.StringArrayVar(&f.exclude, "exclude", nil, "leave out what fits this `GLOB`")
	flags.StringArrayVar(&f.labels, "label", nil, "label the documents with `KEY=VALUE`, to filter by later")
	flags.BoolVar(&f.watch, "watch", false, "stay and keep the index up to date while files change")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would be done and do nothing")
	flags.BoolVar(&f.rebuild, "rebuild", false, "read every file again, even if it did not change")
	flags.BoolVar(&f.noWait, "no-wait", false, "leave the vectors to the next run or to \"lore serve\"")
	flags.BoolVar(&f.allowEmpty, "allow-empty", false, "let a folder that is empty now remove all its documents")
	flags.BoolVar(&f.asJSON, "json", false, "print the report as JSON")
	settingFlag(cmd, "transcriber", "")
	settingFlag(cmd, "captioner", "")
	settingFlag(cmd, "password_file", "")
	p.lockTimeoutFlag(cmd)
	return cmd
}

func (p *program) index(ctx context.Context, paths []string, f indexFlags) error {
	labels, err := parseLabels(f.labels)
	if err != nil {
		return err
	}
	for _, path := range paths {
		if path == "" {
			return usagef("a path is empty; name a folder or file")
		}
		if !exists(path) {
			return fmt.Errorf("%s: no such file or folder", path)
		}
	}
	embedder, err := p.writeEmbedder(ctx)
	if err != nil {
		return err
	}
	how := creating
	if len(paths) == 0 {
		how = writing
	}
	p.turns = f.watch
	st, embedder, err := p.openToIndex(ctx, how, embedder, f.dryRun)
	if err != nil {
		return err
	}
	defer st.Close()
	pool, err := p.readers()
	if err != nil {
		return err
	}
	defer pool.Close()
	transcriber, err := p.transcriber()
	if err != nil {
		return err
	}

	sources, err := p.sources(ctx, st, paths, f, labels)
	if err != nil {
		return err
	}
	shown := p.progress()
	syncer := ingest.NewSyncer(st, pool, &ingest.SyncOptions{
		Collection: p.cfg.Collection, Embedder: embedder, Supported: pool.Supported, Transcriber: transcriber, Recording: extract.Recording,
		Rebuild: f.rebuild, DryRun: f.dryRun, AllowEmpty: f.allowEmpty, NoWait: f.noWait,
		Progress: func(at ingest.Progress) {
			if !p.quiet {
				shown.show(at)
			}
		},
	})
	total := &ingest.Report{Skipped: map[ingest.SkipReason]int{}}
	var failures []error
	for _, src := range sources {
		report, err := syncer.Sync(ctx, src)
		shown.clear()
		addReport(total, report)
		if ctx.Err() != nil {
			p.printSummary(total)
			p.note("interrupted; what was done is kept, and `lore index` goes on from here")
			return &exitError{exitInterrupted, nil}
		}
		if err != nil {
			failures = append(failures, err)
		}
	}
	if f.asJSON {
		if err := printJSON(p.out, reportJSON(total, f.dryRun)); err != nil {
			return err
		}
	} else {
		p.printReport(total, f.dryRun)
	}
	if len(failures) > 0 {
		return errors.Join(failures...)
	}
	if nothing(total) && !f.watch {
		return fmt.Errorf("no documents found in %s%s", strings.Join(places(sources), ", "), skippedText(total.Skipped, " (", ")"))
	}
	if f.watch {
		return p.watch(ctx, syncer, sources)
	}
	if total.Failed > 0 {
		return &exitError{exitPartial, nil}
	}
	return nil
}

// writeEmbedder is embedder for commands that write: a server that is down
// leaves the vectors for later.
func (p *program) writeEmbedder(ctx context.Context) (model.Embedder, error) {
	e, err := p.embedder(ctx)
	var failure *model.Error
	if errors.As(err, &failure) {
		p.note("note: no vectors for now: %v", err)
		return nil, nil
	}
	return e, err
}

// sources opens what is to be indexed: the paths, or the remembered roots.
func (p *program) sources(ctx context.Context, st store.Store, paths []string, f indexFlags, labels map[string]string) ([]ingest.Source, error) {
	var sources []ingest.Source
	apart := []string{absolute(p.cfg.Data)}
	for _, path := range paths {
		src, err := ingest.OpenFolder(path, &ingest.FolderOptions{Include: f.include, Exclude: f.exclude, Labels: labels, Apart: apart})
		if err != nil {
			return nil, err
		}
		sources = append(sources, src)
	}
	if len(paths) > 0 {
		return sources, nil
	}
	settings, err := st.Settings(ctx)
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	if len(settings.Roots) == 0 {
		return nil, usagef("no folder is remembered yet; name one: `lore index FOLDER`")
	}
	missing := 0
	for _, root := range settings.Roots {
		src, err := p.openRoot(root, apart)
		if err != nil {
			missing++
			p.note("skipped: %v; its documents stay in the index (`lore rm %s` removes them)", err, displayURI(root.URI))
			continue
		}
		sources = append(sources, src)
	}
	if len(sources) == 0 {
		if missing == 1 {
			return nil, errors.New("the remembered folder is not there")
		}
		return nil, fmt.Errorf("none of the %d remembered folders is there", missing)
	}
	return sources, nil
}

func (p *program) openRoot(root store.Root, apart []string) (ingest.Source, error) {
	if dir := displayURI(root.URI); !exists(dir) {
		return nil, fmt.Errorf("%s is not there", dir)
	}
	return ingest.OpenRoot(root, &ingest.FolderOptions{Apart: apart})
}

func parseLabels(values []string) (map[string]string, error) {
	if len(values) == 0 {
		return nil, nil
	}
	labels := map[string]string{}
	for _, v := range values {
		key, value, ok := strings.Cut(v, "=")
		if !ok || key == "" {
			return nil, usagef("--label %q: write it as KEY=VALUE", v)
		}
		labels[key] = value
	}
	return labels, nil
}

func addReport(total, r *ingest.Report) {
	total.New += r.New
	total.Updated += r.Updated
	total.Unchanged += r.Unchanged
	total.Removed += r.Removed
	total.Failed += r.Failed
	total.Renamed += r.Renamed
	total.Embedded += r.Embedded
	total.Pending = r.Pending
	total.Bytes += r.Bytes
	total.Chunks += r.Chunks
	total.Elapsed += r.Elapsed
	for reason, n := range r.Skipped {
		total.Skipped[reason] += n
	}
	total.Failures = append(total.Failures, r.Failures...)
	total.Remarks = append(total.Remarks, r.Remarks...)
	total.Warnings = append(total.Warnings, r.Warnings...)
}

func nothing(r *ingest.Report) bool {
	return r.New+r.Updated+r.Unchanged+r.Removed+r.Failed == 0 && len(r.Warnings) == 0
}

func places(sources []ingest.Source) []string {
	var names []string
	for _, src := range sources {
		name := displayURI(src.Root().URI)
		if folder, ok := src.(*ingest.Folder); ok && folder.Scope() != "" {
			name = filepath.Join(name, filepath.FromSlash(folder.Scope()))
		}
		names = append(names, printable(name))
	}
	return names
}

// printReport prints what happened: failures and warnings for people, the
// summary line as the result.
func (p *program) printReport(r *ingest.Report, dryRun bool) {
	for _, failure := range r.Failures {
		fmt.Fprintf(p.err, "failed: %s: %s\n", printable(failure.Path), printable(failure.Reason))
	}
	p.printRemarks(r.Remarks)
	for _, warning := range r.Warnings {
		fmt.Fprintf(p.err, "warning: %s\n", warning)
	}
	if text := skippedText(r.Skipped, "skipped: ", ""); text != "" {
		p.note("%s", text)
	}
	if dryRun {
		p.note("dry run: nothing was changed")
	}
	p.printSummary(r)
	if r.Pending > 0 && !dryRun {
		p.note("%s still without a vector; `lore index` makes the rest", plural(r.Pending, "chunk"))
	}
}

// printRemarks says what of documents could not be read; in one line unless
// details are wanted.
func (p *program) printRemarks(remarks []ingest.Failure) {
	documents := map[string]bool{}
	for _, r := range remarks {
		documents[r.Path] = true
		if p.verbose {
			fmt.Fprintf(p.err, "partly read: %s: %s\n", printable(r.Path), printable(r.Reason))
		}
	}
	switch n := len(documents); {
	case n == 0 || p.verbose:
	case n == 1:
		p.note("partly read: %s: %s", printable(remarks[0].Path), printable(remarks[0].Reason))
	default:
		p.note("partly read: %d documents, such as %s: %s; `lore index -v` names all when it reads them, `lore extract FILE` those of one", n, printable(remarks[0].Path), printable(remarks[0].Reason))
	}
}

func (p *program) printSummary(r *ingest.Report) {
	renamed := ""
	if r.Renamed > 0 {
		renamed = fmt.Sprintf(" (%d renamed)", r.Renamed)
	}
	fmt.Fprintf(p.out, "%d new%s, %d updated, %d unchanged, %d removed, %d failed\n", r.New, renamed, r.Updated, r.Unchanged, r.Removed, r.Failed)
}

// skippedText lists how many files were left out and why.
func skippedText(skipped map[ingest.SkipReason]int, before, after string) string {
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(skipped)) {
		if skipped[reason] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", skipped[reason], reason))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return before + strings.Join(parts, ", ") + after
}

// reportedFailure is a failure in `index --json`.
type reportedFailure struct {
	Path  string `json:"path"`
	Error string `json:"error"`
}

func reportJSON(r *ingest.Report, dryRun bool) map[string]any {
	failures := []reportedFailure{}
	for _, f := range r.Failures {
		failures = append(failures, reportedFailure{f.Path, f.Reason})
	}
	return map[string]any{
		"new": r.New, "updated": r.Updated, "unchanged": r.Unchanged, "removed": r.Removed, "failed": r.Failed, "renamed": r.Renamed,
		"skipped": r.Skipped, "failures": failures, "warnings": append([]string{}, r.Warnings...), "dry_run": dryRun,
		"chunks": r.Chunks, "bytes": r.Bytes, "embedded": r.Embedded, "pending": r.Pending, "elapsed_ms": r.Elapsed.Milliseconds(),
	}
}

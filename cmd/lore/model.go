package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/store"
)

func (p *program) modelCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "model",
		Short: "See or change the embedding model of a collection",
	}
	cmd.AddCommand(p.modelStatusCommand(), p.modelSwitchCommand())
	return cmd
}

// switchFlags are the flags of `model switch`.
type switchFlags struct {
	noWait, rollback, abandon, forget bool
}

func (p *program) modelSwitchCommand() *cobra.Command {
	var f switchFlags
	cmd := &cobra.Command{
		Use:   "switch [NAME]",
		Short: "Change the embedding model of a collection without downtime",
		Long: `Change the embedding model of a collection to NAME: builtin, ollama:NAME or
openai:NAME; without one, to the embedder of the settings.

The vectors of the new model are built beside the old ones, which go on answering;
when they are complete, the collection changes over in one step. It can be
interrupted at any moment and goes on with the next run. Other commands that write
to the same collection in a data folder wait until it ends or is interrupted.

Afterwards commands need the new embedder (--embedder, LORE_EMBEDDER or the
configuration file), and servers have to be started again with it. The old vectors
are kept for --rollback until the next switch or until --forget.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := p.cfg.Embedder
			if len(args) > 0 {
				name = args[0]
			}
			chosen := 0
			for _, flag := range []bool{f.rollback, f.abandon, f.forget} {
				if flag {
					chosen++
				}
			}
			if chosen > 1 || chosen == 1 && (len(args) > 0 || f.noWait) {
				return usagef("--rollback, --abandon and --forget stand alone, without NAME and without each other")
			}
			return p.modelSwitch(cmd.Context(), name, f)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.noWait, "no-wait", false, "change over at once; the next `lore index` makes the vectors, until then search is by words")
	flags.BoolVar(&f.rollback, "rollback", false, "return to the model before the last switch")
	flags.BoolVar(&f.abandon, "abandon", false, "end a switch that is under way and delete what it has built")
	flags.BoolVar(&f.forget, "forget", false, "delete the vectors that are kept for --rollback")
	p.lockTimeoutFlag(cmd)
	return cmd
}

func (p *program) modelSwitch(ctx context.Context, name string, f switchFlags) error {
	st, err := p.openStore(ctx, writing, nil)
	if err != nil {
		return err
	}
	defer st.Close()
	switcher, ok := st.(store.Switcher)
	if !ok {
		return errors.New("this store cannot change its model")
	}
	switch {
	case f.rollback:
		err = p.rollback(ctx, switcher)
	case f.abandon:
		err = p.abandon(ctx, switcher)
	case f.forget:
		if err = switcher.DropPrevious(ctx); err == nil {
			p.note("no earlier model is kept any more")
		}
	default:
		err = p.switchTo(ctx, st, switcher, name, f.noWait)
	}
	return err
}

func (p *program) abandon(ctx context.Context, switcher store.Switcher) error {
	status, err := switcher.Switching(ctx)
	if err != nil {
		return err
	}
	if status.Next == (store.Model{}) {
		p.note("no switch is under way")
		return nil
	}
	w, err := switcher.BeginSwitch(ctx, status.Next)
	if err == nil {
		err = w.Abandon(ctx)
	}
	if err != nil {
		return err
	}
	p.note("the switch to %s is abandoned; collection %q keeps %s", status.Next.Fingerprint, p.cfg.Collection, orNone(status.Current))
	return nil
}

func (p *program) rollback(ctx context.Context, switcher store.Switcher) error {
	status, err := switcher.Switching(ctx)
	if err != nil {
		return err
	}
	if status.Next != (store.Model{}) && status.Next != status.Previous {
		return fmt.Errorf("a switch to %s is under way; `lore model switch --abandon` ends it", status.Next.Fingerprint)
	}
	if err := switcher.Rollback(ctx); err != nil {
		return err
	}
	return p.switched(ctx, embedderName(status.Previous.Fingerprint))
}

// switchTo gives the collection the model of an embedder.
func (p *program) switchTo(ctx context.Context, st store.Store, switcher store.Switcher, name string, noWait bool) error {
	if name == "none" {
		return usagef("none is no model to switch to: search by words alone with --embedder none, any collection allows it")
	}
	embedder, err := p.embedderNamed(ctx, name, "`lore model switch`")
	if err != nil {
		return err
	}
	target := modelOf(embedder)
	status, err := switcher.Switching(ctx)
	if err != nil {
		return err
	}
	if status.Current == target {
		p.note("collection %q has this model already: %s", p.cfg.Collection, target.Fingerprint)
		return nil
	}
	if status.Next != (store.Model{}) && status.Next != target {
		return underWay(status.Next)
	}
	w, err := switcher.BeginSwitch(ctx, target)
	if err == nil && !noWait {
		shown := p.progress()
		err = fillSwitch(ctx, st, switcher, w, func(to ingest.Vectors) (ingest.Filled, error) {
			defer shown.clear()
			return ingest.Fill(ctx, to, embedder, &ingest.FillOptions{Progress: func(at ingest.Progress) {
				if !p.quiet {
					shown.show(at)
				}
			}})
		}, func(warning string) { fmt.Fprintf(p.err, "warning: %s\n", warning) })
	}
	if err == nil {
		err = w.Commit(ctx)
	}
	if err != nil && ctx.Err() != nil {
		p.note("interrupted; what was done is kept and %s goes on answering; `lore model switch %s` goes on from here", orNone(status.Current), name)
		return &exitError{exitInterrupted, nil}
	}
	var incomplete *incompleteError
	if errors.As(err, &incomplete) {
		return fmt.Errorf("not switched, %s goes on answering: %s; run `lore model switch %s` again to go on from there", orNone(status.Current), incomplete.warning, name)
	}
	if err != nil {
		return err
	}
	return p.switched(context.WithoutCancel(ctx), name)
}

// incompleteError says why vectors of a switch are missing.
type incompleteError struct{ warning string }

func (e *incompleteError) Error() string { return e.warning }

// switchRounds is how often fillSwitch looks for what others have written
// meanwhile; what comes later waits for its vectors like any new document.
const switchRounds = 3

// fillSwitch fills the vectors of a switch. Texts that the embedder refuses do
// not hold it up.
func fillSwitch(ctx context.Context, st store.Store, switcher store.Switcher, w store.Switch, fill func(ingest.Vectors) (ingest.Filled, error), warn func(string)) error {
	for range switchRounds {
		filled, err := fill(switchVectors{w, switcher, st})
		if err != nil {
			return err
		}
		if filled.Pending > filled.Refused {
			if filled.Warning != "" {
				return &incompleteError{filled.Warning}
			}
		} else if filled.Warning != "" {
			warn(filled.Warning)
			return nil
		}
		if err := w.Sync(ctx); err != nil {
			return err
		}
		pending, err := w.Pending(ctx, 1)
		if err != nil || len(pending) == 0 {
			return err
		}
	}
	return nil
}

// switchVectors lets a switch be filled like a store.
type switchVectors struct {
	store.Switch
	switcher store.Switcher
	store    store.Store
}

func (v switchVectors) Settings(ctx context.Context) (store.Settings, error) {
	return v.store.Settings(ctx)
}

func (v switchVectors) SetSettings(ctx context.Context, s store.Settings) error {
	return v.store.SetSettings(ctx, s)
}

func (v switchVectors) Stats(ctx context.Context) (store.Stats, error) {
	status, err := v.switcher.Switching(ctx)
	return store.Stats{Points: status.Points, Embedded: status.Embedded}, err
}

// switched says what the collection has now and what that asks of its users.
func (p *program) switched(ctx context.Context, name string) error {
	st, err := p.openStore(ctx, reading, nil)
	if err != nil {
		return err
	}
	defer st.Close()
	stats, err := st.Stats(ctx)
	if err != nil {
		return fmt.Errorf("read counts: %w", err)
	}
	fmt.Fprintf(p.out, "collection %q has model %s: %d of %s with vectors\n", p.cfg.Collection, orNone(stats.Model), stats.Embedded, plural(stats.Points, "chunk"))
	if name != p.cfg.Embedder {
		p.note("it needs --embedder %s from now on; set LORE_EMBEDDER=%s or `embedder` in the configuration file, and start servers again", name, name)
	} else {
		p.note("servers have to be started again")
	}
	if stats.Embedded < stats.Points {
		p.note("`lore --embedder %s index` makes the vectors that are missing", name)
	}
	if switcher, ok := st.(store.Switcher); ok {
		status, err := switcher.Switching(ctx)
		if err != nil {
			return err
		}
		if status.Previous != (store.Model{}) {
			p.note("`lore model switch --rollback` returns to %s; `lore model switch --forget` deletes its vectors", status.Previous.Fingerprint)
		}
	}
	return nil
}

func (p *program) modelStatusCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say which embedding model a collection has, and how far a switch is",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			st, err := p.openStore(cmd.Context(), reading, nil)
			if err != nil {
				return err
			}
			defer st.Close()
			switcher, ok := st.(store.Switcher)
			if !ok {
				return errors.New("this store cannot change its model")
			}
			status, err := switcher.Switching(cmd.Context())
			if err != nil {
				return err
			}
			stats, err := st.Stats(cmd.Context())
			if err != nil {
				return fmt.Errorf("read counts: %w", err)
			}
			if asJSON {
				return printJSON(p.out, modelStatusJSON(p.cfg.Collection, status, stats))
			}
			p.printModelStatus(status, stats)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *program) printModelStatus(status store.SwitchStatus, stats store.Stats) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(p.out, "%-12s%s\n", name, fmt.Sprintf(format, args...))
	}
	line("collection", "%s (%s)", p.cfg.Collection, p.place())
	if status.Current == (store.Model{}) {
		line("model", "none: search is by words alone")
	} else {
		line("model", "%s, %d dimensions; needs --embedder %s", status.Current.Fingerprint, status.Current.Dimension, embedderName(status.Current.Fingerprint))
		line("vectors", "%d of %d", stats.Embedded, stats.Points)
	}
	if status.Next != (store.Model{}) {
		line("next", "%s, %d of %d vectors; `lore model switch %s` goes on", status.Next.Fingerprint, status.Embedded, status.Points, embedderName(status.Next.Fingerprint))
	}
	if status.Previous != (store.Model{}) {
		line("previous", "%s; `lore model switch --rollback` returns to it", status.Previous.Fingerprint)
	}
}

// reportedModel is a model in `model status --json`.
type reportedModel struct {
	Fingerprint string `json:"fingerprint"`
	Dimension   int    `json:"dimension"`
	Embedder    string `json:"embedder"` // what --embedder has to say
	Chunks      int    `json:"chunks"`
	Embedded    int    `json:"embedded"`
}

func modelStatusJSON(collection string, status store.SwitchStatus, stats store.Stats) map[string]any {
	report := func(m store.Model, chunks, embedded int) *reportedModel {
		if m == (store.Model{}) {
			return nil
		}
		return &reportedModel{m.Fingerprint, m.Dimension, embedderName(m.Fingerprint), chunks, embedded}
	}
	var previous any
	if m := status.Previous; m != (store.Model{}) {
		previous = map[string]any{"fingerprint": m.Fingerprint, "dimension": m.Dimension, "embedder": embedderName(m.Fingerprint)}
	}
	return map[string]any{
		"collection": collection, "current": report(status.Current, stats.Points, stats.Embedded),
		"next": report(status.Next, status.Points, status.Embedded), "previous": previous,
	}
}

// orNone names a model for people.
func orNone(m store.Model) string {
	if m == (store.Model{}) {
		return "no model"
	}
	return m.Fingerprint
}

// embedderName is what --embedder has to say for a model: the beginning of its
// fingerprint.
func embedderName(fingerprint string) string {
	if builtIn(fingerprint) {
		if strings.Contains(fingerprint, ":means-") && !strings.Contains(fingerprint, ":rows-") {
			return "builtin:norows"
		}
		return "builtin"
	}
	for range 2 { // dimension and prefixes
		if i := strings.LastIndexByte(fingerprint, '/'); i > 0 {
			fingerprint = fingerprint[:i]
		}
	}
	return fingerprint
}

func builtIn(fingerprint string) bool { return strings.HasPrefix(fingerprint, "builtin:") }

// otherModelError is a *store.ModelMismatchError that names what to type.
type otherModelError struct {
	text string
	err  error
}

func (e *otherModelError) Error() string { return e.text }
func (e *otherModelError) Unwrap() error { return e.err }

// underWay is the error of a switch that another one is in the way of.
func underWay(next store.Model) error {
	return fmt.Errorf("a switch to %s is under way; finish it with `lore model switch %s`, or end it with `lore model switch --abandon`",
		next.Fingerprint, embedderName(next.Fingerprint))
}

// explainMismatch says what to do about a collection of another model.
func (p *program) explainMismatch(m *store.ModelMismatchError) error {
	stored, want := embedderName(m.Stored.Fingerprint), embedderName(m.Want.Fingerprint)
	if stored == want {
		text := fmt.Sprintf("collection %q was embedded by another version or with other prefixes of %s (%s) than the present (%s)", m.Collection, stored, m.Stored.Fingerprint, m.Want.Fingerprint)
		if builtIn(m.Stored.Fingerprint) {
			text = fmt.Sprintf("collection %q was embedded by the built-in encoder of another version of lore (%s, this one has %s)", m.Collection, m.Stored.Fingerprint, m.Want.Fingerprint)
		}
		return &otherModelError{fmt.Sprintf("%s; run `lore model switch %s`; until then --embedder none searches by words", text, want), m}
	}
	return &otherModelError{fmt.Sprintf("collection %q holds vectors of model %s (%d dimensions), not of %s (%d); run `lore model switch %s`, or keep the first with --embedder %s",
		m.Collection, m.Stored.Fingerprint, m.Stored.Dimension, m.Want.Fingerprint, m.Want.Dimension, want, stored), m}
}

package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lore-kb/lore/eval"
	"github.com/lore-kb/lore/store"
)

func (p *program) evalInitCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "init [FOLDER]",
		Short: "Make a question set of your own documents, to fill in",
		Long: `Make a question set of the indexed documents of FOLDER, or of the whole
collection, in FOLDER-questions (or the folder that --out names). Its README says
how to fill it in; then "lore eval retrieval" and "lore eval answers" measure on it.

Run it again when documents have changed: the documents are written anew, what you
filled in is kept.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && out == "" {
				return usagef("name a FOLDER that is indexed, or where to write with --out")
			}
			ctx := cmd.Context()
			st, err := p.openStore(ctx, reading, nil)
			if err != nil {
				return err
			}
			defer st.Close()
			settings, err := st.Settings(ctx)
			if err != nil {
				return fmt.Errorf("read settings: %w", err)
			}
			roots, documents, err := p.selection(cmd, st, settings, args, store.Filter{})
			if err != nil {
				return err
			}
			if out == "" {
				out = absolute(args[0]) + "-questions"
			}
			n, err := eval.Init(ctx, st, store.Filter{Roots: roots, Documents: documents}, out)
			if errors.Is(err, eval.ErrNoDocuments) {
				return errors.New("none of the documents there could be read; `lore ls --failed` says why")
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(p.out, "%s: %s\n", out, plural(n, "document"))
			p.note("replace the examples in queries.jsonl and qrels/test.tsv by your own; README.md there says how")
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "write into this `FOLDER`")
	return cmd
}

package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lore-kb/lore/store"
)

func (p *program) rmCommand() *cobra.Command {
	var all, dryRun bool
	var filters []string
	cmd := &cobra.Command{
		Use:   "rm [PATH | ID]...",
		Short: "Remove documents from the index; files stay as they are",
		Long: `Remove documents from the index; files stay as they are.

A PATH is a folder or file that was indexed, or a document's path as "lore ls"
shows it. A removed root is forgotten: a later "lore index" without a path does
not bring it back. A removed file inside a root comes back with the next index;
list it in .loreignore to keep it out. With --filter, only what fits it goes.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := parseFilter(filters)
			if err != nil {
				return err
			}
			switch {
			case all && (len(args) > 0 || !filter.Empty()):
				return usagef("--all removes everything; leave it out, or name nothing else")
			case len(args) == 0 && filter.Empty() && !all:
				return usagef("name what to remove, or say --all")
			case slices.Contains(args, ""):
				return usagef("a name is empty; name what to remove")
			}
			ctx := cmd.Context()
			st, err := p.openStore(ctx, writing, nil)
			if err != nil {
				return err
			}
			defer st.Close()
			settings, err := st.Settings(ctx)
			if err != nil {
				return fmt.Errorf("read settings: %w", err)
			}
			roots, documents, err := p.selection(cmd, st, settings, args, filter)
			if err != nil {
				return err
			}
			filters := []store.Filter{}
			switch {
			case all:
				filters = append(filters, store.Filter{All: true})
			case len(args) == 0:
				filters = append(filters, filter)
			}
			if len(roots) > 0 {
				filters = append(filters, store.Filter{Roots: roots})
			}
			slices.Sort(documents)
			if documents = slices.Compact(documents); len(documents) > 0 {
				filters = append(filters, store.Filter{Documents: documents})
			}
			removed := 0
			for _, f := range filters {
				if dryRun {
					for info, err := range st.Documents(ctx, f) {
						if err != nil {
							return fmt.Errorf("list documents: %w", err)
						}
						fmt.Fprintln(p.out, printable(info.Path))
						removed++
					}
					continue
				}
				n, err := st.Remove(ctx, f)
				if err != nil {
					return fmt.Errorf("remove documents: %w", err)
				}
				removed += n
			}
			if dryRun {
				p.note("%s would be removed", plural(removed, "document"))
				return nil
			}
			kept := slices.DeleteFunc(slices.Clone(settings.Roots), func(r store.Root) bool { return all || slices.Contains(roots, r.ID) })
			if len(kept) != len(settings.Roots) {
				settings.Roots = kept
				if err := st.SetSettings(ctx, settings); err != nil {
					return fmt.Errorf("forget roots: %w", err)
				}
			}
			fmt.Fprintf(p.out, "%s removed\n", plural(removed, "document"))
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "remove everything in the collection")
	cmd.Flags().BoolVarP(&dryRun, "dry-run", "n", false, "only list what would go")
	filterFlag(cmd, &filters)
	return cmd
}

// selection resolves arguments to roots and documents; one that fits nothing is
// an error, so that a typing mistake removes nothing. With a filter, only the
// documents below the arguments that it lets through are selected, and no root.
func (p *program) selection(cmd *cobra.Command, st store.Store, settings store.Settings, args []string, filter store.Filter) (roots, documents []string, err error) {
	if len(args) == 0 {
		return nil, nil, nil
	}
	all := []store.DocumentInfo{}
	for info, err := range st.Documents(cmd.Context(), filter) {
		if err != nil {
			return nil, nil, fmt.Errorf("list documents: %w", err)
		}
		all = append(all, info)
	}
	for _, arg := range args {
		abs := filepath.ToSlash(absolute(arg))
		found := false
		for _, root := range settings.Roots {
			if filter.Empty() && strings.TrimRight(displayURI(root.URI), "/") == abs {
				roots, found = append(roots, root.ID), true
			}
		}
		whole := found
		for _, info := range all {
			uri := displayURI(info.URI)
			if !whole && (info.ID == arg || info.Path == arg || strings.HasPrefix(info.Path, strings.TrimRight(arg, "/")+"/") ||
				uri == abs || strings.HasPrefix(uri, abs+"/")) {
				documents, found = append(documents, info.ID), true
			}
		}
		if !found && !filter.Empty() {
			return nil, nil, fmt.Errorf("%s: no indexed document of this name fits the filter; `lore ls` lists them", arg)
		}
		if !found {
			return nil, nil, fmt.Errorf("%s: no indexed document or root of this name; `lore ls` lists them", arg)
		}
	}
	return roots, documents, nil
}

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/lore-kb/lore/store"
)

func (p *program) collectionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "collection",
		Short: "List, make and remove collections",
		Long: `List, make and remove collections: named sets of documents beside each other.
Every command takes --collection NAME to work with one; "lore index" makes it.`,
	}
	cmd.AddCommand(p.collectionListCommand(), p.collectionCreateCommand(), p.collectionRemoveCommand())
	return cmd
}

// listedCollection is a line of `collection ls --json`.
type listedCollection struct {
	Name      string `json:"name"`
	Documents int    `json:"documents"`
	Failed    int    `json:"failed"`
	Chunks    int    `json:"chunks"`
	Embedded  int    `json:"embedded"`
	Bytes     int64  `json:"bytes"`
	Error     string `json:"error,omitempty"`
}

func (p *program) collectionListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the collections with their counts",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			names, err := p.collectionNames(ctx)
			if err != nil {
				return err
			}
			list := []listedCollection{}
			for _, name := range names {
				one := listedCollection{Name: name}
				stats, err := func() (store.Stats, error) {
					st, err := p.openNamed(ctx, name, reading, store.Model{})
					if err != nil {
						return store.Stats{}, err
					}
					defer st.Close()
					return st.Stats(ctx)
				}()
				if err != nil { // the others can be listed all the same
					one.Error = oneLine(err.Error())
				}
				one.Documents, one.Failed, one.Chunks, one.Embedded, one.Bytes = stats.Documents, stats.Failed, stats.Points, stats.Embedded, stats.Bytes
				list = append(list, one)
			}
			if asJSON {
				encoder := json.NewEncoder(p.out)
				encoder.SetIndent("", "  ")
				return encoder.Encode(list)
			}
			if len(list) == 0 {
				p.note("no collections; `lore index FOLDER` makes one")
				return nil
			}
			w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tDOCUMENTS\tFAILED\tCHUNKS\tWITH VECTORS")
			for _, c := range list {
				if c.Error != "" {
					fmt.Fprintf(w, "%s\t%s\n", c.Name, c.Error)
					continue
				}
				fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\n", c.Name, c.Documents, c.Failed, c.Chunks, c.Embedded)
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *program) collectionCreateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make an empty collection",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			names, err := p.collectionNames(ctx)
			if err != nil {
				return err
			}
			if slices.Contains(names, args[0]) {
				return fmt.Errorf("there is a collection %s", printable(args[0]))
			}
			embedder, err := p.embedder(ctx)
			if err != nil {
				return err
			}
			st, err := p.openNamed(ctx, args[0], creating, modelOf(embedder))
			if err != nil {
				return err
			}
			return st.Close()
		},
	}
	p.lockTimeoutFlag(cmd)
	return cmd
}

func (p *program) collectionRemoveCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "rm NAME",
		Short: "Remove a collection and the files that were uploaded into it",
		Long: `Remove a collection and the files that were uploaded into it. Folders that were
indexed stay where they are. A server that has it open must be stopped first, or
asked itself.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := args[0]
			names, err := p.collectionNames(cmd.Context())
			if err != nil {
				return err
			}
			if !slices.Contains(names, name) {
				return fmt.Errorf("no collection %s; `lore collection ls` lists them", printable(name))
			}
			if !yes {
				if !terminal(p.out) {
					return usagef("this removes the collection %s; say --yes to do it", printable(name))
				}
				fmt.Fprintf(p.err, "Remove the collection %s and its uploads? [y/N] ", printable(name))
				line, _ := bufio.NewReader(p.in).ReadString('\n')
				if answer := strings.ToLower(strings.TrimSpace(line)); answer != "y" && answer != "yes" {
					return errors.New("nothing was removed")
				}
			}
			if err := p.removeCollection(cmd.Context(), name); err != nil {
				return err
			}
			if err := os.RemoveAll(filepath.Join(p.cfg.Data, "uploads", name)); err != nil {
				return fmt.Errorf("remove uploads of %s: %w", name, err)
			}
			p.note("removed")
			return nil
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

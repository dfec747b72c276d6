package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lore-kb/lore/store"
)

// listedDocument is a line of `ls --json`.
type listedDocument struct {
	ID       string            `json:"id"`
	URI      string            `json:"uri"`
	Path     string            `json:"path"`
	Title    string            `json:"title"`
	Type     string            `json:"type"`
	Language string            `json:"language"`
	Version  string            `json:"version"`
	Bytes    int               `json:"bytes"`
	Chunks   int               `json:"chunks"`
	Embedded int               `json:"embedded"`
	Status   store.Status      `json:"status"`
	Error    string            `json:"error"`
	Labels   map[string]string `json:"labels,omitempty"`
}

func (p *program) lsCommand() *cobra.Command {
	var asJSON, failed bool
	var filters []string
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the indexed documents",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := parseFilter(filters)
			if err != nil {
				return err
			}
			if failed {
				filter.Statuses = []store.Status{store.StatusFailed, store.StatusStale}
			}
			st, err := p.openStore(cmd.Context(), reading, nil)
			if err != nil {
				return err
			}
			defer st.Close()
			documents := []listedDocument{}
			for info, err := range st.Documents(cmd.Context(), filter) {
				if err != nil {
					return fmt.Errorf("list documents: %w", err)
				}
				documents = append(documents, listedDocument{
					ID: info.ID, URI: info.URI, Path: info.Path, Title: info.Title, Type: info.MediaType, Language: info.Language,
					Version: info.Version, Bytes: info.Bytes, Chunks: info.Chunks, Embedded: info.Embedded,
					Status: info.Status, Error: info.Reason, Labels: info.Labels,
				})
			}
			if asJSON {
				return printJSON(p.out, map[string]any{"documents": documents})
			}
			st2 := p.style()
			for _, d := range documents {
				state := plural(d.Chunks, "chunk")
				if d.Status != store.StatusOK {
					state = st2.yellow(string(d.Status) + ": " + printable(d.Error))
				}
				fmt.Fprintf(p.out, "%s  %s  %s\n", printable(d.Path), st2.dim(printable(d.Title)), state)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&failed, "failed", false, "only documents that could not be read in their newest version")
	filterFlag(cmd, &filters)
	return cmd
}

// printJSON writes a value as indented JSON, without escaping what is not HTML.
func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// bytesText writes a size for people.
func bytesText(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f kB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
}

// plural writes a count with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "y"); ok {
		return fmt.Sprintf("%d %sies", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

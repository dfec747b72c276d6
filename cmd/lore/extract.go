package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lore-kb/lore/ingest"
)

// blockNames name kinds of blocks in `extract --json`.
var blockNames = map[ingest.BlockKind]string{
	ingest.Paragraph: "paragraph", ingest.Heading: "heading", ingest.ListItem: "list item",
	ingest.Table: "table", ingest.Code: "code", ingest.Quote: "quote",
}

// seenBlock is a block of `extract --json`.
type seenBlock struct {
	Kind    string   `json:"kind"`
	Start   int      `json:"start"`
	End     int      `json:"end"`
	Level   int      `json:"level,omitempty"`
	Section []string `json:"section,omitempty"`
}

// seenDocument is a document of `extract --json`.
type seenDocument struct {
	Member   string            `json:"member,omitempty"`
	Title    string            `json:"title"`
	Type     string            `json:"type"`
	Date     string            `json:"date,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Pages    int               `json:"pages"`
	Text     string            `json:"text"`
	Blocks   []seenBlock       `json:"blocks"`
	Warnings []string          `json:"warnings,omitempty"`
}

func (p *program) extractCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "extract FILE",
		Short: "Show what lore sees in a file",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := os.ReadFile(args[0])
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
			documents, err := ingest.Transcribing(pool, transcriber).Extract(cmd.Context(), ingest.Input{Name: filepath.Base(args[0]), Data: data})
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if asJSON {
				seen := []seenDocument{}
				for _, d := range documents {
					seen = append(seen, seenAs(d))
				}
				return printJSON(p.out, map[string]any{"documents": seen})
			}
			for i, d := range documents {
				if i > 0 || d.Member != "" {
					fmt.Fprintf(p.out, "\n== %s\n\n", d.Member)
				}
				fmt.Fprintln(p.out, strings.TrimRight(d.Text, "\n"))
				for _, warning := range d.Warnings {
					p.note("warning: %s", warning)
				}
			}
			return nil
		},
	}
	settingFlag(cmd, "transcriber", "")
	settingFlag(cmd, "captioner", "")
	settingFlag(cmd, "password_file", "")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON with the structure")
	return cmd
}

func seenAs(d ingest.Document) seenDocument {
	s := seenDocument{
		Member: d.Member, Title: d.Title, Type: d.MediaType, Labels: d.Labels, Pages: len(d.Pages), Text: d.Text,
		Blocks: []seenBlock{}, Warnings: d.Warnings,
	}
	if !d.Date.IsZero() {
		s.Date = d.Date.Format("2006-01-02")
	}
	for _, b := range d.Blocks {
		s.Blocks = append(s.Blocks, seenBlock{blockNames[b.Kind], b.Start, b.End, b.Level, b.Section})
	}
	return s
}

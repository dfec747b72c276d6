package main

import (
	"io"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/spf13/cobra"
)

func (p *program) mcpCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mcp",
		Short: "Speak the Model Context Protocol over standard input and output",
		Long: `Speak the Model Context Protocol over standard input and output, for editors and
agents: tools to ask, search and read documents. "lore serve" offers the same
over HTTP at /mcp.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			server, err := p.server(cmd.Context(), nil)
			if err != nil {
				return err
			}
			defer server.Close()
			return server.ServeMCP(cmd.Context(), &mcp.IOTransport{Reader: io.NopCloser(p.in), Writer: unclosed{p.out}})
		},
	}
	for _, key := range []string{"model", "language", "caution"} {
		settingFlag(cmd, key, "")
	}
	return cmd
}

// unclosed is a writer that outlives a transport.
type unclosed struct{ io.Writer }

func (unclosed) Close() error { return nil }

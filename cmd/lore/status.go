package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lore-kb/lore/ingest"
)

func (p *program) statusCommand() *cobra.Command {
	var asJSON bool
	var server string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say what is indexed, and from where",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if server != "" {
				return p.serverReady(cmd.Context(), server)
			}
			st, err := p.openStore(cmd.Context(), reading, nil)
			if err != nil {
				return err
			}
			defer st.Close()
			stats, err := st.Stats(cmd.Context())
			if err != nil {
				return fmt.Errorf("read counts: %w", err)
			}
			settings, err := st.Settings(cmd.Context())
			if err != nil {
				return fmt.Errorf("read settings: %w", err)
			}
			roots := []string{}
			for _, root := range settings.Roots {
				roots = append(roots, displayURI(root.URI))
			}
			if asJSON {
				return printJSON(p.out, map[string]any{
					"collection": p.cfg.Collection, "place": p.place(), "documents": stats.Documents, "failed": stats.Failed,
					"chunks": stats.Points, "embedded": stats.Embedded, "bytes": stats.Bytes, "disk_bytes": stats.DiskBytes,
					"model": stats.Model.Fingerprint, "languages": stats.Languages, "roots": roots,
				})
			}
			line := func(name, format string, args ...any) {
				fmt.Fprintf(p.out, "%-12s%s\n", name, fmt.Sprintf(format, args...))
			}
			line("collection", "%s (%s)", p.cfg.Collection, p.place())
			failed := ""
			if stats.Failed > 0 {
				failed = fmt.Sprintf(", %d could not be read (`lore ls --failed`)", stats.Failed)
			}
			line("documents", "%d%s", stats.Documents, failed)
			line("chunks", "%d, %s of text", stats.Points, bytesText(stats.Bytes))
			switch {
			case stats.Model.Fingerprint == "":
				line("vectors", "none: search is by words alone")
			case stats.Points > stats.Embedded:
				line("vectors", "%d of %d by %s; `lore index` makes the rest", stats.Embedded, stats.Points, stats.Model.Fingerprint)
			default:
				line("vectors", "all, by %s", stats.Model.Fingerprint)
			}
			var languages []string
			for _, name := range slices.Sorted(maps.Keys(stats.Languages)) {
				label := name
				if label == "" {
					label = "other"
				}
				languages = append(languages, fmt.Sprintf("%s %d", label, stats.Languages[name]))
			}
			line("languages", "%s", strings.Join(languages, ", "))
			if stats.DiskBytes > 0 {
				line("on disk", "%s", bytesText(stats.DiskBytes))
			}
			for _, root := range roots {
				line("root", "%s", root)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&server, "server", "", "ask the lore server at this `URL` instead whether it is ready")
	return cmd
}

// serverReady asks a running server; for health checks of containers.
func (p *program) serverReady(ctx context.Context, url string) error {
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(url, "/")+"/readyz", nil)
	if err != nil {
		return usagef("--server: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("server %s does not answer: %w", url, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("server %s is not ready (HTTP %d)", url, resp.StatusCode)
	}
	fmt.Fprintln(p.out, "ready")
	return nil
}

// displayURI shortens a file's URI to its path.
func displayURI(uri string) string {
	if path, ok := ingest.FilePath(uri); ok {
		return path
	}
	return uri
}

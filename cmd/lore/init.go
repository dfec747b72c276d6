package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lore-kb/lore/internal/config"
)

func (p *program) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a configuration file to start from",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			var path string
			if len(args) == 1 {
				path = args[0]
			} else {
				dir, err := os.UserConfigDir()
				if err != nil {
					return fmt.Errorf("no place for a configuration: %w; name a FILE", err)
				}
				path = filepath.Join(dir, "lore", "config.yaml")
			}
			if exists(path) {
				return fmt.Errorf("%s exists; it was left as it is", path)
			}
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return fmt.Errorf("init: %w", err)
			}
			if err := os.WriteFile(path, []byte(sampleConfig()), 0o600); err != nil {
				return fmt.Errorf("init: %w", err)
			}
			fmt.Fprintln(p.out, path)
			return nil
		},
	}
}

// sampleConfig is a configuration file with every setting, commented out.
func sampleConfig() string {
	var b strings.Builder
	b.WriteString("# lore's settings. A flag or an environment variable goes before this file.\n")
	for _, setting := range config.Settings {
		value := setting.Default
		if value == "" {
			value = `""`
		}
		fmt.Fprintf(&b, "\n# %s [%s]\n# %s: %s\n", setting.Help, setting.Env, setting.Key, value)
	}
	return b.String()
}

package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lore-kb/lore/internal/config"
)

func (p *program) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show every setting, its value and where it came from",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			s := p.style()
			for _, setting := range config.Settings {
				value := p.cfg.Value(setting.Key)
				if setting.Secret && value != "" {
					value = "(set)"
				}
				fmt.Fprintf(p.out, "%-20s %-32s %s\n", setting.Key, value, s.dim(p.cfg.Origin(setting.Key)))
			}
			return nil
		},
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "check",
		Short: "Check the settings; wrong ones are errors",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if unknown := config.UnknownVariables(os.Environ()); len(unknown) > 0 {
				return usagef("%s", strings.Join(unknown, "; "))
			}
			if err := p.checkAddress(); err != nil {
				return err
			}
			if _, err := p.generator(); err != nil {
				return err
			}
			if _, err := p.embedder(cmd.Context()); err != nil {
				return err
			}
			fmt.Fprintln(p.out, "settings are fine")
			return nil
		},
	})
	return cmd
}

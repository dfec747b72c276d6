package main

import (
	"fmt"
	"os"

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
			var wrong []string
			note := func(err error) {
				if err != nil {
					wrong = append(wrong, oneLine(err.Error()))
				}
			}
			wrong = append(wrong, config.UnknownVariables(os.Environ())...)
			note(p.checkAddress())
			_, err := p.generator()
			note(err)
			_, err = p.embedder(cmd.Context())
			note(err)
			switch len(wrong) {
			case 0:
				fmt.Fprintln(p.out, "settings are fine")
				return nil
			case 1:
				return usagef("%s", wrong[0])
			}
			for _, line := range wrong {
				fmt.Fprintf(p.err, "lore: %s\n", line)
			}
			return usagef("%d settings are wrong", len(wrong))
		},
	})
	return cmd
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// backer is a store that can copy itself while others write.
type backer interface {
	Backup(ctx context.Context, file string) error
}

// compacter is a store that can give space back.
type compacter interface {
	Compact(ctx context.Context) error
}

var errQdrantCares = errors.New("a Qdrant collection is backed up by Qdrant's own snapshots, and Qdrant compacts it itself")

func (p *program) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the index to a file, while others may write",
		Long:  "Copy the collection to FILE, consistently, while others may write. To restore, put the file back under its name in the data folder.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if exists(args[0]) {
				return usagef("%s exists; name a new file", args[0])
			}
			st, err := p.openStore(cmd.Context(), reading, nil)
			if err != nil {
				return err
			}
			defer st.Close()
			b, ok := st.(backer)
			if !ok {
				return errQdrantCares
			}
			if err := b.Backup(cmd.Context(), args[0]); err != nil {
				return fmt.Errorf("backup: %w", err)
			}
			info, err := os.Stat(args[0])
			if err != nil {
				return fmt.Errorf("backup: %w", err)
			}
			fmt.Fprintf(p.out, "%s, %s\n", args[0], bytesText(info.Size()))
			return nil
		},
	}
}

func (p *program) compactCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "compact",
		Short: "Give back the space of what was removed",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			st, err := p.openStore(cmd.Context(), writing, nil)
			if err != nil {
				return err
			}
			defer st.Close()
			c, ok := st.(compacter)
			if !ok {
				return errQdrantCares
			}
			before, err := st.Stats(cmd.Context())
			if err != nil {
				return fmt.Errorf("compact: %w", err)
			}
			if err := c.Compact(cmd.Context()); err != nil {
				return fmt.Errorf("compact: %w", err)
			}
			after, err := st.Stats(cmd.Context())
			if err != nil {
				return fmt.Errorf("compact: %w", err)
			}
			fmt.Fprintf(p.out, "%s → %s\n", bytesText(before.DiskBytes), bytesText(after.DiskBytes))
			return nil
		},
	}
	p.lockTimeoutFlag(cmd)
	return cmd
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/lore-kb/lore/internal/config"
	"github.com/lore-kb/lore/model"
)

// Exit codes; README.md lists them.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitNotFound    = 3 // the documents do not answer the question
	exitPartial     = 4 // some files failed
	exitInterrupted = 130
)

// exitError ends the program with a code; its text is printed if it has one.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usagef returns an error of wrong usage.
func usagef(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// program is one run of lore.
type program struct {
	in       io.Reader
	out, err io.Writer

	cfg        *config.Config
	configFile string
	quiet      bool
	verbose    bool
	log        *slog.Logger

	lockTimeout time.Duration // how long to wait for another writer
	turns       bool          // let other writers in between writes

	reranker      model.Reranker // nil: none
	rerankTimeout time.Duration  // 0: the retriever's
	modelTimeout  time.Duration  // 0: the assistant's
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	results := &output{Writer: out}
	p := &program{in: in, out: results, err: errs}
	root := p.rootCommand()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(results)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err == nil && results.err != nil {
		err = fmt.Errorf("write results: %w", results.err)
	}
	if err == nil {
		return exitOK
	}
	code := exitFailure
	var exit *exitError
	switch {
	case errors.As(err, &exit):
		code = exit.code
	case ctx.Err() != nil:
		code = exitInterrupted
		err = errors.New("interrupted")
	}
	if text := oneLine(err.Error()); text != "" {
		fmt.Fprintf(errs, "lore: %s\n", text)
	}
	return code
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func (p *program) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "lore",
		Short: "Answers from your own documents, every statement with a checked quote",
		Long: `lore answers questions over a folder of documents, in English and Chinese.
Every statement of an answer carries a quote that was checked against its
document; what the documents do not say, lore does not say.

  lore ask --docs FOLDER "a question"    index a folder and ask, in one go
  lore index FOLDER                      index a folder; again, to bring it up to date
  lore ask "a question"                  ask what was indexed
  lore serve                             the same as a web page and an API`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return p.configure(cmd)
		},
	}
	flags := root.PersistentFlags()
	for _, name := range commonFlags {
		for _, setting := range config.Settings {
			if setting.Key == name {
				flags.String(name, setting.Default, setting.Help+" ["+setting.Env+"]")
				markSetting(flags, name)
			}
		}
	}
	flags.StringVar(&p.configFile, "config", "", "configuration file ["+config.ConfigEnv+"]")
	flags.BoolVarP(&p.quiet, "quiet", "q", false, "print results and errors only")
	flags.BoolVarP(&p.verbose, "verbose", "v", false, "print what happens in detail")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w; `%s --help` lists the flags", err, cmd.CommandPath())
	})
	root.AddCommand(
		p.indexCommand(), p.askCommand(), p.searchCommand(), p.chatCommand(), p.serveCommand(), p.mcpCommand(), p.tokenCommand(), p.collectionCommand(),
		p.lsCommand(), p.statusCommand(), p.rmCommand(), p.doctorCommand(), p.backupCommand(), p.compactCommand(),
		p.modelCommand(), p.evalCommand(), p.extractCommand(), p.initCommand(), p.configCommand(), p.versionCommand(),
	)
	usageArgs(root)
	return root
}

// commonFlags are the settings that every command takes as flags.
var commonFlags = []string{"data", "store", "collection", "embedder"}

// folderMark names the subcommand that is meant where a folder is given instead.
const folderMark = "folder"

// usageArgs makes wrong arguments of every command errors of usage.
func usageArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usagef("%s; usage: %s", argumentsText(cmd, args), strings.TrimSuffix(cmd.UseLine(), " [flags]"))
			}
			return nil
		}
	} else if cmd.RunE == nil && cmd.HasSubCommands() {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				hint := fmt.Sprintf("; `%s --help` lists them", cmd.CommandPath())
				cmd.SuggestionsMinimumDistance = 2 // letters that differ
				if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
					hint = "; did you mean `" + near[0] + "`?"
				}
				if verb := cmd.Annotations[folderMark]; verb != "" {
					if info, err := os.Stat(args[0]); err == nil && info.IsDir() {
						hint = fmt.Sprintf("; did you mean `%s %s %s`?", cmd.CommandPath(), verb, args[0])
					}
				}
				return usagef("unknown command %q of %s%s", args[0], cmd.CommandPath(), hint)
			}
			return nil
		}
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	for _, sub := range cmd.Commands() {
		usageArgs(sub)
	}
}

// argumentsText says what is wrong with the number of a command's arguments.
func argumentsText(cmd *cobra.Command, args []string) string {
	_, wanted, takes := strings.Cut(cmd.Use, " ")
	switch {
	case !takes:
		return fmt.Sprintf("`%s` takes no arguments, not %q", cmd.CommandPath(), args[0])
	case len(args) == 0:
		return fmt.Sprintf("`%s` needs %s", cmd.CommandPath(), strings.TrimSuffix(wanted, "..."))
	}
	return fmt.Sprintf("`%s` got %s", cmd.CommandPath(), plural(len(args), "argument"))
}

// configure loads the settings before a command runs.
func (p *program) configure(cmd *cobra.Command) error {
	given := map[string]string{}
	for _, setting := range config.Settings {
		name := strings.ReplaceAll(setting.Key, "_", "-")
		if flag := cmd.Flags().Lookup(name); flag != nil && flag.Changed && flag.Annotations[settingMark] != nil {
			given[setting.Key] = flag.Value.String()
		}
	}
	cfg, err := config.Load(config.Sources{File: p.configFile, Flags: given})
	if err != nil {
		return &exitError{exitUsage, err}
	}
	p.cfg = cfg
	if err := p.openReranker(); err != nil {
		return err
	}
	level := slog.LevelWarn
	if p.verbose {
		level = slog.LevelDebug
	}
	p.log = slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: level}))
	return nil
}

// settingMark tells a setting's flag from another one of the same name.
const settingMark = "setting"

func markSetting(flags *pflag.FlagSet, name string) {
	flags.Lookup(name).Annotations = map[string][]string{settingMark: {name}}
}

// settingFlag adds a flag for a setting that only some commands take.
func settingFlag(cmd *cobra.Command, key, short string) {
	for _, setting := range config.Settings {
		if setting.Key != key {
			continue
		}
		help := setting.Help + " [" + setting.Env + "]"
		if key == "limit" {
			n, _ := strconv.Atoi(setting.Default)
			cmd.Flags().IntP(key, short, n, help)
		} else {
			cmd.Flags().StringP(strings.ReplaceAll(key, "_", "-"), short, setting.Default, help)
		}
		markSetting(cmd.Flags(), strings.ReplaceAll(key, "_", "-"))
	}
}

// lockTimeoutFlag adds --lock-timeout to a command that writes.
func (p *program) lockTimeoutFlag(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&p.lockTimeout, "lock-timeout", 0, "how long to wait for another process that writes to the index (default 30s)")
}

// note prints a line for people on standard error, unless they want quiet.
func (p *program) note(format string, args ...any) {
	if !p.quiet {
		fmt.Fprintf(p.err, format+"\n", args...)
	}
}

// terminal reports whether w is a terminal that a person watches.
func terminal(w any) bool {
	f, ok := unwrap(w).(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// width of the terminal w, or 80.
func width(w any) int {
	if f, ok := unwrap(w).(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 20 {
			return columns
		}
	}
	return 80
}

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lore-kb/lore/ask"
)

// conversations are kept as files in the data folder.
func (p *program) conversations() *ask.Conversations {
	return &ask.Conversations{Dir: filepath.Join(p.cfg.Data, "conversations")}
}

// turnOf is what of an answer is kept.
func turnOf(answer *ask.Answer) ask.Turn {
	return ask.Turn{Question: answer.Question, Standalone: answer.Standalone, Answer: answer.Text, Status: answer.Status, At: time.Now().UTC()}
}

func (p *program) chatCommand() *cobra.Command {
	var filters []string
	var goOn bool
	cmd := &cobra.Command{
		Use:   "chat",
		Short: "Have a conversation in the terminal",
		Long: `Have a conversation in the terminal: follow-up questions may leave out what was
said before. /new begins another conversation, /sources shows the passages of the
last answer, /quit or Ctrl-D ends.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.chat(cmd.Context(), filters, goOn) },
	}
	for _, key := range []string{"model", "language", "caution", "reranker"} {
		settingFlag(cmd, key, "")
	}
	settingFlag(cmd, "limit", "n")
	filterFlag(cmd, &filters)
	cmd.Flags().BoolVarP(&goOn, "continue", "c", false, "continue the last conversation")
	cmd.AddCommand(p.chatListCommand(), p.chatExportCommand(), p.chatRemoveCommand())
	return cmd
}

func (p *program) chat(ctx context.Context, filters []string, goOn bool) error {
	filter, err := parseFilter(filters)
	if err != nil {
		return err
	}
	generator, err := p.generator()
	if err != nil {
		return err
	}
	embedder, err := p.readEmbedder(ctx)
	if err != nil {
		return err
	}
	st, embedder, err := p.openToAsk(ctx, reading, embedder)
	if err != nil {
		return err
	}
	defer st.Close()
	assistant, kept := p.assistant(st, embedder, generator), p.conversations()
	id, history := "", []ask.Turn(nil)
	if goOn {
		last, err := kept.Latest()
		if err != nil {
			return fmt.Errorf("continue: %w", err)
		}
		id, history = last.ID, last.Turns
		p.note("continuing: %s", last.Title)
	}
	lines, s := readLines(ctx, p.in), p.style()
	var answer *ask.Answer
	for {
		if terminal(p.in) {
			fmt.Fprint(p.out, s.bold("› "))
		}
		line, err := lines()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch question := strings.TrimSpace(line); question {
		case "":
		case "/quit", "/exit":
			return nil
		case "/new":
			id, history, answer = "", nil, nil
			p.note("a new conversation")
		case "/sources":
			if answer != nil {
				for i := range answer.Passages {
					fmt.Fprintf(p.out, "%d. %s\n", answer.Passages[i].Rank, location(&answer.Passages[i]))
				}
			}
		default:
			if strings.HasPrefix(question, "/") {
				p.note("known are /new, /sources and /quit")
				continue
			}
			if err := checkQuestion(question); err != nil {
				p.note("%v", err)
				continue
			}
			answer, err = p.answer(ctx, assistant, ask.Question{Text: question, Filter: filter, Limit: p.cfg.Limit, Language: p.cfg.Language, History: history}, false)
			var exit *exitError
			if errors.As(err, &exit) && exit.code == exitUsage {
				p.note("%v", err)
				continue
			}
			if err != nil {
				return err
			}
			p.printAnswer(answer, false)
			fmt.Fprintln(p.out)
			if id == "" {
				id = ask.NewConversationID(time.Now())
			}
			turn := turnOf(answer)
			history = append(history, turn)
			if _, err := kept.Append(id, turn); err != nil {
				p.note("note: the conversation was not saved: %v", err)
			}
		}
	}
}

// readLines reads lines in a goroutine of its own, so that an interrupt ends the
// wait for one; that goroutine ends with its input.
func readLines(ctx context.Context, in io.Reader) func() (string, error) {
	type read struct {
		line string
		err  error
	}
	lines := make(chan read)
	go func() {
		reader := bufio.NewReader(in)
		for {
			line, err := reader.ReadString('\n')
			if err != nil && line != "" {
				err = nil
			}
			select {
			case lines <- read{line, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return func() (string, error) {
		select {
		case r := <-lines:
			return r.line, r.err
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

func (p *program) chatListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the conversations that are kept",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			all, err := p.conversations().List()
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(p.out, map[string]any{"conversations": append([]ask.ConversationInfo{}, all...)})
			}
			for _, c := range all {
				fmt.Fprintf(p.out, "%s  %s  %s\n", c.ID, plural(c.Turns, "turn"), c.Title)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *program) chatExportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "export ID",
		Short: "Print a conversation as Markdown",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := p.conversations().Get(args[0])
			if err != nil {
				return err
			}
			return c.Markdown(p.out)
		},
	}
}

func (p *program) chatRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rm ID...",
		Short: "Remove conversations",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			for _, id := range args {
				if err := p.conversations().Remove(id); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

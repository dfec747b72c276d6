package main

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/lore-kb/lore/api"
)

// tokens are kept beside the index.
func (p *program) tokens() *api.Tokens {
	return &api.Tokens{File: filepath.Join(absolute(p.cfg.Data), "tokens.json")}
}

func (p *program) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Say who may use the server",
		Long: `Say who may use the server. From the first token on, "lore serve" asks everyone
for one, on loopback too. LORE_TOKEN, where it is set, stays valid and may do
everything. Changes count at once, without a restart.`,
	}
	cmd.AddCommand(p.tokenCreateCommand(), p.tokenListCommand(), p.tokenRevokeCommand())
	return cmd
}

func (p *program) tokenCreateCommand() *cobra.Command {
	var scope, name, collection, expires string
	var filters []string
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make a token and print it; it is shown this once",
		Long: `Make a token and print it; it is shown this once.

The scope read lets its bearer ask, search and read documents; write also index,
upload and remove; admin also read metrics and profiles. A token can be bound to
one collection, and one with the scope read to documents with a label or below a
path: the others are then not there for its bearer.`,
		Example: `  lore token create --name hr-bot --filter label:team=hr --expires 90d
  lore token create --scope write --collection handbook`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			token := api.Token{Name: name, Scope: api.Scope(scope), Collection: collection}
			filter, err := parseFilter(filters)
			if err != nil {
				return err
			}
			token.Paths, token.Labels = filter.Paths, filter.Labels
			filter.Paths, filter.Labels = nil, nil
			if !filter.Empty() {
				return usagef("--filter of a token is path=PREFIX or label:NAME=VALUE")
			}
			if expires != "" {
				if token.Expires, err = expiry(expires, time.Now()); err != nil {
					return err
				}
			}
			secret, made, err := p.tokens().Create(token)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			fmt.Fprintln(p.out, secret)
			p.note("token %s made; clients send it as Authorization: Bearer TOKEN. It is not shown again.", made.ID)
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&scope, "scope", string(api.ScopeRead), "read, write or admin")
	flags.StringVar(&name, "name", "", "what the token is for")
	// The setting of the same name chooses a collection for other commands; a
	// token without one is for all of them.
	flags.StringVar(&collection, "collection", "", "only this collection")
	flags.StringArrayVar(&filters, "filter", nil, "only documents with `KEY=VALUE`: path (prefix or glob) or label:NAME; may be given several times")
	flags.StringVar(&expires, "expires", "", "when it ends: `TIME` such as 90d, 12h or 2027-01-31")
	return cmd
}

// expiry reads a date, or a time from now.
func expiry(text string, now time.Time) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		if !day.After(now) {
			return day, usagef("--expires %s is in the past", text)
		}
		return day, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n < 100_000 {
			return now.AddDate(0, 0, n).UTC().Truncate(time.Second), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(d).UTC().Truncate(time.Second), nil
	}
	return now, usagef("--expires %q: give a time such as 90d or 12h, or a date of the form 2027-01-31", text)
}

func (p *program) tokenListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the tokens, without their secrets",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			all, _, err := p.tokens().All()
			if err != nil {
				return err
			}
			if len(all) == 0 {
				p.note("no tokens")
				return nil
			}
			w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tNAME\tSCOPE\tCOLLECTION\tFILTER\tEXPIRES")
			for _, t := range all {
				var limits []string
				for _, path := range t.Paths {
					limits = append(limits, "path="+path)
				}
				for _, key := range slices.Sorted(maps.Keys(t.Labels)) {
					limits = append(limits, "label:"+key+"="+t.Labels[key])
				}
				ends := "never"
				switch {
				case t.Expired(time.Now()):
					ends = "expired"
				case !t.Expires.IsZero():
					ends = t.Expires.Format(time.DateOnly)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, orDash(t.Name), t.Scope, orDash(t.Collection), orDash(strings.Join(limits, " ")), ends)
			}
			return w.Flush()
		},
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (p *program) tokenRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ID",
		Short: "End a token, by its ID or name; it is refused from the next request on",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			err := p.tokens().Revoke(args[0])
			if errors.Is(err, api.ErrNoToken) {
				return fmt.Errorf("%s: no such token; `lore token ls` lists them", args[0])
			}
			if err != nil {
				return err
			}
			fmt.Fprintln(p.out, "revoked")
			return nil
		},
	}
}

package main

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strconv"
	"strings"

	_ "modernc.org/sqlite" // driver "sqlite"

	"github.com/lore-kb/lore/analysis"
)

const rowsTransaction = 1000

func openSQLite(dir string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "index.db")+"?_pragma=journal_mode(wal)&_pragma=synchronous(normal)&_pragma=cache_size(-65536)&_pragma=mmap_size(1073741824)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// ftsTerms writes lore's terms so that FTS5's plainest tokenizer cuts them the
// same way: each as its hash.
func ftsTerms(text string) string {
	var b strings.Builder
	for _, t := range analysis.Terms(text) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(ftsTerm(analysis.Index(t.Text)))
	}
	return b.String()
}

func ftsTerm(index uint32) string { return "t" + strconv.FormatUint(uint64(index), 36) }

// inTransactions calls insert for n rows, many in one transaction.
func inTransactions(ctx context.Context, db *sql.DB, query string, rows func(insert func(args ...any) error) error) error {
	var tx *sql.Tx
	var statement *sql.Stmt
	pending := 0
	commit := func() error {
		if tx == nil {
			return nil
		}
		err := errors.Join(statement.Close(), tx.Commit())
		tx, pending = nil, 0
		return err
	}
	err := rows(func(args ...any) error {
		if tx == nil {
			var err error
			if tx, err = db.BeginTx(ctx, nil); err != nil {
				return err
			}
			if statement, err = tx.PrepareContext(ctx, query); err != nil {
				return err
			}
		}
		if _, err := statement.ExecContext(ctx, args...); err != nil {
			return err
		}
		if pending++; pending == rowsTransaction {
			return commit()
		}
		return nil
	})
	return errors.Join(err, commit())
}

func indexFTS5(ctx context.Context, s *settings, dir string) error {
	db, err := openSQLite(dir)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, q := range []string{
		`CREATE TABLE texts(id INTEGER PRIMARY KEY, text TEXT)`,
		`CREATE VIRTUAL TABLE terms USING fts5(body, content='', detail=none, tokenize='ascii')`,
	} {
		if _, err := db.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	if err := inTransactions(ctx, db, `INSERT INTO texts(id, text) VALUES (?, ?)`, func(insert func(...any) error) error {
		return s.corpus.eachText(func(n int, text string) error { return insert(n, text) })
	}); err != nil {
		return err
	}
	return inTransactions(ctx, db, `INSERT INTO terms(rowid, body) VALUES (?, ?)`, func(insert func(...any) error) error {
		return s.corpus.eachText(func(n int, text string) error { return insert(n, ftsTerms(text)) })
	})
}

type ftsSearcher struct {
	db    *sql.DB
	query *sql.Stmt
}

func openFTS5(ctx context.Context, _ *settings, dir string) (searcher, error) {
	db, err := openSQLite(dir)
	if err != nil {
		return nil, err
	}
	statement, err := db.PrepareContext(ctx, `SELECT rowid FROM terms WHERE terms MATCH ? ORDER BY rank LIMIT `+strconv.Itoa(limit))
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &ftsSearcher{db, statement}, nil
}

func (f *ftsSearcher) search(ctx context.Context, q *question) ([]int, error) {
	indices, _ := analysis.Question(q.text).Sparse()
	terms := make([]string, len(indices))
	for i, x := range indices {
		terms[i] = `"` + ftsTerm(x) + `"`
	}
	return rowIDs(f.query.QueryContext(ctx, strings.Join(terms, " OR ")))
}

// rowIDs reads a column of numbers.
func rowIDs(rows *sql.Rows, err error) ([]int, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []int
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, rows.Err()
}

func (f *ftsSearcher) Close() error { return errors.Join(f.query.Close(), f.db.Close()) }

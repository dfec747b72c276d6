package sqlitestore

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/lore-kb/lore/store"
)

type value = driver.Value

// conn is one connection to the database with its prepared statements. It is
// not safe for concurrent use. The driver is used without database/sql, whose
// locks and conversions cost more than the short statements of a search.
type conn struct {
	c      driver.Conn
	file   string
	stmts  map[string]driver.Stmt
	epoch  int // of the store's file
	words  *vocabularies
	recent *recent
	uris   map[int64]string // of roots, see rootURI
}

// synchronous makes a commit survive power loss, at the price of one fsync.
// Tests that only kill processes go without.
var synchronous = "FULL"

// vfs is SQLite's file system; "" is its own. Tests put one in between that fails.
var vfs = ""

// openConn opens the database file. mode is "ro", "rw" or "rwc".
func openConn(file, mode string, immutable bool) (*conn, error) {
	cache := 8 << 10 // KiB
	if mode != "ro" {
		cache = 32 << 10 // what a large removal changes is written once
	}
	dsn := dsnPath(file) + "?mode=" + mode + "&_pragma=busy_timeout(10000)&_pragma=synchronous(" + synchronous + ")" +
		fmt.Sprintf("&_pragma=cache_size(-%d)", cache) + "&_pragma=temp_store(MEMORY)"
	if immutable {
		dsn += "&immutable=1"
	}
	if vfs != "" {
		dsn += "&vfs=" + vfs
	}
	c, err := (&sqlite.Driver{}).Open(dsn)
	if err != nil {
		return nil, damaged(file, err)
	}
	return &conn{c: c, file: file, stmts: map[string]driver.Stmt{}, words: &vocabularies{}, recent: &recent{}}, nil
}

// vocabulary returns a vocabulary of texts.
func (c *conn) vocabulary(id int64) (*vocabulary, error) { return c.words.get(c, id) }

// rootURI returns what URIs of the documents of a root begin with. Once it is
// there, it stays; what a transaction that is undone has made is forgotten there.
func (c *conn) rootURI(key int64) (string, error) {
	if uri, ok := c.uris[key]; ok {
		return uri, nil
	}
	var uri string
	if _, err := c.one("SELECT uri FROM roots WHERE key = ?", func(v []value) error {
		uri = asText(v[0])
		return nil
	}, key); err != nil {
		return "", err
	}
	if uri != "" {
		if c.uris == nil {
			c.uris = map[int64]string{}
		}
		c.uris[key] = uri
	}
	return uri, nil
}

func dsnPath(file string) string {
	p := filepath.ToSlash(file)
	if filepath.VolumeName(file) != "" {
		p = "/" + p
	}
	return "file:" + strings.ReplaceAll((&url.URL{Path: p}).EscapedPath(), "?", "%3f")
}

func (c *conn) stmt(sql string) (driver.Stmt, error) {
	s, ok := c.stmts[sql]
	if !ok {
		var err error
		if s, err = c.c.Prepare(sql); err != nil {
			return nil, damaged(c.file, err)
		}
		c.stmts[sql] = s
	}
	return s, nil
}

// exec runs a statement and returns how many rows it changed.
func (c *conn) exec(sql string, args ...value) (int64, error) {
	s, err := c.stmt(sql)
	if err != nil {
		return 0, err
	}
	//lint:ignore SA1019 contexts are checked between statements
	r, err := s.Exec(args)
	if err != nil {
		return 0, damaged(c.file, err)
	}
	return r.RowsAffected()
}

// insert executes an INSERT and returns the row's number.
func (c *conn) insert(sql string, args ...value) (int64, error) {
	s, err := c.stmt(sql)
	if err != nil {
		return 0, err
	}
	//lint:ignore SA1019 contexts are checked between statements
	r, err := s.Exec(args)
	if err != nil {
		return 0, damaged(c.file, err)
	}
	return r.LastInsertId()
}

// query calls scan for each row. A row is valid during the call only.
func (c *conn) query(sql string, scan func(row []value) error, args ...value) (err error) {
	s, err := c.stmt(sql)
	if err != nil {
		return err
	}
	//lint:ignore SA1019 contexts are checked between rows
	rows, err := s.Query(args)
	if err != nil {
		return damaged(c.file, err)
	}
	defer func() {
		if e := rows.Close(); err == nil && e != nil {
			err = damaged(c.file, e)
		}
	}()
	row := make([]value, len(rows.Columns()))
	for {
		switch err := rows.Next(row); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return damaged(c.file, err)
		}
		if err := scan(row); err != nil {
			return err
		}
	}
}

// one reads the first row and reports whether there is one.
func (c *conn) one(sql string, scan func(row []value) error, args ...value) (bool, error) {
	found := false
	err := c.query(sql, func(row []value) error {
		if found {
			return nil
		}
		found = true
		return scan(row)
	}, args...)
	return found, err
}

func (c *conn) int(sql string, args ...value) (n int64, err error) {
	_, err = c.one(sql, func(row []value) error {
		n, _ = row[0].(int64)
		return nil
	}, args...)
	return n, err
}

// shrink gives free pages back if they are many. What fails is left for the next
// time.
func (c *conn) shrink() {
	free, err := c.int("PRAGMA freelist_count")
	if err != nil || free < 32 {
		return
	}
	if pages, err := c.int("PRAGMA page_count"); err == nil && 64*free > pages {
		_ = c.query("PRAGMA incremental_vacuum", func([]value) error { return nil })
	}
}

func (c *conn) close() error {
	var errs []error
	for _, s := range c.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.c.Close())...)
}

// damaged names the file and the way out in errors of the database.
func damaged(file string, err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("%s: %w", file, err)
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%s: %w (%w); run `lore doctor --repair`, or restore a copy made by `lore backup`", file, store.ErrCorrupt, err)
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%s: no space left on the disk, nothing of this step was written; free some space and run the command again: %w", file, err)
	case sqlite3.SQLITE_IOERR:
		return fmt.Errorf("%s: the disk reports an error, nothing of this step was written; check its free space and health and run the command again: %w", file, err)
	case sqlite3.SQLITE_READONLY:
		return fmt.Errorf("%s: %w: check the permissions of the file and of its folder (%w)", file, store.ErrReadOnly, err)
	case sqlite3.SQLITE_CANTOPEN:
		return fmt.Errorf("%s: cannot be opened: check that its folder exists and is writable: %w", file, err)
	case sqlite3.SQLITE_BUSY:
		return fmt.Errorf("%s: %w (%w)", file, store.ErrLocked, err)
	}
	return fmt.Errorf("%s: %w", file, err)
}

func asText(v value) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}

func asBytes(v value) []byte {
	b, _ := v.([]byte)
	return b
}

func asInt(v value) int64 {
	n, _ := v.(int64)
	return n
}

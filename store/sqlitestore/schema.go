package sqlitestore

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lore-kb/lore/store"
)

// schemaVersion is what this program writes, kept in PRAGMA user_version.
const schemaVersion = 5

// applicationID marks the file as ours, in PRAGMA application_id ("lore").
const applicationID = 0x6c6f7265

// Each document owns a range of keys: its points have the keys key … key +
// chunks - 1, its blocks of text key, key + 1, and so on. Keys are never given
// out twice.
const schema = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) WITHOUT ROWID, STRICT;
CREATE TABLE roots (
	key INTEGER PRIMARY KEY,
	id TEXT NOT NULL UNIQUE,
	uri TEXT NOT NULL DEFAULT '' -- what those of its documents begin with
) STRICT;
CREATE TABLE documents (
	key INTEGER PRIMARY KEY,
	id ANY NOT NULL UNIQUE,     -- 16 bytes of a UUID, else text
	root INTEGER NOT NULL,
	path TEXT NOT NULL,
	status TEXT NOT NULL,
	reason TEXT NOT NULL,
	date BLOB NOT NULL,         -- sortable
	chunks INTEGER NOT NULL,
	embedded INTEGER NOT NULL,
	bytes INTEGER NOT NULL,     -- of text
	info BLOB NOT NULL          -- the rest of the record
) STRICT;
CREATE INDEX documents_order ON documents(root, path);
CREATE INDEX documents_pending ON documents(date DESC, substr(id, 1, 4)) WHERE embedded < chunks;
CREATE INDEX documents_status ON documents(status) WHERE status <> 'ok';
CREATE TABLE texts (key INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE vocabularies (id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT; -- each twice, see vocabularies.get
CREATE TABLE payloads (key INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE languages (name TEXT PRIMARY KEY, points INTEGER NOT NULL) WITHOUT ROWID, STRICT;
-- Segments find points by term and by vector. Without data they are files.
CREATE TABLE segments (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	kind TEXT NOT NULL,
	points INTEGER NOT NULL,
	size INTEGER NOT NULL,
	cleaned INTEGER NOT NULL,   -- generation up to which what was removed is left out
	data BLOB
) STRICT;
-- A copy made for backup carries its files here, cut into pieces.
CREATE TABLE parts (segment INTEGER, part INTEGER, data BLOB NOT NULL, PRIMARY KEY (segment, part)) STRICT;
-- Keys of removed points that a segment may still hold.
CREATE TABLE dead (first INTEGER PRIMARY KEY, count INTEGER NOT NULL, generation INTEGER NOT NULL) STRICT;
CREATE INDEX dead_generation ON dead(generation);
-- Documents whose points and blocks of text are still to be deleted.
CREATE TABLE gone (key INTEGER PRIMARY KEY, blocks INTEGER NOT NULL) STRICT;
-- Vectors that were replaced while their point stayed.
CREATE TABLE dead_vectors (segment INTEGER, key INTEGER, generation INTEGER NOT NULL, PRIMARY KEY (segment, key)) WITHOUT ROWID, STRICT;
`

// create makes an empty collection in an empty database, in one transaction.
func create(c *conn, collection string) error {
	if _, err := c.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := func() error {
		for _, sql := range strings.Split(schema, ";\n") {
			if strings.TrimSpace(sql) == "" {
				continue
			}
			if _, err := c.exec(sql); err != nil {
				return err
			}
		}
		for _, kv := range [][2]value{
			{"collection", collection}, {"generation", int64(1)}, {"next_key", int64(1)},
			{"documents", int64(0)}, {"failed", int64(0)}, {"points", int64(0)}, {"embedded", int64(0)}, {"bytes", int64(0)},
			{"fingerprint", ""}, {"dimension", int64(0)},
		} {
			if _, err := c.exec("INSERT INTO meta(name, value) VALUES(?, ?)", kv[0], kv[1]); err != nil {
				return err
			}
		}
		for _, sql := range []string{fmt.Sprintf("PRAGMA application_id = %d", applicationID), fmt.Sprintf("PRAGMA user_version = %d", schemaVersion)} {
			if _, err := c.exec(sql); err != nil {
				return err
			}
		}
		_, err := c.exec("COMMIT")
		return err
	}()
	if err != nil {
		_, _ = c.exec("ROLLBACK")
	}
	return err
}

// migrations lead from the version of their place, from 1, to the next one. Each
// is one transaction with the new version, so that a process that is killed
// leaves the one or the other. Data may stay as it was: what reads it knows all
// forms, and merges and Compact write the newest.
var migrations = [][]string{
	{"CREATE TABLE vocabularies (id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT"},
	{}, // segments of vectors may hold details
	{"CREATE TABLE gone (key INTEGER PRIMARY KEY, blocks INTEGER NOT NULL) STRICT"},
	{ // records lean on their root and their date, and indexes have no more than they need
		"ALTER TABLE roots ADD COLUMN uri TEXT NOT NULL DEFAULT ''",
		"DROP INDEX documents_order",
		"CREATE INDEX documents_order ON documents(root, path)",
		"DROP INDEX documents_pending",
		"CREATE INDEX documents_pending ON documents(date DESC, substr(id, 1, 4)) WHERE embedded < chunks",
	},
}

func migrate(c *conn, version int) error {
	for ; version < schemaVersion; version++ {
		if _, err := c.exec("BEGIN IMMEDIATE"); err != nil {
			return err
		}
		var err error
		for _, sql := range append(slices.Clone(migrations[version-1]), fmt.Sprintf("PRAGMA user_version = %d", version+1), "COMMIT") {
			if _, err = c.exec(sql); err != nil {
				_, _ = c.exec("ROLLBACK")
				return fmt.Errorf("bring the collection to format %d: %w", version+1, err)
			}
		}
	}
	return nil
}

// checkVersion returns the schema's version, 0 for a database without one, or
// an error if the file is not for this program.
func checkVersion(c *conn) (int, error) {
	version, err := c.int("PRAGMA user_version")
	if err != nil {
		return 0, err
	}
	application, err := c.int("PRAGMA application_id")
	if err != nil {
		return 0, err
	}
	tables, err := c.int("SELECT count(*) FROM sqlite_schema")
	switch {
	case err != nil:
		return 0, err
	case version == 0 && application == 0 && tables == 0:
		return 0, nil
	case application != applicationID:
		return 0, fmt.Errorf("%s is a database of another program; choose another data folder with --data", c.file)
	case version > schemaVersion:
		return 0, fmt.Errorf("%s: %w (format %d, this one knows %d); install the newer lore, or choose another --data folder and index again",
			c.file, store.ErrNewerVersion, version, schemaVersion)
	}
	return int(version), nil
}

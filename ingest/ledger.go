package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lore-kb/lore/store"
)

// memberMark stands between the path of a container and that of a member.
const memberMark = "!/"

// record is what the ledger says of one document.
type record struct {
	id, version, content string
	size                 int64
	modTime, indexedAt   time.Time
	status               store.Status
	reason               string
}

// known is what the ledger says of one file: its own document, which is written
// last and whose version therefore vouches for the others, and those of its
// members.
type known struct {
	file    *record
	members []record
}

// ids returns the identifiers of all documents of the file. Nil has none.
func (k *known) ids() []string {
	if k == nil {
		return nil
	}
	var ids []string
	if k.file != nil {
		ids = append(ids, k.file.id)
	}
	for i := range k.members {
		ids = append(ids, k.members[i].id)
	}
	return ids
}

// answers reports whether a version of the file can be found.
func (k *known) answers() bool {
	return k != nil && (k.file != nil && k.file.status != store.StatusFailed || len(k.members) > 0)
}

// within reports whether path is dir, a member of it, or lies below it.
func within(dir, path string) bool {
	rest, ok := strings.CutPrefix(path, dir)
	return ok && (rest == "" || rest[0] == '/' || strings.HasPrefix(rest, memberMark))
}

// readLedger takes down what the store holds of the root, as far as the source
// speaks of it, and of the roots inside that it takes over.
func (r *run) readLedger(ctx context.Context) error {
	for info, err := range r.store.Documents(ctx, store.Filter{Roots: []string{r.root.ID}}) {
		if errors.Is(err, store.ErrNoCollection) {
			break
		}
		if err != nil {
			return fmt.Errorf("read ledger: %w", err)
		}
		if r.scope != "" && !within(r.scope, info.Path) {
			continue
		}
		file := r.fileOf(info.Path)
		k := r.known[file]
		if k == nil {
			k = &known{}
			r.known[file] = k
		}
		rec := record{
			id: info.ID, version: info.Version, content: info.Content, size: info.Size,
			modTime: info.ModTime, indexedAt: info.IndexedAt,
			status: info.Status, reason: info.Reason,
		}
		if info.Path == file {
			k.file = &rec
		} else {
			k.members = append(k.members, rec)
		}
	}
	return r.readInner(ctx)
}

// fileOf returns the file that the document at path comes from: path itself, or
// the container whose member it is, the longest one that is listed. A folder's
// name may end in the mark, too.
func (r *run) fileOf(path string) string {
	if r.listed[path] {
		return path
	}
	for end := len(path); ; {
		end = strings.LastIndex(path[:end], memberMark)
		if end < 0 {
			break
		}
		if r.listed[path[:end]] {
			return path[:end]
		}
	}
	file, _, _ := strings.Cut(path, memberMark)
	return file
}

//go:build !unix

package sqlitestore

import (
	"fmt"
	"os"
)

// mapFile reads a file of exactly size bytes into memory, since an open mapping
// would keep the file from being deleted.
func mapFile(name string, size int64) (b []byte, unmap func() error, err error) {
	b, err = os.ReadFile(name)
	if err == nil && int64(len(b)) != size {
		err = fmt.Errorf("%s: %w: %d bytes, want %d", name, errSegment, len(b), size)
	}
	return b, nil, err
}

// syncDir does nothing: these systems journal renames by themselves.
func syncDir(string) error { return nil }

//go:build unix

package sqlitestore

import (
	"fmt"
	"os"
	"syscall"
)

// mapFile maps a file of exactly size bytes into memory.
func mapFile(name string, size int64) (b []byte, unmap func() error, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if info.Size() != size || size <= 0 || int64(int(size)) != size {
		return nil, nil, fmt.Errorf("%s: %w: %d bytes, want %d", name, errSegment, info.Size(), size)
	}
	b, err = syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, nil, fmt.Errorf("map %s: %w", name, err)
	}
	return b, func() error { return syscall.Munmap(b) }, nil
}

// syncDir makes a rename in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

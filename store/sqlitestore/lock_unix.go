//go:build unix

package sqlitestore

import (
	"errors"
	"os"
	"syscall"
)

// lockFile locks a file for this process alone. It gives up a lock that was shared
// before, also when it fails.
func lockFile(f *os.File) error { return flock(f, syscall.LOCK_EX) }

// shareFile locks a file together with others who share it.
func shareFile(f *os.File) error { return flock(f, syscall.LOCK_SH) }

// flock never waits.
func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			return errHeld
		}
		return err
	}
}

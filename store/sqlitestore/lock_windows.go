package sqlitestore

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockFile locks a file for this process alone. It gives up a lock that was shared
// before, also when it fails.
func lockFile(f *os.File) error { return lockByte(f, windows.LOCKFILE_EXCLUSIVE_LOCK) }

// shareFile locks a file together with others who share it.
func shareFile(f *os.File) error { return lockByte(f, 0) }

// lockByte locks a byte far behind the text, so that others can read the text. It
// never waits.
func lockByte(f *os.File, flags uint32) error {
	h := windows.Handle(f.Fd())
	_ = windows.UnlockFileEx(h, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1}) // fails where there is none
	err := windows.LockFileEx(h, flags|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errHeld
	}
	return err
}

package sqlitestore

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockFile locks a file for this process alone, or fails at once. It gives up a
// lock that was shared before.
func lockFile(f *os.File) error {
	err := lockByte(f, windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errHeld
	}
	return err
}

// shareFile locks a file together with others who share it, when nobody holds it
// alone any more.
func shareFile(f *os.File) error { return lockByte(f, 0) }

// lockByte locks a byte far behind the text, so that others can read the text.
func lockByte(f *os.File, flags uint32) error {
	h := windows.Handle(f.Fd())
	_ = windows.UnlockFileEx(h, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1}) // fails where there is none
	return windows.LockFileEx(h, flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1})
}

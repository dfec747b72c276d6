package sqlitestore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lore-kb/lore/store"
)

// lock is held by the one writer of a collection. The operating system frees it
// when the process ends, however it ends.
type lock struct{ f *os.File }

// holder is what a lock file says about the process that holds it.
type holder struct {
	PID     int       `json:"pid"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
}

func (h holder) String() string {
	if h.PID == 0 {
		return "another process"
	}
	return fmt.Sprintf("process %d (%s, since %s)", h.PID, h.Command, h.Since.Local().Format("2006-01-02 15:04:05"))
}

// errHeld says that another process holds a lock.
var errHeld = errors.New("lock is held")

// acquire takes the lock of a file, waiting up to timeout and telling onWait
// once whom it waits for.
func acquire(ctx context.Context, file string, timeout time.Duration, onWait func(string)) (*lock, error) {
	deadline := time.Now().Add(timeout)
	told := false
	for {
		l, err := tryLock(file)
		if err == nil {
			return l, l.sign()
		}
		if !errors.Is(err, errHeld) {
			return nil, err
		}
		by := readHolder(file)
		if timeout <= 0 || !time.Now().Before(deadline) {
			return nil, fmt.Errorf("%w: %s holds %s; wait for it to end, or give it more time with --lock-timeout", store.ErrLocked, by, file)
		}
		if !told && onWait != nil {
			told = true
			onWait(fmt.Sprintf("waiting for %s, which is writing to the same collection", by))
		}
		t := time.NewTimer(min(100*time.Millisecond, time.Until(deadline)))
		select {
		case <-ctx.Done():
			t.Stop()
			return nil, ctx.Err()
		case <-t.C:
		}
	}
}

func tryLock(file string) (*lock, error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		_ = f.Close()
		return nil, err
	}
	// The file may have been deleted with its collection since it was opened.
	mine, err := f.Stat()
	if err == nil {
		var there os.FileInfo
		if there, err = os.Stat(file); err == nil && !os.SameFile(mine, there) {
			err = errHeld
		}
	}
	if err != nil {
		_ = f.Close()
		if errors.Is(err, os.ErrNotExist) {
			err = errHeld
		}
		return nil, err
	}
	return &lock{f}, nil
}

// sign writes who holds the lock. It is for people only, so a full disk does
// not matter.
func (l *lock) sign() error {
	args := append([]string{filepath.Base(os.Args[0])}, os.Args[1:]...)
	command := strings.Join(args, " ")
	if len(command) > 200 {
		command = command[:200] + "…"
	}
	b, err := json.Marshal(holder{PID: os.Getpid(), Command: command, Since: time.Now()})
	if err != nil {
		return err
	}
	if err := l.f.Truncate(0); err == nil {
		_, _ = l.f.WriteAt(b, 0)
	}
	return nil
}

func (l *lock) release() error {
	if l == nil {
		return nil
	}
	_ = l.f.Truncate(0)
	return l.f.Close()
}

func readHolder(file string) (h holder) {
	f, err := os.Open(file)
	if err != nil {
		return h
	}
	defer f.Close()
	b, _ := io.ReadAll(io.LimitReader(f, 4096))
	_ = json.Unmarshal(b, &h)
	return h
}

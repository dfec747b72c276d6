package sqlitestore

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
)

var errUnsupported = errors.New("sizes of files cannot be limited here")

func limitFileSize(n uint64) error {
	signal.Ignore(syscall.SIGXFSZ)
	_ = os.Stdout.Sync()
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: n})
}

package sqlitestore

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

var errUnsupported = errors.New("sizes of files cannot be limited here")

func limitFileSize(n uint64) error {
	signal.Ignore(syscall.SIGXFSZ)
	_ = os.Stdout.Sync()
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: n})
}

// asOther lets a command run as a user without rights, where it may.
func asOther(cmd *exec.Cmd) bool {
	if os.Getuid() != 0 {
		return false
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	return true
}

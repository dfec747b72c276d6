//go:build !linux

package sqlitestore

import (
	"errors"
	"os/exec"
)

var errUnsupported = errors.New("sizes of files cannot be limited here")

func limitFileSize(uint64) error { return errUnsupported }

func asOther(*exec.Cmd) bool { return false }

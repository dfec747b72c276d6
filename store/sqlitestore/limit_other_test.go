//go:build !linux

package sqlitestore

import "errors"

var errUnsupported = errors.New("sizes of files cannot be limited here")

func limitFileSize(uint64) error { return errUnsupported }

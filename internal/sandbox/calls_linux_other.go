//go:build linux && !amd64

package sandbox

func refusedCalls() []uint32 { return commonCalls }

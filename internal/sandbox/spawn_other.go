//go:build !linux

package sandbox

import "os/exec"

type spawner struct{}

func newSpawner() *spawner { return &spawner{} }

func (*spawner) start(cmd *exec.Cmd) error { return cmd.Start() }

func (*spawner) close() {}

// rss is 0: unknown. The Go runtime keeps the child near its limit.
func (*child) rss() int64 { return 0 }

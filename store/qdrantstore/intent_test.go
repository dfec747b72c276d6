package qdrantstore

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestGone(t *testing.T) {
	alive := newOwner()
	t.Cleanup(func() { forgetOwner(alive) })
	closed := newOwner()
	forgetOwner(closed)
	child := exec.Command(os.Args[0], "-test.run=^$")
	if err := child.Run(); err != nil {
		t.Fatal(err)
	}
	dead := strings.Join([]string{machine(), strconv.Itoa(child.Process.Pid), "00"}, " ")
	parent := strings.Join([]string{machine(), strconv.Itoa(os.Getppid()), "00"}, " ")
	for _, c := range []struct {
		what  string
		owner string
		until time.Duration
		want  bool
	}{
		{"an open handle", alive, time.Minute, false},
		{"an open handle that let its lease run out", alive, -time.Minute, true},
		{"a closed handle", closed, time.Minute, true},
		{"a process that has ended", dead, time.Minute, true},
		{"another process", parent, time.Minute, false},
		{"another machine", "elsewhere 1 00", time.Minute, false},
		{"another machine, long ago", "elsewhere 1 00", -time.Minute, true},
		{"something else", "?", time.Minute, false},
	} {
		in := intent{Owner: c.owner, Until: now().Add(c.until)}
		if got := in.gone(); got != c.want {
			t.Errorf("%s: gone is %v", c.what, got)
		}
	}
}

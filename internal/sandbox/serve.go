package sandbox

import (
	"bufio"
	"io"
	"os"
	"runtime/debug"
	"strconv"
)

// cpuSpent is what a child says when it used up its share of the processor.
const cpuSpent = "processor time used up"

// Serve is the child's side: it reads the set-up frame, then answers request
// after request with handle until stdin ends, and returns the exit code.
//
// When stdin ends while a request is under way the process exits at once: the
// parent is gone and nobody waits for the reply.
func Serve(stdin io.Reader, stdout io.Writer, setup func([]byte), handle func([]byte) []byte) int {
	in := bufio.NewReaderSize(stdin, 64<<10)
	first, err := readFrame(in, 0)
	if err != nil {
		return 1
	}
	setup(first)
	requests := make(chan []byte)
	busy := make(chan struct{}, 1)
	go func() {
		defer close(requests)
		for {
			req, err := readFrame(in, 0)
			if err != nil {
				if len(busy) > 0 {
					os.Exit(1)
				}
				return
			}
			busy <- struct{}{}
			requests <- req
		}
	}()
	defer watchCPU()()
	seconds, _ := strconv.Atoi(os.Getenv(envCPU))
	for req := range requests {
		// The limit counts from the start of the process, which serves many.
		limitCPU(seconds)
		reply := handle(req)
		if err := writeFrame(stdout, reply); err != nil {
			return 1
		}
		<-busy
	}
	return 0
}

// Limits says what [Confine] leaves to the process.
type Limits struct {
	MemoryMB int // 0: as the parent said, or no cap
}

// Confine takes from the running process, for good, what work on untrusted
// bytes does not need. On Linux: memory beyond the cap, opening files, sockets,
// other programs. Elsewhere the cap is a soft one, kept by the Go runtime.
// It returns what could not be taken.
func Confine(l Limits) error {
	if l.MemoryMB == 0 {
		l.MemoryMB, _ = strconv.Atoi(os.Getenv(envMemory))
	}
	if l.MemoryMB > 0 {
		debug.SetMemoryLimit(int64(l.MemoryMB) << 20 * 3 / 4)
	}
	return confine(l)
}

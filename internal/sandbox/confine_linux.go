package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// confine caps private writable memory and installs a system call filter.
//
// RLIMIT_DATA is used rather than RLIMIT_AS because the Go runtime reserves far
// more address space than it uses.
func confine(l Limits) error {
	var errs []error
	if l.MemoryMB > 0 && !raceDetector {
		// Room for what the runtime itself maps beside the heap.
		limit := uint64(l.MemoryMB+128) << 20
		if err := unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
			errs = append(errs, fmt.Errorf("limit memory: %w", err))
		}
	}
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	_ = unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{})
	if err := filterCalls(); err != nil {
		errs = append(errs, fmt.Errorf("filter system calls: %w", err))
	}
	return errors.Join(errs...)
}

// watchCPU ends the process when the kernel says that its limit is reached: the
// Go runtime by itself takes no notice.
func watchCPU() (stop func()) {
	reached, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(reached, unix.SIGXCPU)
	go func() {
		select {
		case <-reached:
			fmt.Fprintln(os.Stderr, cpuSpent)
			os.Exit(1)
		case <-done:
		}
	}()
	return func() { signal.Stop(reached); close(done) }
}

// limitCPU has the kernel signal the process when it uses more than this many
// seconds of a processor from now on. It does so even where no parent watches. 0
// is no limit.
func limitCPU(seconds int) {
	var used unix.Rusage
	if seconds <= 0 || unix.Getrusage(unix.RUSAGE_SELF, &used) != nil {
		return
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_CPU, &limit) != nil {
		return
	}
	limit.Cur = min(uint64(used.Utime.Sec+used.Stime.Sec)+uint64(seconds)+1, limit.Max)
	_ = unix.Setrlimit(unix.RLIMIT_CPU, &limit)
}

// filterCalls makes the kernel refuse, with EPERM, the system calls that reach
// outside the process. A list of what is refused rather than of what is allowed,
// so that a newer Go runtime keeps working.
func filterCalls() error {
	arch, ok := auditArch[runtime.GOARCH]
	if !ok {
		return errors.New("no filter for " + runtime.GOARCH)
	}
	const (
		offNumber = 0
		offArch   = 4
		refuse    = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	)
	prog := []unix.SockFilter{
		stmt(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, offArch),
		jump(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, arch, 1, 0),
		stmt(unix.BPF_RET|unix.BPF_K, refuse),
		stmt(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, offNumber),
		// Numbers of the x32 ABI, which would slip past the list.
		jump(unix.BPF_JMP|unix.BPF_JGE|unix.BPF_K, 0x40000000, 0, 1),
		stmt(unix.BPF_RET|unix.BPF_K, refuse),
	}
	for _, nr := range refusedCalls() {
		prog = append(prog,
			jump(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, nr, 0, 1),
			stmt(unix.BPF_RET|unix.BPF_K, refuse))
	}
	prog = append(prog, stmt(unix.BPF_RET|unix.BPF_K, unix.SECCOMP_RET_ALLOW))
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}

	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	// TSYNC puts the filter, and no_new_privs with it, on every thread.
	r, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&fprog)))
	if errno != 0 {
		return errno
	}
	if r != 0 {
		return fmt.Errorf("thread %d could not be filtered", r)
	}
	return nil
}

func stmt(code uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: code, K: k} }

func jump(code uint16, k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: code, K: k, Jt: yes, Jf: no}
}

var auditArch = map[string]uint32{
	"amd64": unix.AUDIT_ARCH_X86_64,
	"arm64": unix.AUDIT_ARCH_AARCH64,
}

// commonCalls are refused on every architecture.
var commonCalls = []uint32{
	unix.SYS_OPENAT, unix.SYS_OPENAT2, unix.SYS_OPEN_BY_HANDLE_AT,
	unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_LISTEN,
	unix.SYS_EXECVE, unix.SYS_EXECVEAT,
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV,
	unix.SYS_UNLINKAT, unix.SYS_MKDIRAT, unix.SYS_RENAMEAT2, unix.SYS_RENAMEAT, unix.SYS_LINKAT, unix.SYS_SYMLINKAT,
	unix.SYS_MKNODAT, unix.SYS_FCHMODAT, unix.SYS_FCHOWNAT, unix.SYS_TRUNCATE, unix.SYS_UTIMENSAT,
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_CHROOT, unix.SYS_PIVOT_ROOT, unix.SYS_SETNS, unix.SYS_UNSHARE,
	unix.SYS_BPF, unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_PERF_EVENT_OPEN,
	unix.SYS_USERFAULTFD, unix.SYS_IO_URING_SETUP, unix.SYS_MEMFD_CREATE,
	unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_KEXEC_LOAD,
	unix.SYS_SETXATTR, unix.SYS_LSETXATTR, unix.SYS_REMOVEXATTR,
}

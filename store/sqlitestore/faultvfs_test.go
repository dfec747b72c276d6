package sqlitestore

import (
	"fmt"
	"os"
	"sync"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// faultVFS is the name of a file system of SQLite that passes everything on to
// the machine's own one, after it has asked disk whether to.
const faultVFS = "lore-faults"

// faultyDisk counts what is done with files, by SQLite and by this package, and
// lets some of it fail.
type faultyDisk struct {
	mu     sync.Mutex
	class  string // of the steps that are counted
	count  int
	at     int  // the step that fails, from 1; 0: none
	lasts  bool // all later ones fail, too
	code   int32
	failed int
}

var disk faultyDisk

// arm lets the step number at of a class fail, and all of its class after it if
// it lasts.
func (d *faultyDisk) arm(class string, at int, lasts bool, code int32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.class, d.count, d.at, d.lasts, d.code, d.failed = class, 0, at, lasts, code, 0
}

// heal ends all faults and returns how many steps there were and how many failed.
func (d *faultyDisk) heal() (steps, failed int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.class = ""
	return d.count, d.failed
}

// step returns what a step of a class must fail with, or 0.
func (d *faultyDisk) step(class string) int32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if class != d.class {
		return 0
	}
	d.count++
	if d.at == 0 || d.count < d.at || d.count > d.at && !d.lasts {
		return 0
	}
	d.failed++
	if d.code == killed && class != "write" {
		killSelf()
	}
	return d.code
}

// killed is a code that ends the process, in the midst of a write.
const killed = -1

func killSelf() {
	if p, err := os.FindProcess(os.Getpid()); err == nil {
		_ = p.Kill()
	}
	select {}
}

// install registers the file system, once.
var install = sync.OnceFunc(func() {
	tls := libc.NewTLS()
	own := sqlite3.Xsqlite3_vfs_find(tls, 0)
	machine = structAt[sqlite3.Tsqlite3_vfs](own)
	name, err := libc.CString(faultVFS)
	if err != nil {
		panic(err)
	}
	faulty := allocate[sqlite3.Tsqlite3_vfs](tls)
	*faulty = *machine
	faulty.FpNext = 0
	faulty.FzName = name
	faulty.FxOpen = pointer(vfsOpen)
	faulty.FxDelete = pointer(vfsDelete)
	if rc := sqlite3.Xsqlite3_vfs_register(tls, uintptr(unsafe.Pointer(faulty)), 0); rc != sqlite3.SQLITE_OK {
		panic(fmt.Sprint("register file system: ", rc))
	}
})

var (
	machine *sqlite3.Tsqlite3_vfs

	methodsMu sync.Mutex
	// methods are the tables of open files: those of the machine, which has one for
	// each way of locking, by ours.
	methods = map[uintptr]*sqlite3.Tsqlite3_io_methods{}
	ours    = map[uintptr]*sqlite3.Tsqlite3_io_methods{}
)

type (
	openFunc   = func(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32
	deleteFunc = func(tls *libc.TLS, vfs, name uintptr, syncDir int32) int32
	moveFunc   = func(tls *libc.TLS, file, buf uintptr, n int32, at int64) int32
	sizeFunc   = func(tls *libc.TLS, file uintptr, size int64) int32
	askFunc    = func(tls *libc.TLS, file, out uintptr) int32
	shmFunc    = func(tls *libc.TLS, file uintptr, page, size, extend int32, out uintptr) int32
)

// pointer makes a function of C out of f, which must be a function at the top
// level; called is the inverse.
func pointer[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }

func called[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&p)) }

// allocate makes a structure in C's memory, where SQLite looks for it.
func allocate[T any](tls *libc.TLS) *T {
	p := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(*new(T))))
	if p == 0 {
		panic("out of memory")
	}
	return structAt[T](p)
}

// structAt views memory of C.
func structAt[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

func vfsOpen(tls *libc.TLS, _, name, file uintptr, flags int32, outFlags uintptr) int32 {
	if code := disk.step("open"); code != 0 {
		structAt[sqlite3.Tsqlite3_file](file).FpMethods = 0
		return code
	}
	rc := called[openFunc](machine.FxOpen)(tls, uintptr(unsafe.Pointer(machine)), name, file, flags, outFlags)
	f := structAt[sqlite3.Tsqlite3_file](file)
	if f.FpMethods == 0 {
		return rc
	}
	methodsMu.Lock()
	defer methodsMu.Unlock()
	own := ours[f.FpMethods]
	if own == nil {
		theirs := structAt[sqlite3.Tsqlite3_io_methods](f.FpMethods)
		own = allocate[sqlite3.Tsqlite3_io_methods](tls)
		*own = *theirs
		own.FxRead = pointer(vfsRead)
		own.FxWrite = pointer(vfsWrite)
		own.FxTruncate = pointer(vfsTruncate)
		own.FxSync = pointer(vfsSync)
		own.FxFileSize = pointer(vfsFileSize)
		own.FxShmMap = pointer(vfsShmMap)
		ours[f.FpMethods] = own
		methods[uintptr(unsafe.Pointer(own))] = theirs
	}
	f.FpMethods = uintptr(unsafe.Pointer(own))
	return rc
}

// theirs returns the machine's methods of an open file.
func theirs(file uintptr) *sqlite3.Tsqlite3_io_methods {
	methodsMu.Lock()
	defer methodsMu.Unlock()
	return methods[structAt[sqlite3.Tsqlite3_file](file).FpMethods]
}

func vfsDelete(tls *libc.TLS, _, name uintptr, syncDir int32) int32 {
	if code := disk.step("delete"); code != 0 {
		return code
	}
	return called[deleteFunc](machine.FxDelete)(tls, uintptr(unsafe.Pointer(machine)), name, syncDir)
}

func vfsRead(tls *libc.TLS, file, buf uintptr, n int32, at int64) int32 {
	if code := disk.step("read"); code != 0 {
		return code
	}
	return called[moveFunc](theirs(file).FxRead)(tls, file, buf, n, at)
}

// vfsWrite writes half of what it was given before it fails, as a disk may.
func vfsWrite(tls *libc.TLS, file, buf uintptr, n int32, at int64) int32 {
	code := disk.step("write")
	if code != 0 {
		n /= 2
	}
	rc := called[moveFunc](theirs(file).FxWrite)(tls, file, buf, n, at)
	if code == killed {
		killSelf()
	}
	if code != 0 {
		return code
	}
	return rc
}

func vfsTruncate(tls *libc.TLS, file uintptr, size int64) int32 {
	if code := disk.step("truncate"); code != 0 {
		return code
	}
	return called[sizeFunc](theirs(file).FxTruncate)(tls, file, size)
}

// vfsSync does without the real thing: no test cuts the power.
func vfsSync(_ *libc.TLS, _ uintptr, _ int32) int32 { return disk.step("sync") }

func vfsFileSize(tls *libc.TLS, file, out uintptr) int32 {
	if code := disk.step("size"); code != 0 {
		return code
	}
	return called[askFunc](theirs(file).FxFileSize)(tls, file, out)
}

func vfsShmMap(tls *libc.TLS, file uintptr, page, size, extend int32, out uintptr) int32 {
	if code := disk.step("shared memory"); code != 0 {
		*structAt[uintptr](out) = 0
		return code
	}
	return called[shmFunc](theirs(file).FxShmMap)(tls, file, page, size, extend, out)
}

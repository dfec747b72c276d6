//go:build !amd64 || purego

package sqlitestore

func dotRows(out []int32, q *kernelQuery, rows []int8, _ []int32) { dotRowsPlain(out, q, rows) }

// kernelName says which kernel runs, for benchmarks.
func kernelName() string { return "plain" }

func coarseRowsOf(out []int32, planes, groups []uint64) { coarseRowsPlain(out, planes, groups) }

// coarsePays says whether coarse codes are faster than 8-bit codes here.
func coarsePays() bool { return true }

//go:build !amd64 || purego

package sqlitestore

func dotRows(out []int32, q *kernelQuery, rows []int8, _ []int32) { dotRowsPlain(out, q, rows) }

// kernelName says which kernel runs, for benchmarks.
func kernelName() string { return "plain" }

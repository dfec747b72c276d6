//go:build !amd64 || purego

package sqlitestore

func dotRows(out []int32, q *kernelQuery, rows []int8, _ []int32) { dotRowsPlain(out, q, rows) }

// kernelName says which kernel runs, for benchmarks.
func kernelName() string { return "plain" }

func dotRowsAt(out []int32, q *kernelQuery, codes []int8, sums []int32, rows []uint32) {
	dotRowsOneByOne(out, q, codes, sums, rows)
}

func coarseBounds(bounds []float32, masks []byte, c *coarse, q *coarseQuery, first int, bar float32) {
	coarseBoundsPlain(bounds, masks, c, q, first, bar)
}

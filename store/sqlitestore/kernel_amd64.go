//go:build !purego

package sqlitestore

import (
	"slices"

	"golang.org/x/sys/cpu"
)

// useVNNI and useAVX2 are variables so that tests run every kernel.
var (
	useVNNI = cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512VNNI
	useAVX2 = cpu.X86.HasAVX2 && cpu.X86.HasFMA

	usePopcnt = cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512VPOPCNTDQ
)

func kernelName() string {
	switch {
	case useVNNI:
		return "AVX-512 VNNI"
	case useAVX2:
		return "AVX2"
	}
	return "plain"
}

// dotRows is dotRowsPlain; sums are the sums of each row.
func dotRows(out []int32, q *kernelQuery, rows []int8, sums []int32) {
	n := len(out)
	if n == 0 {
		return
	}
	width := len(q.code)
	_, _ = rows[n*width-1], sums[n-1]
	switch {
	case useVNNI:
		// The instruction wants one side unsigned: the question, whose bias
		// adds 128 × the sum of the row.
		dotRowsVNNI(&out[0], &q.biased[0], &rows[0], width, n)
		for i, s := range sums[:n] {
			out[i] -= s << 7
		}
	case useAVX2:
		dotRowsAVX2(&out[0], &q.code[0], &rows[0], width, n)
	default:
		dotRowsPlain(out, q, rows)
	}
}

//go:noescape
func dotRowsVNNI(out *int32, biased *byte, rows *int8, width, n int)

//go:noescape
func dotRowsAVX2(out *int32, code *int8, rows *int8, width, n int)

// dotRowsAt is dotRows for some of the rows, by their numbers.
func dotRowsAt(out []int32, q *kernelQuery, codes []int8, sums []int32, rows []uint32) {
	if !useVNNI || len(rows) == 0 {
		dotRowsOneByOne(out, q, codes, sums, rows)
		return
	}
	width := len(q.code)
	last := int(slices.Max(rows))
	_, _, _ = codes[(last+1)*width-1], sums[last], out[len(rows)-1]
	dotRowsAtVNNI(&out[0], &q.biased[0], &codes[0], &rows[0], width, len(rows))
	for i, row := range rows {
		out[i] -= sums[row] << 7
	}
}

//go:noescape
func dotRowsAtVNNI(out *int32, biased *byte, codes *int8, rows *uint32, width, n int)

// coarseBounds is coarseBoundsPlain.
func coarseBounds(bounds []float32, masks []byte, c *coarse, q *coarseQuery, first int, bar float32) {
	full := min(len(masks), len(c.factor)/8-first)
	if useAVX2 && full > 0 {
		kernel := coarseBoundsAVX2
		if usePopcnt {
			kernel = coarseBoundsVPOPCNT
		}
		words := len(q.planes) / coarsePlanes
		_, _ = c.bits[8*(first+full)*words-1], bounds[8*full-1]
		kernel(&bounds[0], &masks[0], &q.planes[0], &c.bits[8*first*words], &c.factor[8*first], &c.spread[8*first], &c.ones[8*first], words, full,
			2*q.low, 2*q.step, q.sum, coarseErrors, bar)
		bounds, masks, first = bounds[8*full:], masks[full:], first+full
	}
	coarseBoundsPlain(bounds, masks, c, q, first, bar)
}

//go:noescape
func coarseBoundsVPOPCNT(bounds *float32, masks *byte, planes, groups *uint64, factor, spread *float32, ones *int32, words, n int, low, step, sum, errors, bar float32)

//go:noescape
func coarseBoundsAVX2(bounds *float32, masks *byte, planes, groups *uint64, factor, spread *float32, ones *int32, words, n int, low, step, sum, errors, bar float32)

//go:build !purego

package sqlitestore

import "golang.org/x/sys/cpu"

// useVNNI and useAVX2 are variables so that tests run every kernel.
var (
	useVNNI = cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512VNNI
	useAVX2 = cpu.X86.HasAVX2

	usePopcnt = cpu.X86.HasAVX512F && cpu.X86.HasAVX512VPOPCNTDQ
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

// coarseRowsOf is coarseRowsPlain; len(out) is a multiple of 8.
func coarseRowsOf(out []int32, planes, groups []uint64) {
	n, words := len(out)/8, len(planes)/coarsePlanes
	if !usePopcnt || n == 0 {
		coarseRowsPlain(out, planes, groups)
		return
	}
	_ = groups[8*n*words-1]
	coarseRowsVPOPCNT(&out[0], &planes[0], &groups[0], words, n)
}

// coarsePays says whether coarse codes are faster than 8-bit codes here.
func coarsePays() bool { return usePopcnt || !useAVX2 }

//go:noescape
func coarseRowsVPOPCNT(out *int32, planes, groups *uint64, words, n int)

package sqlitestore

import "encoding/binary"

// kernelQuery is the code of a question in the forms that kernels want.
type kernelQuery struct {
	code   []int8 // signed
	biased []byte // code + 128
}

func newKernelQuery(code []int8) *kernelQuery {
	q := &kernelQuery{code: code, biased: make([]byte, len(code))}
	for i, c := range code {
		q.biased[i] = byte(int(c) + 128)
	}
	return q
}

// dotRowsPlain computes the product of a code with each of the rows, and is
// what the assembly is measured against. len(rows) is len(out) × len(code), a
// multiple of 64.
func dotRowsPlain(out []int32, q *kernelQuery, rows []int8) {
	width := len(q.code)
	for i := range out {
		row := rows[i*width : (i+1)*width]
		row = row[:len(q.code)]
		var a, b int32
		for j := 0; j+1 < len(q.code); j += 2 {
			a += int32(q.code[j]) * int32(row[j])
			b += int32(q.code[j+1]) * int32(row[j+1])
		}
		out[i] = a + b
	}
}

// dotRowsOneByOne is dotRows for some of the rows, by their numbers.
func dotRowsOneByOne(out []int32, q *kernelQuery, codes []int8, sums []int32, rows []uint32) {
	width := len(q.code)
	for i, row := range rows {
		at := int(row) * width
		dotRows(out[i:i+1], q, codes[at:at+width], sums[row:row+1])
	}
}

// unpackPlain reads 128 numbers of width bits each, 1 to 32. src goes on for 8
// bytes behind them.
func unpackPlain(dst *[blockSize]uint32, src []byte, width int) {
	mask := uint64(1)<<width - 1
	src = src[:16*width+8]
	at := 0
	for i := 0; i < blockSize; i += 4 {
		// Four numbers at a time, for less bookkeeping.
		dst[i] = uint32(binary.LittleEndian.Uint64(src[at>>3:]) >> (at & 7) & mask)
		at += width
		dst[i+1] = uint32(binary.LittleEndian.Uint64(src[at>>3:]) >> (at & 7) & mask)
		at += width
		dst[i+2] = uint32(binary.LittleEndian.Uint64(src[at>>3:]) >> (at & 7) & mask)
		at += width
		dst[i+3] = uint32(binary.LittleEndian.Uint64(src[at>>3:]) >> (at & 7) & mask)
		at += width
	}
}

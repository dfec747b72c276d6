package sqlitestore

// dotRowsPlain computes the product of a code with each row of codes.
func dotRowsPlain(out []int32, code, rows []int8) {
	width := len(code)
	for i := range out {
		row := rows[i*width : (i+1)*width]
		row = row[:len(code)]
		var sum int32
		for j, c := range code {
			sum += int32(c) * int32(row[j])
		}
		out[i] = sum
	}
}

func dotRows(out []int32, code, rows []int8, sums []int32) { dotRowsPlain(out, code, rows) }

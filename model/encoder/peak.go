package encoder

// peak is the most that a kernel's multiplications could reach: functions that do
// nothing else, on registers, and the operations of one turn of theirs, products
// and additions counted apart.
type peak struct {
	dot, float     func(n int)
	dotOps, fltOps float64
}

package retrieve

import "math"

// Centre returns v at length 1 less mean. Without a mean of its length v comes
// back as it is.
func Centre(v, mean []float32) []float32 {
	if len(mean) == 0 || len(mean) != len(v) {
		return v
	}
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return v
	}
	out := make([]float32, len(v))
	n := 1 / math.Sqrt(sum)
	for i, x := range v {
		out[i] = float32(float64(x)*n) - mean[i]
	}
	return out
}

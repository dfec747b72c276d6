//go:build !purego

package sqlitestore

// forEachKernel runs f with each kernel that this machine has.
func forEachKernel(f func(name string)) {
	defer func(vnni, avx2, popcnt bool) { useVNNI, useAVX2, usePopcnt = vnni, avx2, popcnt }(useVNNI, useAVX2, usePopcnt)
	if useVNNI {
		f(kernelName())
	}
	usePopcnt = false
	if useVNNI = false; useAVX2 {
		f(kernelName())
	}
	useAVX2 = false
	f(kernelName())
}

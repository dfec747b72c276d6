//go:build !purego

package sqlitestore

// forEachKernel runs f with each kernel that this machine has.
func forEachKernel(f func(name string)) {
	defer func(vnni, avx2 bool) { useVNNI, useAVX2 = vnni, avx2 }(useVNNI, useAVX2)
	if useVNNI {
		f(kernelName())
	}
	if useVNNI = false; useAVX2 {
		f(kernelName())
	}
	useAVX2 = false
	f(kernelName())
}

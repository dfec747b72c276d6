//go:build !purego

package encoder

import (
	"runtime"

	"golang.org/x/sys/cpu"
)

func kernels() []*kernel {
	// Every Apple processor has dot products, whether the system says so or not.
	if cpu.ARM64.HasASIMDDP || runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return []*kernel{&neonDot, &neon, &portable}
	}
	return []*kernel{&neon, &portable}
}

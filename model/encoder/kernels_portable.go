//go:build purego || !(amd64 || arm64)

package encoder

func kernels() []*kernel { return []*kernel{&portable} }

// peaks are of kernels in assembly.
var peaks = map[string]peak{}

package encoder

import (
	"fmt"
	"strings"
)

// Kernels names the arithmetic that this processor can run, fastest first; the
// last is always portable.
func Kernels() []string {
	var names []string
	for _, k := range kernels() {
		names = append(names, k.name)
	}
	return names
}

func chooseKernel(name string) (*kernel, error) {
	for _, k := range kernels() {
		if name == "" || k.name == name {
			return k, nil
		}
	}
	return nil, fmt.Errorf("no kernel %q on this processor: it has %s", name, strings.Join(Kernels(), ", "))
}

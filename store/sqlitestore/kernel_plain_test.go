//go:build !amd64 || purego

package sqlitestore

func forEachKernel(f func(name string)) { f(kernelName()) }

//go:build !linux

package sandbox

func confine(Limits) error { return nil }

func limitCPU(int) {}

func watchCPU() func() { return func() {} }

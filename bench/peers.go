package main

import (
	_ "embed"
	"os/exec"
)

// peersScript runs engines that have Python packages, with the flags of a child.
//
//go:embed peers.py
var peersScript string

func pythonHas(python, module string) bool {
	return exec.Command(python, "-c", "import "+module).Run() == nil
}

//go:build tools

// Package tools pins the programs that development needs, apart from the
// product's own dependencies.
package tools

import (
	_ "golang.org/x/vuln/cmd/govulncheck"
	_ "honnef.co/go/tools/cmd/staticcheck"
)

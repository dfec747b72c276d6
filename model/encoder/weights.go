//go:build !noencoder

package encoder

import _ "embed"

//go:generate go run ./internal/asm

// weightsFile is written by internal/convert.
//
//go:embed weights.bin
var weightsFile string

// meansFile is written by internal/means.
//
//go:embed means.bin
var meansFile string

// piecesFile is written by TestPieces, with -update.
//
//go:embed pieces.bin
var piecesFile string

// rowsFile is written by TestRows, with -update.
//
//go:embed rows.bin
var rowsFile string

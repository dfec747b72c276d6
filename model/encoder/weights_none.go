//go:build noencoder

package encoder

const weightsFile, meansFile, piecesFile, rowsFile = "", "", "", ""

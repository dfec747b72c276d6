//go:build race

package qdrantstore_test

// underRace makes tests with much data smaller: the detector slows them tenfold.
const underRace = true

//go:build !race

package qdrantstore_test

const underRace = false

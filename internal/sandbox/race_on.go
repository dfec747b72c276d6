//go:build race

package sandbox

// raceDetector is on: its shadow memory is far larger than any cap that means
// something, so only the watch on resident memory applies.
const raceDetector = true

// Package transcribe turns recordings into text: over HTTP by any server with
// OpenAI's /v1/audio/transcriptions (openai.go), or by a local whisper command
// (command.go). Pieces (pieces.go) stands before either: it decodes a recording,
// by ffmpeg where that is installed and WAV in any case, cuts it where it is
// quiet, and puts the segments together. Cache (cache.go) remembers what a
// recording said.
package transcribe

// Package langchain reaches language and embedding models through langchaingo:
// OpenAI-compatible servers, Ollama at its OpenAI-compatible path, and
// Anthropic.
//
// Bottom up: an exchange is the HTTP client of one call; it turns every failure
// into a [model.Error], retries what is worth retrying, and watches the stream
// for errors and broken ends that langchaingo lets pass as success; [Generator]
// and [Embedder] implement the contracts of package model on top of it.
package langchain

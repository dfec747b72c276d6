// Package rerank orders passages by a cross-encoder that runs as a server.
//
// Two shapes of the protocol are spoken. Most servers take
// {"model", "query", "documents"} at /v1/rerank and answer with
// {"results": [{"index", "relevance_score"}]}: Jina, Cohere (at /v2/rerank), vLLM,
// llama.cpp and others. Text Embeddings Inference takes {"query", "texts"} at
// /rerank, a limited number at once, and answers with [{"index", "score"}].
package rerank

// Package ingest is the write path: it brings a collection in line with the
// places its documents come from.
//
// Bottom up: a [Source] lists [Item]s; an [Extractor] turns an item's bytes into
// [Document]s, text with its structure; [Split] cuts a document into [Chunk]s;
// the [Syncer] compares the source with the store's ledger, writes what is new
// or changed, removes what is gone, and fills in dense vectors afterwards.
package ingest

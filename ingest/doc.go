// Package ingest is the write path: it brings a collection in line with the
// places its documents come from.
//
// Bottom up: a [Source] lists [Item]s; [Folder] is the source of a folder or of
// single files (dirsource.go), which walk.go lists by the rules of ignore.go. An
// [Extractor] turns an item's bytes into [Document]s, text with its structure.
// [Split] cuts a document into [Chunk]s: split.go packs pieces, cut.go makes them
// smaller where they must be, locate.go finds page, line and time.
//
// The [Syncer] (sync.go) compares the source with the store's ledger (ledger.go)
// and with the remembered roots (roots.go), reads what is new or changed, several
// files at a time (read.go), writes it in an order in which a run may be cut off
// anywhere (batch.go), and removes what is gone. [Fill] (embed.go) makes the
// vectors that are missing afterwards. [Syncer.Watch] (watch.go) does both
// whenever something changes.
package ingest

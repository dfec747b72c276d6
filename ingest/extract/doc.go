// Package extract turns bytes into text with structure: blocks, sections,
// pages, times.
//
// A format is one file of this package and one row of the table in format.go.
// A row recognises the format by its content, the file name only breaks ties,
// and reads it into documents with the help of a [builder], which lays out text
// and blocks and keeps the limits. Containers hand their members back to the
// table.
//
// [New] gives an extractor that reads in the calling process, for tests and for
// bytes that are trusted. [NewPool] gives one that reads in child processes with
// a deadline and a memory cap; a program that uses it calls [MaybeChild] first
// thing in main, since the children are the program itself.
package extract

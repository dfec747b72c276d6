// Command lore answers questions over a folder of documents.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/lore-kb/lore/ingest/extract"
)

// version is set by the linker.
var version = "dev"

func main() {
	extract.MaybeChild() // does not return in a reader process
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

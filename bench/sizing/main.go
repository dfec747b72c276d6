// Command sizing computes what a collection of a given size needs on Qdrant, from
// figures measured for one chunk. The figures are flags; the defaults were
// measured with the benchmark beside it, as docs/SCALING.md tells.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

func main() {
	m := defaults()
	flag.Float64Var(&m.TextBytes, "text", m.TextBytes, "bytes of text of a chunk")
	flag.Float64Var(&m.Disk, "disk", m.Disk, "bytes of a chunk on disk, one copy, without its vector")
	flag.Float64Var(&m.Memory, "memory", m.Memory, "bytes of a chunk in memory, one copy, without its vector")
	flag.IntVar(&m.Dimension, "dim", m.Dimension, "numbers of a vector")
	flag.Float64Var(&m.WordsFixed, "words-fixed", m.WordsFixed, "core ms of a question by words that do not depend on the size, for each shard")
	flag.Float64Var(&m.WordsMillion, "words-million", m.WordsMillion, "core ms of a question by words for each million chunks")
	flag.Float64Var(&m.Vectors, "vectors", m.Vectors, "core ms of a question by vector, for each shard")
	flag.Float64Var(&m.Index, "index", m.Index, "core ms that the servers spend on a chunk, one copy, until its graph is built")
	flag.Float64Var(&m.Feed, "feed", m.Feed, "core ms that lore spends on a chunk, without its vector")
	flag.Float64Var(&m.Embed, "embed", m.Embed, "chunks a second that one core of lore's encoder embeds")
	flag.Float64Var(&m.EmbedGPU, "embed-gpu", m.EmbedGPU, "chunks a second that a model server on one GPU embeds")
	flag.Float64Var(&m.Tokens, "tokens", m.Tokens, "tokens of a chunk")
	flag.Float64Var(&m.TokenPrice, "token-price", m.TokenPrice, "price of a million tokens at a hosted model")
	flag.IntVar(&m.Replicas, "replicas", m.Replicas, "copies of each shard")
	flag.Float64Var(&m.ShardChunks, "shard", m.ShardChunks, "chunks that a shard should not exceed")
	flag.Float64Var(&m.MachineMemory, "machine-memory", m.MachineMemory, "GB of memory of a machine")
	flag.Float64Var(&m.MachineDisk, "machine-disk", m.MachineDisk, "GB of disk of a machine")
	flag.IntVar(&m.MachineCores, "machine-cores", m.MachineCores, "cores of a machine")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "sizing: it takes flags alone")
		os.Exit(2)
	}
	if why := m.check(); why != "" {
		fmt.Fprintln(os.Stderr, "sizing:", why)
		os.Exit(2)
	}
	fmt.Print(table(m, 10e6, 100e6, 1e9))
}

// table is a Markdown table with a column for each size.
func table(m measured, sizes ...float64) string {
	var needs []need
	head, rule := "| |", "|---|"
	for _, n := range sizes {
		needs = append(needs, m.size(n))
		head += " " + count(n) + " chunks |"
		rule += "---|"
	}
	var b strings.Builder
	b.WriteString(head + "\n" + rule + "\n")
	row := func(name string, value func(n need) string) {
		b.WriteString("| " + name + " |")
		for _, n := range needs {
			b.WriteString(" " + value(n) + " |")
		}
		b.WriteByte('\n')
	}
	row("text", func(n need) string { return bytes(n.Text) })
	row("disk, one copy", func(n need) string { return bytes(n.Disk) })
	row("memory, one copy", func(n need) string { return bytes(n.Memory) })
	row(fmt.Sprintf("disk, %d copies, with room to merge", m.Replicas), func(n need) string { return bytes(n.DiskAll) })
	row(fmt.Sprintf("memory, %d copies", m.Replicas), func(n need) string { return bytes(n.MemoryAll) })
	row("shards", func(n need) string { return fmt.Sprint(n.Shards) })
	row(fmt.Sprintf("machines of %.0f GB, %d cores, %.0f TB of disk", m.MachineMemory, m.MachineCores, m.MachineDisk/1000), func(n need) string { return fmt.Sprintf("%d (%s)", n.Machines, n.Bound) })
	row("processor time of a question by words", func(n need) string { return duration(n.WordsTime) })
	row("processor time of a question by vector", func(n need) string { return duration(n.VectorsTime) })
	row("questions a second, both legs, all machines busy", func(n need) string { return quantity(n.Questions) })
	row("first indexing, without vectors, 16 cores of lore", func(n need) string { return duration(n.IndexTime) })
	row("embedding all of it, built-in encoder, 16 cores", func(n need) string { return duration(n.EmbedTime) })
	row("embedding all of it, model server on one GPU", func(n need) string { return duration(n.GPUTime) })
	row("embedding all of it, hosted model", func(n need) string { return "$" + count(n.HostedPrice) })
	return b.String()
}

// quantity rounds to two significant digits.
func quantity(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", round2(x))
	case x >= 10:
		return fmt.Sprintf("%.0f", x)
	case x >= 1:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2g", x)
}

func round2(x float64) float64 {
	scale := 1.0
	for x/scale >= 100 {
		scale *= 10
	}
	return float64(int(x/scale+0.5)) * scale
}

func count(x float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e9, "B"}, {1e6, "M"}, {1e3, "k"}} {
		if x >= unit.size {
			return strings.TrimSuffix(quantity(x/unit.size), ".0") + unit.name
		}
	}
	return quantity(x)
}

func bytes(x float64) string {
	switch {
	case x >= 1e12:
		return quantity(x/1e12) + " TB"
	case x >= 1e9:
		return quantity(x/1e9) + " GB"
	}
	return quantity(x/1e6) + " MB"
}

// duration of seconds.
func duration(s float64) string {
	switch {
	case s >= 2*86400:
		return quantity(s/86400) + " days"
	case s >= 2*3600:
		return quantity(s/3600) + " h"
	case s >= 120:
		return quantity(s/60) + " min"
	case s >= 1:
		return quantity(s) + " s"
	}
	return quantity(s*1e3) + " ms"
}

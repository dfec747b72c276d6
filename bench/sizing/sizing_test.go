package main

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table into the page")

// TestDocument holds the page's table to what the program computes.
func TestDocument(t *testing.T) {
	const (
		page  = "../../docs/SCALING.md"
		begin = "in bench/ -->\n\n"
		end   = "<!-- end of the table -->"
	)
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(b), begin)
	got, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no marks about its table", page)
	}
	want := table(defaults(), 10e6, 100e6, 1e9)
	if got == want {
		return
	}
	if !*update {
		t.Fatalf("%s has another table than this, which -update writes:\n%s", page, want)
	}
	if err := os.WriteFile(page, []byte(head+begin+want+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestSize(t *testing.T) {
	m := measured{TextBytes: 1000, Disk: 5000, Memory: 1000, Dimension: 100, WordsFixed: 1, WordsMillion: 10, Vectors: 2, Index: 4, Feed: 1, Embed: 100, EmbedGPU: 1000,
		Tokens: 200, TokenPrice: 0.1, Replicas: 2, ShardChunks: 10e6, MachineMemory: 100, MachineDisk: 1000, MachineCores: 10}
	if why := m.check(); why != "" {
		t.Fatal(why)
	}
	small, large := m.size(1e6), m.size(1e9)
	if small.Machines != 3 || small.Shards != 1 || small.Bound != "copies and a majority" {
		t.Errorf("a million chunks: %+v", small)
	}
	// 1e9 × (1000 + 100 + 132.3) bytes × 2 copies on 75 GB of each machine.
	if large.Machines != 33 || large.Bound != "memory" || large.Shards < 100 || large.Shards*2%large.Machines != 0 && large.Shards*2/large.Machines < 6 {
		t.Errorf("a billion chunks: %+v", large)
	}
	if got, want := small.WordsTime, 0.011; got != want {
		t.Errorf("a question by words takes %g core seconds, want %g", got, want)
	}
	if large.HostedPrice != 1e9*200/1e6*0.1 || large.EmbedTime != 1e9/1600 {
		t.Errorf("a billion chunks: %+v", large)
	}
	m.MachineMemory = 10000
	if got := m.size(1e9); got.Bound != "disk" {
		t.Errorf("with much memory: %+v", got)
	}
	m.Embed = 0
	if m.check() == "" {
		t.Error("a rate of zero is taken")
	}
}

func TestFormats(t *testing.T) {
	for got, want := range map[string]string{
		count(10e6): "10M", count(1e9): "1B", count(1500): "1.5k", bytes(12.3e12): "12 TB", bytes(4.56e9): "4.6 GB",
		duration(0.0123): "12 ms", duration(90): "90 s", duration(300): "5.0 min", duration(9000): "2.5 h", duration(864000): "10 days", quantity(1234): "1200", quantity(0.123): "0.12",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

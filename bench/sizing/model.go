package main

import "math"

// measured are the figures that the table follows from.
type measured struct {
	TextBytes    float64 // of a chunk
	Disk         float64 // bytes of a chunk, without its vector
	Memory       float64 // bytes of a chunk, without its vector
	Dimension    int
	WordsFixed   float64 // core ms of a question, for each shard
	WordsMillion float64 // core ms of a question, for each million chunks
	Vectors      float64 // core ms of a question, for each shard
	Index        float64 // core ms of the servers for a chunk of one copy
	Feed         float64 // core ms of lore for a chunk
	Embed        float64 // chunks a second and core
	EmbedGPU     float64 // chunks a second
	Tokens       float64 // of a chunk
	TokenPrice   float64 // of a million

	Replicas      int
	ShardChunks   float64
	MachineMemory float64 // GB
	MachineDisk   float64 // GB
	MachineCores  int
}

// defaults are of the measurement in docs/SCALING.md.
func defaults() measured {
	return measured{
		TextBytes: 583, Disk: 4200, Memory: 2100, Dimension: 384,
		WordsFixed: 10, WordsMillion: 15, Vectors: 6.8, Index: 2.6, Feed: 0.2,
		Embed: 48, EmbedGPU: 2000, Tokens: 256, TokenPrice: 0.02,
		Replicas: 2, ShardChunks: 20e6, MachineMemory: 128, MachineDisk: 4000, MachineCores: 32,
	}
}

const (
	// mergeRoom is how much larger than its data a disk has to be: the server
	// writes a new segment before it deletes the ones it was made from.
	mergeRoom = 1.5
	// memoryShare is how much of a machine's memory may be promised; the rest is
	// for the system, for what is written just now, and for its disk cache.
	memoryShare = 0.75
	// diskShare is how full a disk may be.
	diskShare = 0.85
	// lorecores feed and embed.
	loreCores = 16
	// graphBytes of a vector: 16 neighbours on each level, 32 on the lowest, of
	// four bytes.
	graphBytes = 4 * (32 + 16/15.0)
)

// need is what a number of chunks needs.
type need struct {
	Text, Disk, Memory     float64 // bytes of one copy
	DiskAll, MemoryAll     float64 // of all copies
	Shards, Machines       int
	Bound                  string  // what decides the number of machines
	WordsTime, VectorsTime float64 // core seconds of a question
	Questions              float64 // a second
	IndexTime, EmbedTime   float64 // seconds
	GPUTime                float64
	HostedPrice            float64
}

// check says what is wrong with the figures; "" when nothing is.
func (m measured) check() string {
	for _, x := range []float64{m.TextBytes, m.Disk, m.Memory, float64(m.Dimension), m.WordsMillion, m.Vectors, m.Index, m.Feed, m.Embed, m.EmbedGPU, m.Tokens,
		float64(m.Replicas), m.ShardChunks, m.MachineMemory, m.MachineDisk, float64(m.MachineCores)} {
		if !(x > 0) || math.IsInf(x, 0) {
			return "every figure but -words-fixed and -token-price must be positive"
		}
	}
	return ""
}

// size computes what n chunks need. A question costs each shard something,
// whatever its size, and the words leg something for each chunk, since the
// postings of a word grow with the collection; the graph of the vectors grows
// with the logarithm, which is left out.
func (m measured) size(n float64) need {
	dimension, replicas := float64(m.Dimension), float64(m.Replicas)
	out := need{
		Text:   n * m.TextBytes,
		Disk:   n * (m.Disk + 5*dimension + graphBytes), // float32 and the 8-bit copy
		Memory: n * (m.Memory + dimension + graphBytes), // the 8-bit copy
	}
	out.DiskAll, out.MemoryAll = out.Disk*replicas*mergeRoom, out.Memory*replicas
	byMemory := math.Ceil(out.MemoryAll / (m.MachineMemory * 1e9 * memoryShare))
	byDisk := math.Ceil(out.DiskAll / (m.MachineDisk * 1e9 * diskShare))
	machines := max(byMemory, byDisk, replicas+1)
	out.Bound = "copies and a majority"
	switch machines {
	case byMemory:
		out.Bound = "memory"
	case byDisk:
		out.Bound = "disk"
	}
	// As many shards on every machine, so that all have the same to do.
	out.Machines = int(machines)
	out.Shards = int(math.Ceil(max(n/m.ShardChunks, 1)))
	if perMachine := math.Ceil(float64(out.Shards) * replicas / machines); out.Shards > 1 {
		out.Shards = int(math.Ceil(perMachine * machines / replicas))
	}
	shards := float64(out.Shards)
	out.WordsTime = (m.WordsFixed*shards + m.WordsMillion*n/1e6) / 1e3
	out.VectorsTime = m.Vectors * shards / 1e3
	cores := machines * float64(m.MachineCores)
	out.Questions = cores / (out.WordsTime + out.VectorsTime)
	out.IndexTime = max(n*m.Feed/1e3/loreCores, n*m.Index*replicas/1e3/cores)
	out.EmbedTime = n / (m.Embed * loreCores)
	out.GPUTime = n / m.EmbedGPU
	out.HostedPrice = n * m.Tokens / 1e6 * m.TokenPrice
	return out
}

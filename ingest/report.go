package ingest

import "time"

// Report says what a sync did.
type Report struct {
	// Root is the identifier of the root that was synced, and Scope the path in
	// it to which the sync was restricted. They are not those of the source when
	// it lies in a remembered root.
	Root, Scope string

	New, Updated, Unchanged, Removed, Failed int
	Renamed                                  int // of New, those whose content was known under another path
	Skipped                                  map[SkipReason]int
	Failures                                 []Failure // ordered by path
	Remarks                                  []Failure // what could not be read of documents that were written, ordered by path
	Warnings                                 []string  // one line each, such as why nothing was removed
	Pending                                  int       // points still without a vector
	Embedded                                 int       // vectors made in this run
	Bytes                                    int64     // of text written
	Chunks                                   int       // written
	Elapsed                                  time.Duration
}

// Failure is a file that could not be indexed.
type Failure struct {
	Path   string
	Reason string // one line
}

// Progress is where a running sync stands. Total is 0 while it is unknown.
type Progress struct {
	Stage       Stage
	Done, Total int    // files, or points while embedding
	Current     string // path
	Chunks      int    // written or embedded so far
	Failed      int
	Elapsed     time.Duration // of the stage
}

// Stage of a sync.
type Stage string

const (
	StageScan  Stage = "scan"
	StageIndex Stage = "index"
	StageEmbed Stage = "embed"
)

package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lore-kb/lore/ingest"
)

// progressPrinter shows how a sync goes: one line that is rewritten on a
// terminal, a plain line now and then elsewhere.
type progressPrinter struct {
	w        io.Writer
	live     bool
	columns  int
	last     time.Time
	lastSize int
	began    time.Time
	stage    ingest.Stage
}

const (
	liveInterval  = 100 * time.Millisecond
	plainInterval = 10 * time.Second
)

func (p *program) progress() *progressPrinter {
	now := time.Now()
	return &progressPrinter{w: p.err, live: terminal(p.err), columns: width(p.err), began: now, last: now}
}

// show prints where a sync stands, unless it did so a moment ago.
func (pp *progressPrinter) show(at ingest.Progress) {
	now := time.Now()
	interval := plainInterval
	if pp.live {
		interval = liveInterval
	}
	if now.Sub(pp.last) < interval && (at.Stage == pp.stage || !pp.live) {
		return
	}
	pp.last, pp.stage = now, at.Stage
	line := progressLine(at)
	if !pp.live {
		fmt.Fprintln(pp.w, line)
		return
	}
	line = clip(line, pp.columns-1)
	pad := max(0, pp.lastSize-len(line))
	fmt.Fprintf(pp.w, "\r%s%s", line, strings.Repeat(" ", pad))
	pp.lastSize = len(line)
}

// clear takes the line away before something else is printed.
func (pp *progressPrinter) clear() {
	if pp.live && pp.lastSize > 0 {
		fmt.Fprintf(pp.w, "\r%s\r", strings.Repeat(" ", min(pp.lastSize, pp.columns-1)))
		pp.lastSize = 0
	}
}

// progressLine says what is done, how fast it goes and how long it will take.
func progressLine(at ingest.Progress) string {
	var parts []string
	seconds := at.Elapsed.Seconds()
	switch at.Stage {
	case ingest.StageScan:
		parts = append(parts, fmt.Sprintf("looking: %d files", at.Done))
	case ingest.StageIndex:
		parts = append(parts, "indexing "+share(at.Done, at.Total, "files"))
	case ingest.StageEmbed:
		parts = append(parts, "embedding "+share(at.Done, at.Total, "passages"))
	}
	if at.Stage != ingest.StageScan && seconds > 0.5 {
		rate := float64(at.Chunks) / seconds
		parts = append(parts, fmt.Sprintf("%.4g a second", round(rate)))
		if at.Done > 0 && at.Total > at.Done {
			left := time.Duration(float64(at.Elapsed) / float64(at.Done) * float64(at.Total-at.Done))
			parts = append(parts, duration(left)+" left")
		}
	}
	if at.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", at.Failed))
	}
	if at.Current != "" {
		parts = append(parts, printable(at.Current))
	}
	return strings.Join(parts, " · ")
}

func share(done, total int, what string) string {
	if total == 0 {
		return fmt.Sprintf("%d %s", done, what)
	}
	return fmt.Sprintf("%d of %d %s (%d %%)", done, total, what, done*100/total)
}

func round(f float64) float64 {
	if f >= 10 {
		return float64(int(f + 0.5))
	}
	return float64(int(f*10+0.5)) / 10
}

func duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return "less than a second"
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()+0.5))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}

// clip shortens text to a number of columns, counting wide characters double.
func clip(text string, columns int) string {
	used := 0
	for i, r := range text {
		w := 1
		if r >= 0x1100 {
			w = 2
		}
		if used+w > columns {
			return text[:i]
		}
		used += w
	}
	return text
}

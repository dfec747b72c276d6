package ingest

import "time"

// progressEvery is the least time between two reports of a running stage.
const progressEvery = 100 * time.Millisecond

// ticker passes progress on, not too often.
type ticker struct {
	report func(Progress)
	now    func() time.Time
	began  time.Time
	last   time.Time
	p      Progress
}

func (t *ticker) start(stage Stage, total int) {
	t.end()
	t.began = t.now()
	t.p = Progress{Stage: stage, Total: total}
	t.send()
}

func (t *ticker) step(done int, current string, chunks, failed int) {
	t.p.Done, t.p.Current, t.p.Chunks, t.p.Failed = done, current, chunks, failed
	if t.report != nil && t.now().Sub(t.last) >= progressEvery {
		t.send()
	}
}

// end reports the last state of the stage.
func (t *ticker) end() {
	if t.p.Stage != "" {
		t.send()
		t.p = Progress{}
	}
}

func (t *ticker) send() {
	if t.report == nil {
		return
	}
	t.last = t.now()
	t.p.Elapsed = t.last.Sub(t.began)
	t.report(t.p)
}

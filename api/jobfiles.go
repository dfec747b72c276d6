package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Jobs are written into the data folder as they go, one file each, so that of
// several servers with one folder each can tell of the jobs of all, and cancel
// them. Who does a job touches its file while it lives.

const (
	jobsFolder = "jobs"
	jobPulse   = 5 * time.Second        // how often the file of a job that lives is written at least
	jobLost    = 4 * jobPulse           // age of the file from which its server is taken for gone
	jobPause   = 300 * time.Millisecond // between two writes, and between two looks
	jobFileAge = 24 * time.Hour         // after which the file of a job is removed
)

var jobID = regexp.MustCompile(`^[0-9a-f]{16}$`)

// errJobLost is what became of a job whose server is gone.
var errJobLost = detail{Message: "the server that did this was stopped; start it again", Type: typeUnavailable, Code: "lost"}

// share keeps a job's file, which says written, until the job ends, and cancels the
// job when another server wishes it.
func (q *jobs) share(j *job, written jobBody) {
	file := filepath.Join(q.dir, written.ID+".json")
	tick := time.NewTicker(jobPause)
	defer tick.Stop()
	defer os.Remove(cancelFile(file))
	stop := q.ctx.Done()
	last := time.Now()
	for {
		body, changed := j.state()
		if stop == nil && body.State == jobQueued { // it will not be done any more
			now := time.Now().UTC()
			body.State, body.Ended = jobCancelled, &now
		}
		quiet := time.Since(last)
		if body.ended() || body.State != written.State || quiet > jobPulse || quiet >= jobPause && !sameJob(body, written) {
			if err := writeJob(file, body); err != nil {
				return // others do not see it; the work goes on
			}
			last, written = time.Now(), body
		}
		if body.ended() {
			break
		}
		select {
		case <-changed:
		case <-tick.C:
			if _, err := os.Stat(cancelFile(file)); err == nil {
				cancelJob(j)
			}
		case <-stop:
			stop = nil
		}
	}
	q.sweep()
}

func cancelFile(file string) string { return strings.TrimSuffix(file, ".json") + ".cancel" }

// writeJob replaces a file as a whole.
func writeJob(file string, body jobBody) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	data, err := json.Marshal(body)
	if err == nil {
		err = os.WriteFile(file+".new", data, 0o600)
	}
	if err == nil {
		err = os.Rename(file+".new", file)
	}
	if err != nil {
		return fmt.Errorf("job file: %w", err)
	}
	return nil
}

// sweep removes the files of jobs of long ago.
func (q *jobs) sweep() {
	entries, _ := os.ReadDir(q.dir)
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > jobFileAge {
			_ = os.Remove(filepath.Join(q.dir, entry.Name()))
		}
	}
}

// foreign reads the file of a job that another server does; ok is false where
// there is none that the grant sees.
func (q *jobs) foreign(g *grant, id string) (body jobBody, ok bool) {
	if q.dir == "" || !jobID.MatchString(id) {
		return body, false
	}
	file := filepath.Join(q.dir, id+".json")
	data, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(data, &body) != nil || body.ID != id || !g.sees(body.Collection) {
		return body, false
	}
	if info, err := os.Stat(file); err == nil && !body.ended() && time.Since(info.ModTime()) > jobLost {
		at := info.ModTime().UTC()
		body.State, body.Ended, body.Error = jobFailed, &at, &errJobLost
		body.Stage, body.Current, body.RemainMS = "", "", 0
	}
	return body, true
}

// standIn returns a job that shows how one of another server stands, as long as
// ctx lives.
func (q *jobs) standIn(ctx context.Context, g *grant, id string) *job {
	body, ok := q.foreign(g, id)
	if !ok {
		return nil
	}
	file := filepath.Join(q.dir, id+".json")
	j := &job{body: body, changed: make(chan struct{}), cancel: func() {
		if f, err := os.OpenFile(cancelFile(file), os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
			f.Close()
		}
	}}
	if body.ended() {
		j.cancel = func() {}
	}
	j.look = func() { // until it has changed, has ended or is no longer asked for
		for {
			now, ok := q.foreign(g, id)
			if !ok {
				now = body
				now.State, now.Error = jobFailed, &errJobLost
			}
			if !sameJob(now, body) {
				body = now
				j.change(func(b *jobBody) { *b = now })
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(jobPause):
			}
		}
	}
	return j
}

func sameJob(a, b jobBody) bool {
	return a.State == b.State && a.Stage == b.Stage && a.Done == b.Done && a.Total == b.Total && a.Current == b.Current
}

// others lists the jobs that other servers do, as the grant sees them.
func (q *jobs) others(g *grant, own map[string]bool) []jobBody {
	var out []jobBody
	entries, err := os.ReadDir(q.dir)
	if q.dir == "" || errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		id, ok := strings.CutSuffix(entry.Name(), ".json")
		if !ok || own[id] {
			continue
		}
		if body, ok := q.foreign(g, id); ok {
			out = append(out, body)
		}
	}
	return out
}

// newestFirst orders jobs by when they were asked for.
func newestFirst(list []jobBody) {
	slices.SortStableFunc(list, func(a, b jobBody) int {
		if c := b.Created.Compare(a.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
}

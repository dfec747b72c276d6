package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/store"
)

// kinds of jobs.
const (
	jobIndex = "index" // bring roots up to date
	jobEmbed = "embed" // make the vectors that are missing
)

// states of a job.
const (
	jobQueued    = "queued"
	jobRunning   = "running"
	jobDone      = "done"
	jobFailed    = "failed"
	jobCancelled = "cancelled"
)

// jobBody is a job as clients see it.
type jobBody struct {
	ID         string     `json:"id"`
	Kind       string     `json:"kind" enum:"index,embed"`
	Collection string     `json:"collection"`
	State      string     `json:"state" enum:"queued,running,done,failed,cancelled"`
	Stage      string     `json:"stage,omitempty" enum:"scan,index,embed"`
	Done       int        `json:"done" doc:"Files, or passages while vectors are made"`
	Total      int        `json:"total" doc:"0 while it is not known"`
	Current    string     `json:"current,omitempty"`
	RemainMS   int64      `json:"remaining_ms,omitempty" doc:"Of the stage, guessed from its pace"`
	Created    time.Time  `json:"created"`
	Started    *time.Time `json:"started,omitempty"`
	Ended      *time.Time `json:"ended,omitempty"`
	Error      *detail    `json:"error,omitempty"`
	Report     *jobReport `json:"report,omitempty"`
}

// jobReport says what a job did.
type jobReport struct {
	New       int          `json:"new"`
	Updated   int          `json:"updated"`
	Unchanged int          `json:"unchanged"`
	Removed   int          `json:"removed"`
	Failed    int          `json:"failed"`
	Embedded  int          `json:"embedded"`
	Pending   int          `json:"pending" doc:"Passages still without a vector"`
	Failures  []jobFailure `json:"failures"`
	Warnings  []string     `json:"warnings"`
}

type jobFailure struct {
	Path  string `json:"path"`
	Error string `json:"error"`
}

func (b *jobBody) ended() bool { return b.State != jobQueued && b.State != jobRunning }

// job is one piece of work on a collection.
type job struct {
	run    func(ctx context.Context, j *job) error
	same   string // jobs of a collection with the same work; "": none has
	cancel context.CancelFunc
	ctx    context.Context

	mu      sync.Mutex
	body    jobBody
	changed chan struct{} // closed at the next change
	look    func()        // waits for a change of a job of another server; nil: it is this one's
}

// change applies f to the body and wakes those who watch.
func (j *job) change(f func(*jobBody)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f(&j.body)
	close(j.changed)
	j.changed = make(chan struct{})
}

// state returns the body as it is now, and a channel that closes at the next
// change.
func (j *job) state() (jobBody, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.body, j.changed
}

// progress passes on where a sync stands.
func (j *job) progress(at ingest.Progress) {
	j.change(func(b *jobBody) {
		b.Stage, b.Done, b.Total, b.Current, b.RemainMS = string(at.Stage), at.Done, at.Total, at.Current, 0
		if at.Done > 0 && at.Total > at.Done {
			b.RemainMS = int64(float64(at.Elapsed.Milliseconds()) * float64(at.Total-at.Done) / float64(at.Done))
		}
	})
}

// jobsKept is how many jobs are remembered; the oldest ended ones go first.
const jobsKept = 100

// jobsWaiting bounds the queue.
const jobsWaiting = 50

// jobs runs jobs: those that index one after another, and beside them those that
// make vectors, so that new text is found before all vectors are there. The zero
// value is ready.
type jobs struct {
	mu      sync.Mutex
	ctx     context.Context
	stop    context.CancelFunc
	workers sync.WaitGroup
	all     []*job
	queues  map[string]chan *job
	failed  func(*job, error) *problem
	dir     string // for the jobs' files; "": none are written
}

// add queues a job. While one of the same work waits, it stands for both.
func (q *jobs) add(kind, collection, same string, run func(ctx context.Context, j *job) error) (*job, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.queues == nil {
		q.ctx, q.stop = context.WithCancel(context.Background())
		q.queues = map[string]chan *job{}
	}
	if q.ctx.Err() != nil {
		return nil, newProblem(http.StatusServiceUnavailable, typeUnavailable, "stopping", "the server is stopping")
	}
	for _, j := range q.all {
		if b, _ := j.state(); same != "" && j.same == same && b.Kind == kind && b.Collection == collection && b.State == jobQueued {
			return j, nil
		}
	}
	queue := q.queues[kind]
	if queue == nil {
		queue = make(chan *job, jobsWaiting)
		q.queues[kind] = queue
		q.workers.Go(func() { q.work(queue) })
	}
	j := &job{run: run, same: same, changed: make(chan struct{})}
	j.ctx, j.cancel = context.WithCancel(q.ctx)
	j.body = jobBody{ID: newRequestID(), Kind: kind, Collection: collection, State: jobQueued, Created: time.Now().UTC()}
	select {
	case queue <- j:
	default:
		j.cancel()
		return nil, newProblem(http.StatusTooManyRequests, typeRate, "busy", "too many jobs are waiting; try again")
	}
	q.all = append(q.all, j)
	if q.dir != "" {
		// Whoever is told of the job may ask another server for it at once.
		body, _ := j.state()
		if err := writeJob(filepath.Join(q.dir, body.ID+".json"), body); err == nil {
			q.workers.Go(func() { q.share(j, body) })
		}
	}
	for i := 0; len(q.all) > jobsKept && i < len(q.all); {
		if b, _ := q.all[i].state(); b.ended() {
			q.all = slices.Delete(q.all, i, i+1)
		} else {
			i++
		}
	}
	return j, nil
}

func (q *jobs) work(queue <-chan *job) {
	for {
		select {
		case <-q.ctx.Done():
			return
		case j := <-queue:
			q.do(j)
		}
	}
}

func (q *jobs) do(j *job) {
	defer j.cancel()
	if j.ctx.Err() != nil {
		return
	}
	began := time.Now().UTC()
	j.change(func(b *jobBody) { b.State, b.Started = jobRunning, &began })
	err := runSafely(j)
	cancelled := j.ctx.Err() != nil
	var p *problem
	if err != nil && !cancelled {
		p = q.failed(j, err)
	}
	now := time.Now().UTC()
	j.change(func(b *jobBody) {
		b.Ended, b.Stage, b.Current, b.RemainMS = &now, "", "", 0
		switch {
		case cancelled:
			b.State = jobCancelled
		case p != nil:
			b.State, b.Error = jobFailed, &p.Detail
		default:
			b.State = jobDone
		}
	})
}

func runSafely(j *job) (err error) {
	defer func() {
		if failure := recover(); failure != nil {
			err = fmt.Errorf("panic: %v", failure)
		}
	}()
	return j.run(j.ctx, j)
}

// close cancels all jobs and waits for them.
func (q *jobs) close() {
	q.mu.Lock()
	if q.stop != nil {
		q.stop()
	}
	q.mu.Unlock()
	q.workers.Wait()
}

// find returns a job of a collection that the grant sees, or nil.
func (q *jobs) find(g *grant, id string) *job {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, j := range q.all {
		if b, _ := j.state(); b.ID == id && g.sees(b.Collection) {
			return j
		}
	}
	return nil
}

// list returns the jobs that the grant sees, newest first.
func (q *jobs) list(g *grant) []jobBody {
	out, own := []jobBody{}, map[string]bool{}
	q.mu.Lock()
	for _, j := range slices.Backward(q.all) {
		b, _ := j.state()
		own[b.ID] = true
		if g.sees(b.Collection) {
			out = append(out, b)
		}
	}
	q.mu.Unlock()
	out = append(out, q.others(g, own)...)
	newestFirst(out)
	return out
}

// cancelAll cancels the jobs of a collection and waits until none runs.
func (q *jobs) cancelAll(ctx context.Context, collection string) {
	q.mu.Lock()
	all := slices.Clone(q.all)
	q.mu.Unlock()
	for _, j := range all {
		if b, _ := j.state(); b.Collection == collection && !b.ended() {
			cancelJob(j)
		}
	}
	for _, j := range all {
		for {
			b, changed := j.state()
			if b.Collection != collection || b.ended() {
				break
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}
}

// cancelJob ends a job that has not ended.
func cancelJob(j *job) {
	j.cancel()
	if b, _ := j.state(); b.State == jobQueued && j.look == nil {
		now := time.Now().UTC()
		j.change(func(b *jobBody) {
			if b.State == jobQueued {
				b.State, b.Ended = jobCancelled, &now
			}
		})
	}
}

// errReadOnlyServer is told where the server was not given the means to write.
var errReadOnlyServer = newProblem(http.StatusForbidden, typePermission, "read_only", publicText["read_only"])

// writer returns the collection's writing handle; create makes the collection
// when it is not there.
func (s *Server) writer(name string, create bool) (*lease, error) {
	if s.options.Write == nil || s.options.Syncer == nil {
		return nil, errReadOnlyServer
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.leases[name]
	if l == nil {
		l = &lease{open: func(ctx context.Context, create bool) (store.Store, error) { return s.options.Write(ctx, name, create) }}
		s.leases[name] = l
	}
	if create {
		l.mu.Lock()
		l.create = true
		l.mu.Unlock()
	}
	return l, nil
}

// indexJob queues a job that syncs sources, found when it runs; same names them
// where another job may have the same.
func (s *Server) indexJob(collection, same string, create, rebuild bool, sources func(ctx context.Context, st store.Store) ([]ingest.Source, error)) (*job, error) {
	l, err := s.writer(collection, create)
	if err != nil {
		return nil, err
	}
	return s.jobs.add(jobIndex, collection, same, func(ctx context.Context, j *job) error {
		st, release, err := l.hold(ctx)
		if err != nil {
			return err
		}
		defer release()
		list, err := sources(ctx, st)
		if err != nil {
			return err
		}
		syncer := s.options.Syncer(collection, st, ingest.SyncOptions{NoWait: true, Rebuild: rebuild, Progress: j.progress})
		total := &jobReport{Failures: []jobFailure{}, Warnings: []string{}}
		var errs []error
		for _, source := range list {
			report, err := syncer.Sync(ctx, source)
			total.add(report)
			snapshot := *total
			j.change(func(b *jobBody) { b.Report = &snapshot })
			if err != nil {
				errs = append(errs, err)
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		s.log.InfoContext(ctx, "indexed", "collection", collection, "new", total.New, "updated", total.Updated, "removed", total.Removed, "failed", total.Failed)
		select {
		case s.rooted <- struct{}{}:
		default:
		}
		s.fillLater(collection)
		return errors.Join(errs...)
	})
}

func (r *jobReport) add(other *ingest.Report) {
	r.New += other.New
	r.Updated += other.Updated
	r.Unchanged += other.Unchanged
	r.Removed += other.Removed
	r.Failed += other.Failed
	r.Embedded += other.Embedded
	r.Pending = other.Pending
	for _, f := range other.Failures {
		r.Failures = append(r.Failures, jobFailure{f.Path, f.Reason})
	}
	slices.SortFunc(r.Failures, func(a, b jobFailure) int { return cmp.Compare(a.Path, b.Path) })
	r.Warnings = append(r.Warnings, other.Warnings...)
}

// fillLater queues a job for the vectors that a collection lacks.
func (s *Server) fillLater(collection string) {
	if s.options.Embedder == nil {
		return
	}
	l, err := s.writer(collection, false)
	if err != nil {
		return
	}
	_, err = s.jobs.add(jobEmbed, collection, "vectors", func(ctx context.Context, j *job) error {
		st, release, err := l.hold(ctx)
		if err != nil {
			return err
		}
		defer release()
		filled, err := ingest.Fill(ctx, st, s.options.Embedder, &ingest.FillOptions{Progress: j.progress})
		report := &jobReport{Embedded: filled.Embedded, Pending: filled.Pending, Failures: []jobFailure{}, Warnings: []string{}}
		if filled.Warning != "" {
			report.Warnings = append(report.Warnings, filled.Warning)
		}
		j.change(func(b *jobBody) { b.Report = report })
		return err
	})
	if err != nil {
		s.log.Warn("no job for missing vectors", "collection", collection, "error", err)
	}
}

// knownRoots opens the remembered roots of a collection whose folders are there.
func (s *Server) knownRoots(ctx context.Context, st store.Store) ([]*ingest.Folder, error) {
	settings, err := st.Settings(ctx)
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	var folders []*ingest.Folder
	for _, root := range settings.Roots {
		folder, err := ingest.OpenRoot(root, &ingest.FolderOptions{Apart: s.apart(root.URI), IgnoreLinks: s.confined(root.URI)})
		if err != nil {
			s.log.WarnContext(ctx, "root left out", "root", root.URI, "error", err)
			continue
		}
		folders = append(folders, folder)
	}
	return folders, nil
}

// apart is what the listing of a root never enters: lore's own data, unless the
// root lies in it, as uploads do.
func (s *Server) apart(uri string) []string {
	if s.options.Data == "" {
		return nil
	}
	if dir, ok := ingest.FilePath(uri); ok && below(s.options.Data, dir) {
		return nil
	}
	return []string{s.options.Data}
}

// confined reports whether clients decide what of a root is indexed: then links
// are not followed, which could lead anywhere.
func (s *Server) confined(uri string) bool {
	dir, ok := ingest.FilePath(uri)
	if !ok || s.options.Data != "" && below(s.options.Data, dir) {
		return true
	}
	for _, allowed := range s.options.AllowPaths {
		if real, err := filepath.EvalSymlinks(allowed); err == nil && below(real, dir) {
			return true
		}
	}
	return false
}

// below reports whether path is dir or lies in it; both are absolute.
func below(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// allowedPath resolves a path that a client wants indexed: it must lie below an
// allowed folder when all links are followed.
func (s *Server) allowedPath(path string) (string, error) {
	refused := newProblem(http.StatusForbidden, typePermission, "path", "this path may not be indexed: it does not exist below a folder that the server was started with as --allow-path")
	if !filepath.IsAbs(path) {
		return "", newProblem(http.StatusBadRequest, typeInvalid, "path", "the path must be absolute")
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", refused
	}
	for _, dir := range s.options.AllowPaths {
		if allowed, err := filepath.EvalSymlinks(dir); err == nil && below(allowed, real) {
			return real, nil
		}
	}
	return "", refused
}

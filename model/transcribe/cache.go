package transcribe

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/lore-kb/lore/model"
)

// Cache is a [model.Transcriber] that keeps transcripts in files, by recording
// and model: a recording that was renamed, copied or is read again by a newer
// lore is not transcribed again. What is not asked for in keepFor is removed.
type Cache struct {
	t     model.Transcriber
	dir   string
	prune sync.Once
}

const keepFor = 60 * 24 * time.Hour

// Cached returns a transcriber that remembers in dir, which need not exist yet.
// That nothing can be written there is no error.
func Cached(t model.Transcriber, dir string) *Cache { return &Cache{t: t, dir: dir} }

// Info implements [model.Transcriber].
func (c *Cache) Info() model.TranscriberInfo { return c.t.Info() }

// Transcribe implements [model.Transcriber].
func (c *Cache) Transcribe(ctx context.Context, audio io.Reader, name string) ([]model.Segment, error) {
	c.prune.Do(c.removeOld)
	seeker, ok := audio.(io.ReadSeeker)
	if !ok {
		data, err := io.ReadAll(audio)
		if err != nil {
			return nil, fmt.Errorf("read recording: %w", err)
		}
		seeker = bytes.NewReader(data)
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00", c.t.Info().Name)
	if _, err := io.Copy(h, seeker); err != nil {
		return nil, fmt.Errorf("read recording: %w", err)
	}
	if _, err := seeker.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read recording: %w", err)
	}
	file := filepath.Join(c.dir, hex.EncodeToString(h.Sum(nil)[:16])+".json")
	if b, err := os.ReadFile(file); err == nil {
		var segments []model.Segment
		if json.Unmarshal(b, &segments) == nil {
			now := time.Now()
			_ = os.Chtimes(file, now, now)
			return segments, nil
		}
	}
	segments, err := c.t.Transcribe(ctx, seeker, name)
	if err == nil {
		c.write(file, segments)
	}
	return segments, err
}

// write keeps a transcript; a half-written one is never seen.
func (c *Cache) write(file string, segments []model.Segment) {
	b, err := json.Marshal(segments)
	if err != nil || os.MkdirAll(c.dir, 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(c.dir, ".new-*")
	if err != nil {
		return
	}
	_, err = f.Write(b)
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		os.Remove(f.Name())
	}
}

func (c *Cache) removeOld() {
	entries, _ := os.ReadDir(c.dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > keepFor {
			os.Remove(filepath.Join(c.dir, e.Name()))
		}
	}
}

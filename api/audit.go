package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// auditLine is what is kept of a change.
type auditLine struct {
	At      time.Time      `json:"at"`
	Request string         `json:"request"`
	Token   string         `json:"token"` // ID; "" is the server's own, or nobody's
	What    string         `json:"what"`
	About   map[string]any `json:"about"`
}

// audit writes what was changed, and by whom, to the log and to audit.jsonl in
// the data folder. about are names and values in turn.
func (s *Server) audit(ctx context.Context, what string, about ...any) {
	line := auditLine{time.Now().UTC(), requestID(ctx), grantOf(ctx).id, what, map[string]any{}}
	for i := 0; i+1 < len(about); i += 2 {
		line.About[fmt.Sprint(about[i])] = about[i+1]
	}
	s.log.InfoContext(ctx, "audit", "request", line.Request, "token", line.Token, "what", what, "about", line.About)
	if s.options.Data == "" {
		return
	}
	if err := s.addLine("audit.jsonl", line, 0); err != nil {
		s.log.ErrorContext(ctx, "audit not kept", "request", line.Request, "error", err)
	}
}

// errFull says that a file has reached its bound.
var errFull = errors.New("the file is full")

// addLine adds a line of JSON to a file of the data folder that only its owner
// can read. A most of 0 sets no bound on the file's size.
func (s *Server) addLine(name string, value any, most int64) error {
	line, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s.lines.Lock()
	defer s.lines.Unlock()
	if err := os.MkdirAll(s.options.Data, 0o755); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	file, err := os.OpenFile(filepath.Join(s.options.Data, name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	info, err := file.Stat()
	if err == nil && most > 0 && info.Size() > most {
		err = errFull
	}
	if err == nil {
		_, err = file.Write(append(line, '\n'))
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

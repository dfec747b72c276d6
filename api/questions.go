package api

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lore-kb/lore/ask"
)

// Questions that the documents do not answer are kept as lines of JSON, so that
// who cares for the documents sees what they lack. They are shown to admins
// alone; without a data folder none are kept.

const (
	questionsFile = "unanswered.jsonl"
	// questionsKept bounds the file in bytes. At twice that it is cut to its newer
	// half.
	questionsKept = 1 << 20
	// questionLength bounds what is kept of one question, in bytes.
	questionLength = 1000
)

// unanswered is a line of the file.
type unanswered struct {
	At       time.Time  `json:"at"`
	Question string     `json:"question"`
	Status   ask.Status `json:"status"`
	Missing  string     `json:"missing,omitempty"`
}

// questionBody is a question without an answer, with how often it was asked.
type questionBody struct {
	Question string     `json:"question"`
	Status   ask.Status `json:"status" enum:"not_found,partial"`
	Missing  string     `json:"missing,omitempty" doc:"What the documents lack"`
	Count    int        `json:"count"`
	Last     time.Time  `json:"last"`
}

type questionsInput struct {
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type questionsOutput struct {
	Body struct {
		Questions []questionBody `json:"questions" doc:"The most frequent first"`
	}
}

func (s *Server) questionRoutes(routes huma.API) {
	huma.Register(routes, huma.Operation{
		OperationID: "unanswered", Method: http.MethodGet, Path: "/v1/questions", Tags: []string{"server"},
		Summary:     "Questions that the documents do not answer",
		Description: "The same question in other capitals counts as the same. Needs a token with the scope admin.",
	}, func(ctx context.Context, in *questionsInput) (*questionsOutput, error) {
		list, err := s.questions()
		if err != nil {
			return nil, s.failed(ctx, err)
		}
		out := &questionsOutput{}
		out.Body.Questions = list[:min(len(list), in.Limit)]
		return out, nil
	})
	huma.Register(routes, huma.Operation{
		OperationID: "forget-unanswered", Method: http.MethodDelete, Path: "/v1/questions", Tags: []string{"server"},
		Summary: "Forget the questions without an answer", Description: "Needs a token with the scope admin.",
	}, func(ctx context.Context, _ *struct{}) (*struct{}, error) {
		if s.options.Data == "" {
			return nil, nil
		}
		s.lines.Lock()
		err := os.Remove(filepath.Join(s.options.Data, questionsFile))
		s.lines.Unlock()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, s.failed(ctx, fmt.Errorf("forget questions: %w", err))
		}
		s.audit(ctx, "forget questions")
		return nil, nil
	})
}

// keepUnanswered keeps the question of an answer that says the documents do not.
func (s *Server) keepUnanswered(ctx context.Context, a *ask.Answer) {
	if s.options.Data == "" || a.Status != ask.StatusNotFound && a.Status != ask.StatusPartial {
		return
	}
	question := strings.ToValidUTF8(cut(strings.Join(strings.Fields(cmp.Or(a.Standalone, a.Question)), " "), questionLength), "")
	if question == "" {
		return
	}
	line := unanswered{time.Now().UTC(), question, a.Status, strings.ToValidUTF8(cut(a.Missing, questionLength), "")}
	err := s.addLine(questionsFile, line, 2*questionsKept)
	if errors.Is(err, errFull) {
		if err = s.halveQuestions(); err == nil {
			err = s.addLine(questionsFile, line, 2*questionsKept)
		}
	}
	if err != nil {
		s.log.ErrorContext(ctx, "question not kept", "request", requestID(ctx), "error", err)
	}
}

func cut(text string, most int) string { return text[:min(len(text), most)] }

// halveQuestions drops the older lines of the file.
func (s *Server) halveQuestions() error {
	s.lines.Lock()
	defer s.lines.Unlock()
	name := filepath.Join(s.options.Data, questionsFile)
	data, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("%s: %w", questionsFile, err)
	}
	if len(data) <= questionsKept {
		return nil
	}
	data = data[len(data)-questionsKept:]
	data = data[strings.IndexByte(string(data), '\n')+1:]
	if err = os.WriteFile(name+".new", data, 0o600); err == nil {
		err = os.Rename(name+".new", name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", questionsFile, err)
	}
	return nil
}

// questions gathers the kept lines, the most frequent question first, of equal
// ones the newest. Lines that cannot be read are passed over.
func (s *Server) questions() ([]questionBody, error) {
	out := []questionBody{}
	if s.options.Data == "" {
		return out, nil
	}
	file, err := os.Open(filepath.Join(s.options.Data, questionsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return nil, fmt.Errorf("questions: %w", err)
	}
	defer file.Close()
	at := map[string]int{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var line unanswered
		if json.Unmarshal(lines.Bytes(), &line) != nil || line.Question == "" {
			continue
		}
		key := strings.ToLower(strings.TrimRight(line.Question, "?？!！.。 "))
		i, ok := at[key]
		if !ok {
			i = len(out)
			at[key] = i
			out = append(out, questionBody{})
		}
		out[i] = questionBody{line.Question, line.Status, line.Missing, out[i].Count + 1, line.At}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("questions: %w", err)
	}
	slices.SortFunc(out, func(a, b questionBody) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), b.Last.Compare(a.Last), cmp.Compare(a.Question, b.Question))
	})
	return out, nil
}

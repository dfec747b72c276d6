package api

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lore-kb/lore/ask"
)

type conversationsOutput struct {
	Body struct {
		Conversations []ask.ConversationInfo `json:"conversations"`
	}
}

type conversationInput struct {
	ID string `path:"id" minLength:"1" maxLength:"64"`
}

type renameInput struct {
	ID   string `path:"id" minLength:"1" maxLength:"64"`
	Body struct {
		Title string `json:"title" minLength:"1" maxLength:"200" pattern:"\\S" doc:"At most 60 characters of it are kept"`
	}
}

type feedbackInput struct {
	Body struct {
		Rating       string          `json:"rating" enum:"good,bad"`
		Question     string          `json:"question" minLength:"1" maxLength:"8192"`
		Answer       string          `json:"answer,omitempty" maxLength:"65536"`
		Status       string          `json:"status,omitempty" maxLength:"32"`
		Comment      string          `json:"comment,omitempty" maxLength:"8192"`
		Collection   string          `json:"collection,omitempty" maxLength:"64" pattern:"^[A-Za-z0-9_-]*$"`
		Conversation string          `json:"conversation,omitempty" maxLength:"64"`
		Filter       *filterBody     `json:"filter,omitempty"`
		History      []turnBody      `json:"history,omitempty" maxItems:"50"`
		Citations    []feedbackQuote `json:"citations,omitempty" maxItems:"100"`
	}
}

type feedbackQuote struct {
	DocumentID string `json:"document_id" maxLength:"64"`
	Start      whole  `json:"start" minimum:"0" maximum:"9007199254740991"`
	End        whole  `json:"end" minimum:"0" maximum:"9007199254740991"`
	Quote      string `json:"quote,omitempty" maxLength:"8192"`
}

func (s *Server) conversationRoutes(routes huma.API) {
	conversation := huma.SchemaFromType(routes.OpenAPI().Components.Schemas, typeOf[ask.Conversation]())
	huma.Register(routes, huma.Operation{
		OperationID: "list-conversations", Method: http.MethodGet, Path: "/v1/conversations", Tags: []string{"answers"},
		Summary: "List one's conversations, the one used last first",
	}, func(ctx context.Context, _ *struct{}) (*conversationsOutput, error) {
		kept, err := s.conversations(ctx)
		if err != nil {
			return nil, s.failed(ctx, err)
		}
		out := &conversationsOutput{}
		if out.Body.Conversations, err = kept.List(); err != nil {
			return nil, s.failed(ctx, err)
		}
		return out, nil
	})
	huma.Register(routes, huma.Operation{
		OperationID: "get-conversation", Method: http.MethodGet, Path: "/v1/conversations/{id}", Tags: []string{"answers"},
		Summary:   "A conversation with its turns",
		Responses: map[string]*huma.Response{"200": {Description: "The conversation", Content: map[string]*huma.MediaType{"application/json": {Schema: conversation}}}},
	}, func(ctx context.Context, in *conversationInput) (*huma.StreamResponse, error) {
		kept, err := s.conversations(ctx)
		if err != nil {
			return nil, s.failed(ctx, err)
		}
		found, err := kept.Get(in.ID)
		if err != nil {
			return nil, s.failed(ctx, err)
		}
		return jsonResponse(found), nil
	})
	huma.Register(routes, huma.Operation{
		OperationID: "rename-conversation", Method: http.MethodPatch, Path: "/v1/conversations/{id}", Tags: []string{"answers"},
		Summary: "Give a conversation another title", MaxBodyBytes: s.options.MaxBody,
		Responses: map[string]*huma.Response{"200": {Description: "The conversation", Content: map[string]*huma.MediaType{"application/json": {Schema: conversation}}}},
	}, func(ctx context.Context, in *renameInput) (*huma.StreamResponse, error) {
		kept, err := s.conversations(ctx)
		if err != nil {
			return nil, s.failed(ctx, err)
		}
		renamed, err := kept.Rename(in.ID, in.Body.Title)
		if err != nil {
			return nil, s.failed(ctx, err)
		}
		return jsonResponse(renamed), nil
	})
	huma.Register(routes, huma.Operation{
		OperationID: "remove-conversation", Method: http.MethodDelete, Path: "/v1/conversations/{id}", Tags: []string{"answers"},
		Summary: "Delete a conversation",
	}, func(ctx context.Context, in *conversationInput) (*struct{}, error) {
		kept, err := s.conversations(ctx)
		if err == nil {
			err = kept.Remove(in.ID)
		}
		if err != nil {
			return nil, s.failed(ctx, err)
		}
		return nil, nil
	})
	huma.Register(routes, huma.Operation{
		OperationID: "feedback", Method: http.MethodPost, Path: "/v1/feedback", Tags: []string{"answers"}, DefaultStatus: http.StatusNoContent,
		Summary: "Say that an answer was good or bad", MaxBodyBytes: s.options.MaxBody,
		Description: "Kept as one line of JSON with what is needed to ask the question again.",
	}, func(ctx context.Context, in *feedbackInput) (*struct{}, error) {
		if err := s.keepFeedback(ctx, in); err != nil {
			return nil, s.failed(ctx, err)
		}
		return nil, nil
	})
}

// conversations are those of a token. Without one they are shared with the
// command line.
func (s *Server) conversations(ctx context.Context) (*ask.Conversations, error) {
	if s.options.Data == "" {
		return nil, newProblem(http.StatusNotFound, typeNotFound, "no_such_conversation", publicText["no_such_conversation"])
	}
	dir := filepath.Join(s.options.Data, "conversations")
	if id := grantOf(ctx).id; id != "" {
		dir = filepath.Join(dir, "token-"+id)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept[dir] == nil {
		s.kept[dir] = &ask.Conversations{Dir: dir}
	}
	return s.kept[dir], nil
}

// continued puts the turns of a conversation before a question. "new" begins
// one; its ID is returned.
func (s *Server) continued(ctx context.Context, id string, q *ask.Question) (string, error) {
	if id == "" {
		return "", nil
	}
	kept, err := s.conversations(ctx)
	if err != nil {
		return "", err
	}
	if id == "new" {
		return ask.NewConversationID(time.Now()), nil
	}
	found, err := kept.Get(id)
	if err != nil {
		return "", err
	}
	q.History = found.Turns
	return id, nil
}

// remember adds an answer to its conversation. A failure is logged: the answer
// itself stands.
func (s *Server) remember(ctx context.Context, id string, answer *ask.Answer) {
	if id == "" || answer == nil {
		return
	}
	kept, err := s.conversations(ctx)
	if err == nil {
		_, err = kept.Append(id, answer.Turn(time.Now().UTC()))
	}
	if err != nil {
		s.log.ErrorContext(ctx, "conversation not kept", "request", requestID(ctx), "error", err)
	}
}

// feedbackLine is what is kept of a rating.
type feedbackLine struct {
	At      time.Time `json:"at"`
	Request string    `json:"request"`
	Token   string    `json:"token,omitempty"`
	Version string    `json:"version"`
	Rated   any       `json:"rated"`
}

// maxFeedback bounds the file of ratings, in bytes: a client cannot fill the
// disk with them.
const maxFeedback = 256 << 20

func (s *Server) keepFeedback(ctx context.Context, in *feedbackInput) error {
	collection, err := s.name(ctx, in.Body.Collection)
	if err != nil {
		return err
	}
	if s.options.Data == "" {
		return errReadOnlyServer
	}
	if _, err := in.Body.Filter.filter(); err != nil {
		return err
	}
	in.Body.Collection = collection
	err = s.addLine("feedback.jsonl", feedbackLine{time.Now().UTC(), requestID(ctx), grantOf(ctx).id, s.options.Version, in.Body}, maxFeedback)
	if errors.Is(err, errFull) {
		return newProblem(http.StatusInsufficientStorage, typeUnavailable, "feedback_full", "no more feedback is kept until somebody has read what is there")
	}
	return err
}

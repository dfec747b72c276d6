package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lore-kb/lore/ask"
	"github.com/lore-kb/lore/retrieve"
)

// askInput is a question.
type askInput struct {
	Accept string `header:"Accept" doc:"text/event-stream streams the answer"`
	Body   struct {
		Question   string      `json:"question" minLength:"1" maxLength:"8192" doc:"What is asked" example:"How many days of annual leave can be carried over?"`
		Collection string      `json:"collection,omitempty" maxLength:"64" pattern:"^[A-Za-z0-9_-]*$"`
		Language   string      `json:"language,omitempty" enum:"en,zh" doc:"Of the answer; default: that of the question"`
		Limit      whole       `json:"limit,omitempty" minimum:"0" maximum:"100" doc:"Passages that may be used"`
		Filter     *filterBody `json:"filter,omitempty"`
		History    []turnBody  `json:"history,omitempty" maxItems:"50" doc:"Turns before this one, oldest first"`
		// Conversation keeps the turns on the server.
		Conversation string `json:"conversation,omitempty" maxLength:"64" doc:"Continue this conversation; new begins one. The answer says which"`
		Explain      bool   `json:"explain,omitempty"`
		Instructions string `json:"instructions,omitempty" maxLength:"8192" doc:"How the answer should be written: a role, a tone. For a model only, below its rules"`
	}
}

// turnBody is an earlier turn of a conversation.
type turnBody struct {
	Question string `json:"question" maxLength:"8192"`
	Answer   string `json:"answer" maxLength:"65536"`
}

func (s *Server) askRoutes(routes huma.API) {
	huma.Register(routes, huma.Operation{
		OperationID: "ask", Method: http.MethodPost, Path: "/v1/ask", Tags: []string{"answers"},
		Summary: "Answer a question, every statement with a checked quote",
		Description: "With `Accept: text/event-stream` the answer comes as events: `passages`, then `delta` (text that is not verified yet), " +
			"`restart` (text so far is void), `citation`, and at the end `answer` or `error`. " +
			"Within a conversation `conversation` comes first and names it.",
		MaxBodyBytes: s.options.MaxBody,
		Responses: map[string]*huma.Response{"200": {
			Description: "The answer",
			Content: map[string]*huma.MediaType{
				"application/json":  {Schema: answerSchema(routes)},
				"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}},
			},
		}},
	}, func(ctx context.Context, in *askInput) (*huma.StreamResponse, error) {
		filter, err := in.Body.Filter.filter()
		if err != nil {
			return nil, err
		}
		collection, err := s.collection(ctx, in.Body.Collection)
		if err != nil {
			return nil, s.failed(ctx, err)
		}
		question := ask.Question{Text: in.Body.Question, Filter: filter, Limit: int(in.Body.Limit), Language: in.Body.Language, Explain: in.Body.Explain, Wish: in.Body.Instructions}
		for _, turn := range in.Body.History {
			question.History = append(question.History, ask.Turn{Question: turn.Question, Answer: turn.Answer})
		}
		if in.Body.Conversation != "" && len(in.Body.History) > 0 {
			return nil, newProblem(http.StatusBadRequest, typeInvalid, "history", "a conversation has its own history; leave one of them out")
		}
		conversation, err := s.continued(ctx, in.Body.Conversation, &question)
		if err != nil {
			return nil, s.failed(ctx, err)
		}
		if strings.Contains(in.Accept, "text/event-stream") {
			return &huma.StreamResponse{Body: func(h huma.Context) { s.streamAnswer(h, collection, question, conversation) }}, nil
		}
		ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
		defer cancel()
		answer, err := collection.Assistant.Ask(ctx, question, nil)
		if err != nil {
			return nil, s.failed(ctx, err)
		}
		s.answered(ctx, answer)
		if conversation == "" {
			return jsonResponse(answer), nil
		}
		s.remember(ctx, conversation, answer)
		return jsonResponse(turnAnswer{answer, conversation}), nil
	})
}

// turnAnswer is an answer that names its conversation.
type turnAnswer struct {
	answer       *ask.Answer
	conversation string
}

// MarshalJSON adds the name to what the answer writes.
func (a turnAnswer) MarshalJSON() ([]byte, error) {
	whole, err := json.Marshal(a.answer)
	if err != nil {
		return nil, err
	}
	name, err := json.Marshal(a.conversation)
	if err != nil {
		return nil, err
	}
	return append(append(append([]byte(`{"conversation":`), name...), ','), whole[1:]...), nil
}

// answerSchema describes an answer loosely: its shape is ask's.
func answerSchema(huma.API) *huma.Schema {
	text, number, yes := &huma.Schema{Type: huma.TypeString}, &huma.Schema{Type: huma.TypeNumber}, &huma.Schema{Type: huma.TypeBoolean}
	objects := &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}}
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Properties: map[string]*huma.Schema{
		"conversation": text, "question": text, "answer": text, "model": text, "missing": text, "note": text, "grounded": yes, "confidence": number,
		"status":    {Type: huma.TypeString, Enum: []any{"answered", "partial", "not_found"}},
		"citations": objects, "passages": objects, "removed": objects, "degraded": objects,
	}, Required: []string{"question", "answer", "status", "citations", "passages"}}
}

// typeOf returns the type T.
func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// jsonResponse writes a value that writes itself.
func jsonResponse(value any) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(h huma.Context) {
		h.SetHeader("Content-Type", "application/json")
		encodeJSON(h.BodyWriter(), value)
	}}
}

// streamAnswer writes an answer as server-sent events.
func (s *Server) streamAnswer(h huma.Context, collection *Collection, question ask.Question, conversation string) {
	ctx, cancel := context.WithTimeout(h.Context(), s.options.Timeout)
	defer cancel()
	out := eventsOf(h)
	defer out.close()
	out.begin()
	place := seatOf(ctx)
	if err := place.work(ctx); err != nil {
		p := explain(err)
		s.logFailure(ctx, p, err)
		_ = out.send("error", p)
		return
	}
	if conversation != "" {
		_ = out.send("conversation", map[string]string{"id": conversation})
	}
	answer, err := collection.Assistant.Ask(ctx, question, func(e ask.Event) error {
		switch {
		case e.Answer != nil && conversation != "":
			return out.send("answer", turnAnswer{e.Answer, conversation})
		case e.Answer != nil:
			return out.send("answer", e.Answer)
		case e.Citation != nil:
			return out.send("citation", e.Citation)
		case e.Restart != "":
			return out.send("restart", map[string]string{"reason": e.Restart})
		case e.Delta != "":
			return out.send("delta", map[string]string{"text": e.Delta})
		default:
			place.rest() // what follows waits for a model, where there is one
			passages := []retrieve.PassageJSON{}
			for i := range e.Passages {
				passages = append(passages, e.Passages[i].JSON())
			}
			return out.send("passages", passages)
		}
	})
	if err != nil {
		p := explain(err)
		s.logFailure(ctx, p, err)
		_ = out.send("error", p)
		return
	}
	s.answered(ctx, answer)
	s.remember(ctx, conversation, answer)
}

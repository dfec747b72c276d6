package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lore-kb/lore/ask"
	"github.com/lore-kb/lore/retrieve"
	"github.com/lore-kb/lore/store"
)

// OpenAI's Responses: a question is answered with what its file_search tool
// found. A response is a turn of a conversation, and its ID names both, so that
// previous_response_id goes on with it.
func (s *Server) responseRoutes(mux *router) {
	mux.HandleFunc("POST /v1/responses", s.createResponse)
	mux.HandleFunc("GET /v1/responses/{id}", s.getResponse)
	mux.HandleFunc("DELETE /v1/responses/{id}", s.deleteResponse)
}

// responseRequest is the part of a request that is read.
type responseRequest struct {
	Model        string          `json:"model"`
	Input        responseInput   `json:"input"`
	Instructions *string         `json:"instructions"`
	Previous     string          `json:"previous_response_id"`
	Conversation *idOf           `json:"conversation"`
	Stream       bool            `json:"stream"`
	Store        *bool           `json:"store"`
	Background   bool            `json:"background"`
	Include      []string        `json:"include"`
	Tools        []responseTool  `json:"tools"`
	ToolChoice   *kindOf         `json:"tool_choice"`
	Metadata     json.RawMessage `json:"metadata"`
	User         *string         `json:"user"`
	Text         struct {
		Format *kindOf `json:"format"`
	} `json:"text"`
}

// responseTool is a tool of a request; those that are not file_search are never
// called.
type responseTool struct {
	Type    string       `json:"type"`
	Stores  []string     `json:"vector_store_ids"`
	Limit   *int         `json:"max_num_results"`
	Filters *storeFilter `json:"filters"`
}

// idOf is a text, or the id of an object.
type idOf string

// UnmarshalJSON reads either form.
func (k *idOf) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*k = idOf(text)
		return nil
	}
	var object struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(data, &object); err != nil {
		return errors.New("conversation is neither a text nor an object with an id")
	}
	*k = idOf(object.ID)
	return nil
}

// responseInput is a text, or a list of items of which messages count.
type responseInput []said

// UnmarshalJSON reads either form.
func (in *responseInput) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*in = responseInput{{"user", text}}
		return nil
	}
	var items []struct {
		Type    string      `json:"type"`
		Role    string      `json:"role"`
		Content chatContent `json:"content"`
	}
	if err := json.Unmarshal(data, &items); err != nil {
		return fmt.Errorf("input is neither a text nor a list of messages: %w", err)
	}
	for _, item := range items {
		if item.Type == "" || item.Type == "message" {
			*in = append(*in, said{item.Role, string(item.Content)})
		}
	}
	return nil
}

func (r *responseRequest) impossible() error {
	switch {
	case r.Background:
		return unsupported("background", "responses are made while the client waits")
	case r.Text.Format != nil && *r.Text.Format != "text" && *r.Text.Format != "":
		return unsupported("text.format", "answers are text; of the formats only text is there")
	case forced(r.ToolChoice):
		return unsupported("tool_choice", "tools of the client are not called; auto, none and file_search are taken")
	case r.Previous != "" && r.Conversation != nil:
		return wrong("previous_response_id", "previous_response_id and conversation name two conversations; leave one of them out")
	}
	return nil
}

// collection returns the collection that the file_search tool names, or else the
// model.
func (s *Server) responseCollection(ctx context.Context, r *responseRequest) (*Collection, *responseTool, error) {
	for i := range r.Tools {
		t := &r.Tools[i]
		if t.Type != "file_search" {
			continue
		}
		if t.Limit != nil && (*t.Limit < 1 || *t.Limit > 50) {
			return nil, nil, wrong("tools", "max_num_results is a number from 1 to 50")
		}
		if len(t.Stores) > 1 {
			return nil, nil, unsupported("tools", "one vector store is searched at a time")
		}
		if len(t.Stores) == 1 {
			c, err := s.collection(ctx, t.Stores[0])
			if errors.Is(err, store.ErrNoCollection) {
				err = newProblem(http.StatusNotFound, typeInvalid, "not_found", "no such vector store")
			}
			return c, t, err
		}
		c, err := s.collectionOfModel(ctx, r.Model)
		return c, t, err
	}
	c, err := s.collectionOfModel(ctx, r.Model)
	return c, nil, err
}

// responseID names a turn, from 1, of a conversation.
func responseID(conversation string, turn int) string {
	return fmt.Sprintf("resp_%s_%d", conversation, turn)
}

// readResponseID is the inverse of responseID.
func readResponseID(id string) (conversation string, turn int, ok bool) {
	rest, ok := strings.CutPrefix(id, "resp_")
	at := strings.LastIndexByte(rest, '_')
	if !ok || at < 0 {
		return "", 0, false
	}
	turn, err := strconv.Atoi(rest[at+1:])
	return rest[:at], turn, err == nil && turn > 0
}

// errNoResponse is told of an ID that no response has.
var errNoResponse = newProblem(http.StatusNotFound, typeInvalid, "not_found", "no such response")

// turnsBefore returns the conversation that a response belongs to, cut behind
// it.
func (s *Server) turnsBefore(ctx context.Context, id string) (conversation string, turns []ask.Turn, whole bool, err error) {
	conversation, turn, ok := readResponseID(id)
	if !ok {
		return "", nil, false, errNoResponse
	}
	kept, err := s.conversations(ctx)
	if err != nil {
		return "", nil, false, errNoResponse
	}
	found, err := kept.Get(conversation)
	if errors.Is(err, ask.ErrNoConversation) || err == nil && len(found.Turns) < turn {
		return "", nil, false, errNoResponse
	}
	if err != nil {
		return "", nil, false, err
	}
	return conversation, found.Turns[:turn], len(found.Turns) == turn, nil
}

// thread is where a response is kept: in a conversation, behind turns that are
// written first when they are a branch of another.
type thread struct {
	conversation string // "": nowhere
	branch       []ask.Turn
	turn         int // of the response, from 1
}

// threadOf puts the turns before a question, and says where the response goes.
func (s *Server) threadOf(ctx context.Context, r *responseRequest, q *ask.Question) (*thread, error) {
	at := &thread{turn: 1}
	keeps := s.options.Data != "" && (r.Store == nil || *r.Store)
	var earlier []ask.Turn
	switch {
	case r.Previous != "":
		conversation, turns, whole, err := s.turnsBefore(ctx, r.Previous)
		if err != nil {
			if errors.Is(err, errNoResponse) {
				err = newProblem(http.StatusNotFound, typeInvalid, "previous_response_not_found", "no such response; one with store: false is not kept")
				err.(*problem).Detail.Param = "previous_response_id"
			}
			return nil, err
		}
		earlier = turns
		at.conversation, at.turn = conversation, len(turns)+1
		if !whole { // somebody went on from here before
			at.conversation, at.branch = ask.NewConversationID(time.Now()), turns
		}
	case r.Conversation != nil:
		id, err := s.continued(ctx, string(*r.Conversation), q)
		if err != nil {
			return nil, err
		}
		earlier = q.History
		at.conversation, at.turn = id, len(earlier)+1
	default:
		at.conversation = ask.NewConversationID(time.Now())
		at.branch, at.turn = q.History, len(q.History)+1
	}
	if r.Previous != "" || r.Conversation != nil {
		q.History = append(slices.Clone(earlier), q.History...)
	}
	if !keeps {
		at.conversation = ""
	}
	return at, nil
}

// keep writes the turns of a thread.
func (s *Server) keepThread(ctx context.Context, at *thread, answer *ask.Answer) {
	if at.conversation == "" {
		return
	}
	kept, err := s.conversations(ctx)
	for _, turn := range at.branch {
		if err == nil {
			if turn.At.IsZero() {
				turn.At = time.Now().UTC()
			}
			_, err = kept.Append(at.conversation, turn)
		}
	}
	if err != nil {
		s.log.ErrorContext(ctx, "conversation not kept", "request", requestID(ctx), "error", err)
		return
	}
	s.remember(ctx, at.conversation, answer)
}

// responseBody is a response; fields that clients expect are there though they
// mean nothing here.
type responseBody struct {
	ID            string          `json:"id"`
	Object        string          `json:"object"`
	Created       int64           `json:"created_at"`
	Completed     *int64          `json:"completed_at"`
	Status        string          `json:"status"`
	Background    bool            `json:"background"`
	Error         *responseError  `json:"error"`
	Incomplete    *struct{}       `json:"incomplete_details"`
	Instructions  *string         `json:"instructions"`
	MaxOutput     *int            `json:"max_output_tokens"`
	MaxCalls      *int            `json:"max_tool_calls"`
	Model         string          `json:"model"`
	Output        []any           `json:"output"`
	ParallelCalls bool            `json:"parallel_tool_calls"`
	Previous      *string         `json:"previous_response_id"`
	Reasoning     map[string]*int `json:"reasoning"`
	ServiceTier   string          `json:"service_tier"`
	Store         bool            `json:"store"`
	Temperature   float64         `json:"temperature"`
	Text          responseText    `json:"text"`
	ToolChoice    string          `json:"tool_choice"`
	Tools         []any           `json:"tools"`
	TopLogprobs   int             `json:"top_logprobs"`
	TopP          float64         `json:"top_p"`
	Truncation    string          `json:"truncation"`
	Usage         *responseUsage  `json:"usage"`
	User          *string         `json:"user"`
	Metadata      json.RawMessage `json:"metadata"`
	LoreStatus    ask.Status      `json:"lore_status,omitempty"`
	LoreMissing   string          `json:"lore_missing,omitempty"`
	LoreThread    string          `json:"lore_conversation,omitempty"`
}

type responseError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type responseText struct {
	Format    map[string]string `json:"format"`
	Verbosity string            `json:"verbosity"`
}

type responseUsage struct {
	Input         int            `json:"input_tokens"`
	InputDetails  map[string]int `json:"input_tokens_details"`
	Output        int            `json:"output_tokens"`
	OutputDetails map[string]int `json:"output_tokens_details"`
	Total         int            `json:"total_tokens"`
}

// searchCall is what the file_search tool did.
type searchCall struct {
	ID      string        `json:"id"`
	Type    string        `json:"type"`
	Status  string        `json:"status"`
	Queries []string      `json:"queries"`
	Results []foundResult `json:"results"` // null unless they were asked for
}

type foundResult struct {
	FileID     string            `json:"file_id"`
	Filename   string            `json:"filename"`
	Score      float64           `json:"score"`
	Attributes map[string]string `json:"attributes"`
	Text       string            `json:"text"`
}

// outputMessage is the answer.
type outputMessage struct {
	ID      string       `json:"id"`
	Type    string       `json:"type"`
	Status  string       `json:"status"`
	Role    string       `json:"role"`
	Content []outputText `json:"content"`
}

type outputText struct {
	Type        string           `json:"type"`
	Text        string           `json:"text"`
	Annotations []responseSource `json:"annotations"`
	Logprobs    []struct{}       `json:"logprobs"`
}

// responseSource is a citation in the shape of responses; index is where its
// marker stands, in UTF-16 units.
type responseSource struct {
	Type     string   `json:"type"`
	FileID   string   `json:"file_id"`
	Filename string   `json:"filename"`
	Index    int      `json:"index"`
	Quote    string   `json:"quote,omitempty"`
	Section  []string `json:"section,omitempty"`
	Page     int      `json:"page,omitempty"`
}

func sourcesOf(text string, citations []ask.Citation) []responseSource {
	out := []responseSource{}
	for _, a := range annotations(text, citations) {
		out = append(out, responseSource{"file_citation", a.FileID, a.Filename, a.Index, a.FileCitation.Quote, a.FileCitation.Section, a.FileCitation.Page})
	}
	return out
}

func textOf(text string, sources []responseSource) outputText {
	return outputText{"output_text", text, sources, []struct{}{}}
}

// newResponse is a response before anything is done.
func newResponse(r *responseRequest, id string) *responseBody {
	body := &responseBody{
		ID: id, Object: "response", Created: time.Now().Unix(), Status: "in_progress", Instructions: r.Instructions, Model: cmp.Or(r.Model, modelName),
		Output: []any{}, ParallelCalls: true, Reasoning: map[string]*int{"effort": nil, "summary": nil}, ServiceTier: "default",
		Store: r.Store == nil || *r.Store, Temperature: 1, TopP: 1, ToolChoice: "auto", Truncation: "disabled",
		Text: responseText{map[string]string{"type": "text"}, "medium"}, Tools: []any{}, User: r.User, Metadata: r.Metadata,
	}
	if len(body.Metadata) == 0 || string(body.Metadata) == "null" {
		body.Metadata = json.RawMessage("{}")
	}
	if r.Previous != "" {
		body.Previous = &r.Previous
	}
	for i := range r.Tools {
		if t := &r.Tools[i]; t.Type == "file_search" {
			stores := t.Stores
			if stores == nil {
				stores = []string{}
			}
			body.Tools = append(body.Tools, map[string]any{"type": "file_search", "vector_store_ids": stores})
		}
	}
	return body
}

func (b *responseBody) complete(answer *ask.Answer, call *searchCall, message *outputMessage) {
	now := time.Now().Unix()
	b.Status, b.Completed, b.Output = "completed", &now, []any{call, message}
	u := usageOf(answer)
	b.Usage = &responseUsage{u.PromptTokens, map[string]int{"cached_tokens": 0}, u.CompletionTokens, map[string]int{"reasoning_tokens": 0}, u.TotalTokens}
	b.LoreStatus, b.LoreMissing = answer.Status, answer.Missing
}

func (s *Server) createResponse(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), s.options.Timeout)
	defer cancel()
	var request responseRequest
	err := s.decode(r, &request)
	if err == nil {
		err = request.impossible()
	}
	var question ask.Question
	if err == nil {
		question, err = questionOf(request.Input, "input")
	}
	if request.Instructions != nil {
		question.Wish = joined(*request.Instructions, question.Wish)
	}
	var collection *Collection
	var tool *responseTool
	if err == nil {
		collection, tool, err = s.responseCollection(ctx, &request)
	}
	if err == nil && tool != nil {
		if tool.Limit != nil {
			question.Limit = *tool.Limit
		}
		question.Filter, err = tool.Filters.filter()
	}
	var at *thread
	if err == nil {
		at, err = s.threadOf(ctx, &request, &question)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	id := "resp_" + requestID(ctx)
	if at.conversation != "" {
		id = responseID(at.conversation, at.turn)
	}
	body := newResponse(&request, id)
	body.LoreThread = at.conversation
	call := &searchCall{ID: "fs_" + requestID(ctx), Type: "file_search_call", Status: "completed", Queries: []string{question.Text}}
	message := &outputMessage{ID: "msg_" + requestID(ctx), Type: "message", Status: "completed", Role: "assistant", Content: []outputText{}}
	found := func(passages []retrieve.Passage) {
		if !slices.Contains(request.Include, "file_search_call.results") {
			return
		}
		call.Results = []foundResult{}
		for _, one := range resultsOf(passages) {
			call.Results = append(call.Results, foundResult{one.FileID, one.Filename, one.Score, one.Attributes, one.Content[0].Text})
		}
	}
	if request.Stream {
		s.streamResponse(w, r, &responseStream{
			out: newEventStream(w), body: body, call: call, message: message, found: found,
			ask: func(yield func([]retrieve.Passage) error) (*ask.Answer, error) {
				return s.askForStream(ctx, collection, question, yield)
			},
			keep: func(answer *ask.Answer) { s.keepThread(ctx, at, answer) },
		})
		return
	}
	answer, err := collection.Assistant.Ask(ctx, question, nil)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.answered(ctx, answer)
	s.keepThread(ctx, at, answer)
	text := spoken(answer)
	found(answer.Passages)
	message.Content = []outputText{textOf(text, sourcesOf(text, answer.Citations))}
	body.complete(answer, call, message)
	writeJSON(w, body)
}

// responseStream is one response that is streamed.
type responseStream struct {
	out      *eventStream
	sequence int
	body     *responseBody
	call     *searchCall
	message  *outputMessage
	found    func([]retrieve.Passage)
	ask      func(func([]retrieve.Passage) error) (*ask.Answer, error)
	keep     func(*ask.Answer)
}

// send writes an event with its number.
func (t *responseStream) send(kind string, about map[string]any) error {
	event := map[string]any{"type": kind, "sequence_number": t.sequence}
	for name, value := range about {
		event[name] = value
	}
	t.sequence++
	return t.out.send(kind, event)
}

// all writes events in order until one fails.
func (t *responseStream) all(events ...event) error {
	for _, e := range events {
		if err := t.send(e.kind, e.about); err != nil {
			return err
		}
	}
	return nil
}

type event struct {
	kind  string
	about map[string]any
}

// streamResponse writes a response as OpenAI's events. Text is sent once it has
// been verified.
func (s *Server) streamResponse(w http.ResponseWriter, r *http.Request, t *responseStream) {
	defer t.out.close()
	answer, err := t.ask(func(passages []retrieve.Passage) error {
		t.found(passages)
		searching := *t.call
		searching.Status, searching.Results = "in_progress", nil
		item := map[string]any{"output_index": 0, "item_id": t.call.ID}
		return t.all(
			event{"response.created", map[string]any{"response": t.body}},
			event{"response.in_progress", map[string]any{"response": t.body}},
			event{"response.output_item.added", map[string]any{"output_index": 0, "item": searching}},
			event{"response.file_search_call.in_progress", item},
			event{"response.file_search_call.searching", item},
			event{"response.file_search_call.completed", item},
			event{"response.output_item.done", map[string]any{"output_index": 0, "item": t.call}},
		)
	})
	if err != nil {
		if !t.out.started() {
			s.fail(w, r, err)
			return
		}
		p := explain(err)
		s.logFailure(r.Context(), p, err)
		t.body.Status, t.body.Error = "failed", &responseError{p.Detail.Code, p.Detail.Message}
		_ = t.send("response.failed", map[string]any{"response": t.body})
		return
	}
	t.keep(answer)
	text := spoken(answer)
	sources := sourcesOf(text, answer.Citations)
	part := func(about map[string]any) map[string]any {
		about["item_id"], about["output_index"], about["content_index"] = t.message.ID, 1, 0
		return about
	}
	begun := *t.message
	begun.Status = "in_progress"
	if t.all(
		event{"response.output_item.added", map[string]any{"output_index": 1, "item": begun}},
		event{"response.content_part.added", part(map[string]any{"part": textOf("", []responseSource{})})},
	) != nil {
		return
	}
	for piece := range pieces(text) {
		if t.send("response.output_text.delta", part(map[string]any{"delta": piece, "logprobs": []struct{}{}})) != nil {
			return
		}
	}
	for i, source := range sources {
		if t.send("response.output_text.annotation.added", part(map[string]any{"annotation_index": i, "annotation": source})) != nil {
			return
		}
	}
	t.message.Content = []outputText{textOf(text, sources)}
	t.body.complete(answer, t.call, t.message)
	_ = t.all(
		event{"response.output_text.done", part(map[string]any{"text": text, "logprobs": []struct{}{}})},
		event{"response.content_part.done", part(map[string]any{"part": t.message.Content[0]})},
		event{"response.output_item.done", map[string]any{"output_index": 1, "item": t.message}},
		event{"response.completed", map[string]any{"response": t.body}},
	)
}

// getResponse returns what is kept of a response: its text, and the quotes
// behind its markers.
func (s *Server) getResponse(w http.ResponseWriter, r *http.Request) {
	conversation, turns, _, err := s.turnsBefore(r.Context(), r.PathValue("id"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	turn := &turns[len(turns)-1]
	body := newResponse(&responseRequest{}, r.PathValue("id"))
	if len(turns) > 1 {
		previous := responseID(conversation, len(turns)-1)
		body.Previous = &previous
	}
	sources := []responseSource{}
	for _, source := range turn.Sources {
		if at := strings.Index(turn.Answer, fmt.Sprintf("[%d]", source.Marker)); at >= 0 {
			sources = append(sources, responseSource{Type: "file_citation", Filename: source.Document, Index: utf16Length(turn.Answer[:at]), Quote: source.Quote, Page: source.Page})
		}
	}
	body.Created, body.Status, body.LoreStatus, body.LoreThread = unix(turn.At), "completed", turn.Status, conversation
	body.Output = []any{&outputMessage{ID: "msg_" + strings.TrimPrefix(body.ID, "resp_"), Type: "message", Status: "completed", Role: "assistant", Content: []outputText{textOf(turn.Answer, sources)}}}
	writeJSON(w, body)
}

// deleteResponse deletes the conversation that a response ends.
func (s *Server) deleteResponse(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	conversation, _, whole, err := s.turnsBefore(r.Context(), id)
	if err == nil && !whole {
		err = newProblem(http.StatusConflict, typeInvalid, "continued", "this response was gone on from; delete the last one of its conversation")
	}
	if err == nil {
		kept, e := s.conversations(r.Context())
		if err = e; err == nil {
			err = kept.Remove(conversation)
		}
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, map[string]any{"id": id, "object": "response", "deleted": true})
}

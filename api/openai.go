package api

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/lore-kb/lore/ask"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/retrieve"
)

// OpenAI's clients send many parameters that mean nothing here; they are
// ignored. A collection is a model: "lore" is the default one, "lore/NAME"
// another.
func (s *Server) openaiRoutes(mux *router) {
	mux.HandleFunc("POST /v1/chat/completions", s.chatCompletions)
	mux.HandleFunc("GET /v1/models", s.listModels)
	mux.HandleFunc("GET /v1/models/{id...}", s.getModel)
	mux.HandleFunc("POST /v1/embeddings", s.embeddings)
}

const modelName = "lore"

// chatRequest is the part of a chat completion request that is read.
type chatRequest struct {
	Model    string `json:"model"`
	Messages []struct {
		Role    string      `json:"role"`
		Content chatContent `json:"content"`
	} `json:"messages"`
	Stream        bool `json:"stream"`
	N             int  `json:"n"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	Logprobs       bool     `json:"logprobs"`
	ResponseFormat *kindOf  `json:"response_format"`
	ToolChoice     *kindOf  `json:"tool_choice"`
	Modalities     []string `json:"modalities"`
}

// kindOf is a text, or the type of an object.
type kindOf string

// UnmarshalJSON reads either form; of anything else it is "".
func (k *kindOf) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*k = kindOf(text)
		return nil
	}
	var object struct {
		Type string `json:"type"`
	}
	_ = json.Unmarshal(data, &object)
	*k = kindOf(object.Type)
	return nil
}

// unsupported refuses a parameter that asks for what cannot be.
func unsupported(param, message string) *problem {
	p := newProblem(http.StatusBadRequest, typeInvalid, "unsupported_value", message)
	p.Detail.Param = param
	return p
}

// wrong refuses a parameter's value.
func wrong(param, message string) *problem {
	p := newProblem(http.StatusBadRequest, typeInvalid, "invalid_value", message)
	p.Detail.Param = param
	return p
}

// impossible refuses what an answer that stands in documents cannot be. What
// merely has no effect is let through.
func (r *chatRequest) impossible() error {
	switch {
	case r.N > 1:
		return unsupported("n", "only one choice is made")
	case r.Logprobs:
		return unsupported("logprobs", "there are no probabilities of tokens")
	case r.ResponseFormat != nil && *r.ResponseFormat != "text" && *r.ResponseFormat != "":
		return unsupported("response_format", "answers are text; of the formats only text is there")
	case forced(r.ToolChoice):
		return unsupported("tool_choice", "tools of the client are not called; auto and none are taken")
	case slices.ContainsFunc(r.Modalities, func(m string) bool { return m != "text" }):
		return unsupported("modalities", "answers are text")
	}
	return nil
}

// forced reports whether a choice of tools demands a call.
func forced(choice *kindOf) bool {
	return choice != nil && *choice != "auto" && *choice != "none" && *choice != "" && *choice != "file_search"
}

// chatContent is text, or a list of parts that are text.
type chatContent string

// UnmarshalJSON reads either form.
func (c *chatContent) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil { // null too: an assistant that called a tool
		*c = chatContent(text)
		return nil
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if err := json.Unmarshal(data, &parts); err != nil {
		return errors.New("content is neither text nor a list of parts")
	}
	var texts []string
	for _, part := range parts {
		switch part.Type {
		case "text", "input_text", "output_text", "refusal":
			texts = append(texts, part.Text)
		default:
			return fmt.Errorf("of a message's parts only text is read, not %q", part.Type)
		}
	}
	*c = chatContent(strings.Join(texts, "\n"))
	return nil
}

// annotation is a citation in OpenAI's shape; start and end count characters of
// the message as JavaScript does, in UTF-16 units.
type annotation struct {
	Type         string        `json:"type"`
	FileCitation *fileCitation `json:"file_citation,omitempty"`
	URLCitation  *urlCitation  `json:"url_citation,omitempty"`
	FileID       string        `json:"file_id"`
	Filename     string        `json:"filename"`
	Index        int           `json:"index"`
	StartIndex   int           `json:"start_index"`
	EndIndex     int           `json:"end_index"`
}

// urlCitation is the one kind of citation that some clients take from this
// route; the address is that of the document as a resource.
type urlCitation struct {
	URL        string `json:"url"`
	Title      string `json:"title"`
	StartIndex int    `json:"start_index"`
	EndIndex   int    `json:"end_index"`
}

// urlsOnly reports whether a client refuses an answer whose annotations are not
// citations of addresses: the chat models of @ai-sdk/openai do. It does not always
// name itself; the other clients of that family take either kind.
func urlsOnly(r *http.Request) bool {
	return strings.Contains(r.Header.Get("User-Agent"), "ai-sdk/")
}

// chatAnnotations are the annotations of a message as its client takes them.
func chatAnnotations(r *http.Request, text string, citations []ask.Citation) []annotation {
	out := annotations(text, citations)
	if urlsOnly(r) {
		for i := range out {
			a := &out[i]
			a.Type, a.FileCitation = "url_citation", nil
			a.URLCitation = &urlCitation{documentScheme + a.FileID, a.Filename, a.StartIndex, a.EndIndex}
		}
	}
	return out
}

type fileCitation struct {
	FileID   string   `json:"file_id"`
	Filename string   `json:"filename"`
	Quote    string   `json:"quote"`
	Section  []string `json:"section"`
	Page     int      `json:"page,omitempty"`
	Start    int      `json:"start"`
	End      int      `json:"end"`
}

type chatMessage struct {
	Role        string       `json:"role,omitempty"`
	Content     string       `json:"content"`
	Annotations []annotation `json:"annotations,omitempty"`
}

type chatChoice struct {
	Index        int          `json:"index"`
	Message      *chatMessage `json:"message,omitempty"`
	Delta        *chatMessage `json:"delta,omitempty"`
	FinishReason *string      `json:"finish_reason"`
}

type chatUsage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
}

type chatResponse struct {
	ID      string       `json:"id"`
	Object  string       `json:"object"`
	Created int64        `json:"created"`
	Model   string       `json:"model"`
	Choices []chatChoice `json:"choices"`
	Usage   *chatUsage   `json:"usage,omitempty"`
	Status  ask.Status   `json:"lore_status,omitempty"`
}

// decode reads a JSON body, unknown fields ignored.
func (s *Server) decode(r *http.Request, into any) error {
	err := json.NewDecoder(r.Body).Decode(into)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return newProblem(http.StatusRequestEntityTooLarge, typeInvalid, "too_large", fmt.Sprintf("the request is larger than %d bytes", large.Limit))
	case err != nil:
		return newProblem(http.StatusBadRequest, typeInvalid, "invalid_request", "the body is not the JSON that is expected: "+err.Error())
	}
	return nil
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	encodeJSON(w, value)
}

func encodeJSON(w io.Writer, value any) {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)
}

// collectionOfModel resolves a model's name to a collection.
func (s *Server) collectionOfModel(ctx context.Context, name string) (*Collection, error) {
	collection, ok := strings.CutPrefix(name, modelName+"/")
	switch {
	case ok:
	case name == "" || name == modelName:
		collection = ""
	default:
		return nil, newProblem(http.StatusNotFound, typeInvalid, "model_not_found", "no such model; GET /v1/models lists them")
	}
	c, err := s.collection(ctx, collection)
	if err != nil && explain(err).Detail.Code == "no_such_collection" {
		return nil, newProblem(http.StatusNotFound, typeInvalid, "model_not_found", "no such model; GET /v1/models lists them")
	}
	return c, err
}

// said is one message of a conversation.
type said struct{ role, text string }

// questionOf takes the last message as the question and those before as turns.
// What the system or the developer says is how the answer is wished.
func questionOf(messages []said, param string) (ask.Question, error) {
	var q ask.Question
	pending := ""
	for _, m := range messages {
		switch m.role {
		case "user":
			pending = m.text
		case "system", "developer":
			q.Wish = joined(q.Wish, m.text)
		case "assistant":
			if pending != "" {
				q.History = append(q.History, ask.Turn{Question: pending, Answer: m.text})
				pending = ""
			}
		}
	}
	if pending == "" {
		return q, wrong(param, "the last message must be the user's")
	}
	q.Text = pending
	return q, nil
}

// joined puts two texts below each other; either may be empty.
func joined(a, b string) string { return strings.Trim(a+"\n"+b, "\n") }

func (s *Server) chatCompletions(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), s.options.Timeout)
	defer cancel()
	var request chatRequest
	err := s.decode(r, &request)
	if err == nil {
		err = request.impossible()
	}
	var messages []said
	for _, m := range request.Messages {
		messages = append(messages, said{m.Role, string(m.Content)})
	}
	var question ask.Question
	if err == nil {
		question, err = questionOf(messages, "messages")
	}
	var collection *Collection
	if err == nil {
		collection, err = s.collectionOfModel(ctx, request.Model)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	response := chatResponse{ID: "chatcmpl-" + requestID(ctx), Created: time.Now().Unix(), Model: cmp.Or(request.Model, modelName)}
	stop := "stop"
	if !request.Stream {
		answer, err := collection.Assistant.Ask(ctx, question, nil)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		s.answered(ctx, answer)
		text := spoken(answer)
		response.Object, response.Usage, response.Status = "chat.completion", usageOf(answer), answer.Status
		response.Choices = []chatChoice{{Message: &chatMessage{"assistant", text, chatAnnotations(r, text, answer.Citations)}, FinishReason: &stop}}
		writeJSON(w, response)
		return
	}
	out := newEventStream(w)
	defer out.close()
	response.Object = "chat.completion.chunk"
	send := func(choices []chatChoice, usage *chatUsage) error {
		response.Choices, response.Usage = choices, usage
		return out.send("", response)
	}
	answer, err := s.askForStream(ctx, collection, question, func([]retrieve.Passage) error {
		return send([]chatChoice{{Delta: &chatMessage{Role: "assistant"}}}, nil)
	})
	if err != nil {
		s.failStream(w, r, out, err)
		return
	}
	text := spoken(answer)
	for piece := range pieces(text) {
		if send([]chatChoice{{Delta: &chatMessage{Content: piece}}}, nil) != nil {
			return
		}
	}
	response.Status = answer.Status
	_ = send([]chatChoice{{Delta: &chatMessage{Annotations: chatAnnotations(r, text, answer.Citations)}, FinishReason: &stop}}, nil)
	if request.StreamOptions.IncludeUsage {
		_ = send([]chatChoice{}, usageOf(answer))
	}
	_ = out.text("data: [DONE]\n\n")
}

// askForStream answers a question whose answer will be streamed; found is called
// once with the passages. What streams is verified text, a statement at a time:
// clients of OpenAI's routes cannot take text back.
func (s *Server) askForStream(ctx context.Context, collection *Collection, q ask.Question, found func([]retrieve.Passage) error) (*ask.Answer, error) {
	place := seatOf(ctx)
	if err := place.work(ctx); err != nil {
		return nil, err
	}
	answer, err := collection.Assistant.Ask(ctx, q, func(e ask.Event) error {
		if e.Answer != nil || e.Citation != nil || e.Restart != "" || e.Delta != "" {
			return nil
		}
		place.rest()
		return found(e.Passages)
	})
	if err == nil {
		s.answered(ctx, answer)
	}
	return answer, err
}

// failStream writes an error as the status it has, or, when the stream has
// begun, as its last event.
func (s *Server) failStream(w http.ResponseWriter, r *http.Request, out *eventStream, err error) {
	if !out.started() {
		s.fail(w, r, err)
		return
	}
	p := explain(err)
	s.logFailure(r.Context(), p, err)
	_ = out.send("", p)
}

// spoken is an answer's text with what the documents lack.
func spoken(answer *ask.Answer) string {
	if answer.Status == ask.StatusNotFound && answer.Missing != "" && answer.Missing != answer.Text {
		return answer.Text + "\n" + answer.Missing
	}
	return answer.Text
}

// pieces cuts a text after its markers.
func pieces(text string) iter.Seq[string] { return strings.SplitAfterSeq(text, "] ") }

func usageOf(answer *ask.Answer) *chatUsage {
	return &chatUsage{answer.Usage.PromptTokens, answer.Usage.CompletionTokens, answer.Usage.PromptTokens + answer.Usage.CompletionTokens}
}

// annotations places citations at their markers in the text.
func annotations(text string, citations []ask.Citation) []annotation {
	var out []annotation
	for _, c := range citations {
		marker := fmt.Sprintf("[%d]", c.Marker)
		at := strings.Index(text, marker)
		if at < 0 {
			continue
		}
		begin := utf16Length(text[:at])
		out = append(out, annotation{
			Type: "file_citation", FileID: c.DocumentID, Filename: c.Path, Index: begin, StartIndex: begin, EndIndex: begin + len(marker),
			FileCitation: &fileCitation{c.DocumentID, c.Path, c.Quote, append([]string{}, c.Section...), c.Page, c.Start, c.End},
		})
	}
	return out
}

// utf16Length counts as JavaScript does.
func utf16Length(text string) int { return len(utf16.Encode([]rune(text))) }

type modelEntry struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

func (s *Server) models(ctx context.Context) ([]modelEntry, error) {
	names, err := s.namesFor(ctx)
	if err != nil {
		return nil, err
	}
	entries := []modelEntry{}
	for _, name := range names {
		id := modelName + "/" + name
		if name == s.options.Default {
			id = modelName
		}
		entries = append(entries, modelEntry{id, "model", 0, "lore"})
	}
	if s.options.Embedder != nil {
		for _, suffix := range []string{"", querySuffix} {
			entries = append(entries, modelEntry{s.options.Embedder.Info().Name + suffix, "model", 0, "lore"})
		}
	}
	return entries, nil
}

func (s *Server) listModels(w http.ResponseWriter, r *http.Request) {
	entries, err := s.models(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, map[string]any{"object": "list", "data": entries})
}

func (s *Server) getModel(w http.ResponseWriter, r *http.Request) {
	entries, err := s.models(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	for _, entry := range entries {
		if entry.ID == r.PathValue("id") {
			writeJSON(w, entry)
			return
		}
	}
	s.fail(w, r, newProblem(http.StatusNotFound, typeInvalid, "model_not_found", "no such model; GET /v1/models lists them"))
}

// querySuffix of an embedding model's name asks for vectors of questions.
const querySuffix = "-query"

// maxInputs bounds the texts of one embeddings request, as OpenAI does.
const maxInputs = 2048

// inputs is a text or a list of texts.
type inputs []string

// UnmarshalJSON reads either form.
func (in *inputs) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*in = inputs{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(data, &many); err != nil {
		return errors.New("input is neither a text nor a list of texts; token numbers are not taken")
	}
	*in = many
	return nil
}

type embeddingEntry struct {
	Object    string `json:"object"`
	Index     int    `json:"index"`
	Embedding any    `json:"embedding"`
}

func (s *Server) embeddings(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), s.options.Timeout)
	defer cancel()
	var request struct {
		Model          string `json:"model"`
		Input          inputs `json:"input"`
		EncodingFormat string `json:"encoding_format"`
		Dimensions     int    `json:"dimensions"`
	}
	if err := s.decode(r, &request); err != nil {
		s.fail(w, r, err)
		return
	}
	embedder := s.options.Embedder
	var refused *problem
	switch {
	case embedder == nil:
		refused = newProblem(http.StatusNotFound, typeInvalid, "model_not_found", "this server has no embedding model")
	case len(request.Input) == 0:
		refused = wrong("input", "input is empty")
	case len(request.Input) > maxInputs:
		refused = wrong("input", fmt.Sprintf("input has more than %d texts", maxInputs))
	case request.Dimensions != 0 && request.Dimensions != embedder.Info().Dimension:
		refused = unsupported("dimensions", fmt.Sprintf("the model has %d dimensions", embedder.Info().Dimension))
	case request.EncodingFormat != "" && request.EncodingFormat != "float" && request.EncodingFormat != "base64":
		refused = wrong("encoding_format", "encoding_format is float or base64")
	}
	if refused != nil {
		s.fail(w, r, refused)
		return
	}
	task := model.TaskPassage
	if strings.HasSuffix(request.Model, querySuffix) {
		task = model.TaskQuery
	}
	vectors, err := embedder.Embed(ctx, task, request.Input)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	entries := make([]embeddingEntry, len(vectors))
	tokens := 0
	for i, v := range vectors {
		entries[i] = embeddingEntry{"embedding", i, v}
		if request.EncodingFormat == "base64" {
			entries[i].Embedding = base64Floats(v)
		}
		tokens += len(strings.Fields(request.Input[i]))
	}
	writeJSON(w, map[string]any{
		"object": "list", "data": entries, "model": cmp.Or(request.Model, embedder.Info().Name),
		"usage": map[string]int{"prompt_tokens": tokens, "total_tokens": tokens},
	})
}

// base64Floats writes a vector as OpenAI does: little-endian 32-bit floats.
func base64Floats(v []float32) string {
	raw := make([]byte, 0, 4*len(v))
	for _, f := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
	}
	return base64.StdEncoding.EncodeToString(raw)
}

package api_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/lore-kb/lore/model"
)

// lengthEmbedder embeds a text as its length and its task.
type lengthEmbedder struct{}

func (lengthEmbedder) Info() model.EmbedderInfo {
	return model.EmbedderInfo{Name: "length", Dimension: 2}
}

func (lengthEmbedder) Embed(_ context.Context, task model.Task, texts []string) ([][]float32, error) {
	var out [][]float32
	for _, text := range texts {
		out = append(out, []float32{float32(len(text)), float32(task)})
	}
	return out, nil
}

func TestChatCompletions(t *testing.T) {
	server := serve(t, options(handbook(t), nil))
	status, text, _ := request(t, "POST", server.URL+"/v1/chat/completions", `{
		"model": "lore", "temperature": 0.2, "tools": [], "user": "x",
		"messages": [{"role":"system","content":"Be rude."},{"role":"user","content":[{"type":"text","text":"国内出差补贴每天多少钱？"}]}]}`)
	var got struct {
		Object, Model string
		Choices       []struct {
			FinishReason string `json:"finish_reason"`
			Message      struct {
				Role, Content string
				Annotations   []struct {
					Type, FileID, Filename string
					Start                  int `json:"start_index"`
					End                    int `json:"end_index"`
					Citation               struct {
						Quote string
					} `json:"file_citation"`
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil || status != 200 {
		t.Fatalf("%d %v: %s", status, err, text)
	}
	choice := got.Choices[0]
	if got.Object != "chat.completion" || choice.FinishReason != "stop" || choice.Message.Role != "assistant" || !strings.Contains(choice.Message.Content, "120元") {
		t.Errorf("%s", text)
	}
	if len(choice.Message.Annotations) == 0 {
		t.Fatal("no annotation")
	}
	a := choice.Message.Annotations[0]
	units := utf16.Encode([]rune(choice.Message.Content))
	if a.Type != "file_citation" || a.Filename != "制度/差旅报销.md" || string(utf16.Decode(units[a.Start:a.End])) != "[1]" || !strings.Contains(a.Citation.Quote, "120元") {
		t.Errorf("annotation %+v", a)
	}
}

func TestChatCompletionsStream(t *testing.T) {
	server := serve(t, options(handbook(t), nil))
	_, text, header := request(t, "POST", server.URL+"/v1/chat/completions",
		`{"model":"lore","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Is business class paid for?"}]}`)
	if header.Get("Content-Type") != "text/event-stream" || !strings.HasSuffix(text, "data: [DONE]\n\n") {
		t.Fatalf("%s", text)
	}
	content, annotated, usage := "", false, false
	for line := range strings.SplitSeq(text, "\n") {
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok || data == "[DONE]" {
			continue
		}
		var chunk struct {
			Object  string
			Choices []struct {
				Delta struct {
					Content     string
					Annotations []any
				}
			}
			Usage *struct{}
		}
		if err := json.Unmarshal([]byte(data), &chunk); err != nil || chunk.Object != "chat.completion.chunk" {
			t.Fatalf("%v: %s", err, data)
		}
		for _, c := range chunk.Choices {
			content += c.Delta.Content
			annotated = annotated || len(c.Delta.Annotations) > 0
		}
		usage = usage || chunk.Usage != nil
	}
	if content != "Business class is not paid for. [1]" || !annotated || !usage {
		t.Errorf("content %q, annotated %v, usage %v", content, annotated, usage)
	}
}

func TestChatCompletionsErrors(t *testing.T) {
	server := serve(t, options(handbook(t), nil))
	for body, code := range map[string]string{
		`{"messages":[]}`: `invalid_value","param":"messages`,
		`{"messages":[{"role":"assistant","content":"hi"}]}`:                                           `invalid_value","param":"messages`,
		`{"n":2,"messages":[{"role":"user","content":"x"}]}`:                                           `unsupported_value","param":"n`,
		`{"response_format":{"type":"json_object"},"messages":[{"role":"user","content":"x"}]}`:        `unsupported_value","param":"response_format`,
		`{"tool_choice":{"type":"function"},"messages":[{"role":"user","content":"x"}]}`:               `unsupported_value","param":"tool_choice`,
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:,"}}]}]}`: "invalid_request",
		`{"model":"gpt-4","messages":[{"role":"user","content":"x"}]}`:                                 "model_not_found",
		`{"model":"lore/no","messages":[{"role":"user","content":"x"}]}`:                               "model_not_found",
		`{"messages":[{"role":"user","content":7}]}`:                                                   "invalid_request",
		`nonsense`: "invalid_request",
		`{"messages":[{"role":"user","content":"   "}]}`: "empty_question",
	} {
		status, text, _ := request(t, "POST", server.URL+"/v1/chat/completions", body)
		if status < 400 || status >= 500 || !strings.Contains(text, `"code":"`+code+`"`) {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
}

func TestModelsAndEmbeddings(t *testing.T) {
	o := options(handbook(t), nil)
	o.Embedder = lengthEmbedder{}
	server := serve(t, o)
	if _, text, _ := request(t, "GET", server.URL+"/v1/models", ""); !strings.Contains(text, `"id":"lore"`) || !strings.Contains(text, `"id":"length-query"`) {
		t.Errorf("models %s", text)
	}
	if status, _, _ := request(t, "GET", server.URL+"/v1/models/lore", ""); status != 200 {
		t.Errorf("model lore: %d", status)
	}
	if status, _, _ := request(t, "GET", server.URL+"/v1/models/gpt-4", ""); status != 404 {
		t.Errorf("model gpt-4: %d", status)
	}
	var got struct {
		Data []struct {
			Index     int
			Embedding json.RawMessage
		}
	}
	_, text, _ := request(t, "POST", server.URL+"/v1/embeddings", `{"model":"length","input":["a","bcd"]}`)
	if err := json.Unmarshal([]byte(text), &got); err != nil || len(got.Data) != 2 || string(got.Data[1].Embedding) != "[3,0]" {
		t.Errorf("%v: %s", err, text)
	}
	_, text, _ = request(t, "POST", server.URL+"/v1/embeddings", `{"model":"length-query","input":"abcd","encoding_format":"base64"}`)
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	var encoded string
	_ = json.Unmarshal(got.Data[0].Embedding, &encoded)
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(raw) != 8 || math.Float32frombits(binary.LittleEndian.Uint32(raw)) != 4 || math.Float32frombits(binary.LittleEndian.Uint32(raw[4:])) != 1 {
		t.Errorf("base64: %v, %s", err, text)
	}
	for _, body := range []string{`{}`, `{"input":[]}`, `{"input":[1,2]}`, `{"input":"x","dimensions":7}`, `{"input":"x","encoding_format":"hex"}`} {
		if status, text, _ := request(t, "POST", server.URL+"/v1/embeddings", body); status != 400 {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
}

// TestChatAnnotationsOfAddresses answers a client that takes no other.
func TestChatAnnotationsOfAddresses(t *testing.T) {
	server := serve(t, options(handbook(t), nil))
	for _, agent := range []string{
		"ai/6.0.326 ai-sdk/openai/3.0.141 ai-sdk/provider-utils/4.0.66 runtime/node.js/v20.20.2",
		"ai/6.0.326 ai-sdk/provider-utils/4.0.66 runtime/node.js/v20.20.2",
	} {
		_, text, _ := request(t, "POST", server.URL+"/v1/chat/completions", `{"model":"lore","messages":[{"role":"user","content":"Is business class paid for?"}]}`,
			"User-Agent", agent)
		if !strings.Contains(text, `"type":"url_citation","url_citation":{"url":"lore://document/`) || strings.Contains(text, `"file_citation"`) {
			t.Errorf("%s: %s", agent, text)
		}
	}
}

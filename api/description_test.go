package api_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// The description holds what the handlers look for, and what may be null is
// taken as null.
func TestDescription(t *testing.T) {
	server := serve(t, writing(handbook(t), options("", nil)))
	_, text, header := request(t, "GET", server.URL+"/openapi.json", "")
	var d struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]map[string]any
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &d); err != nil || !strings.Contains(header.Get("Content-Type"), "json") {
		t.Fatal(err, text)
	}
	question := d.Components.Schemas["AskInputBody"].Properties["question"]
	if question["pattern"] != `[\p{L}\p{Nd}]` || question["type"] != "string" {
		t.Errorf("question: %v", question)
	}
	language := d.Components.Schemas["AskInputBody"].Properties["language"]
	if kinds, _ := language["type"].([]any); !slices.Contains(kinds, any("null")) || !slices.Contains(language["enum"].([]any), any(nil)) {
		t.Errorf("language: %v", language)
	}
	if either, _ := d.Components.Schemas["AskInputBody"].Properties["filter"]["anyOf"].([]any); len(either) != 2 {
		t.Errorf("filter: %v", d.Components.Schemas["AskInputBody"].Properties["filter"])
	}
	if either, _ := d.Components.Schemas["FilterBody"].Properties["after"]["anyOf"].([]any); len(either) != 3 {
		t.Errorf("after: %v", d.Components.Schemas["FilterBody"].Properties["after"])
	}
	for body, want := range map[string]int{
		`{"question":"Is business class paid for?","language":null,"limit":null,"filter":null,"history":null,"conversation":null,"explain":null,"collection":null,"instructions":null}`: 200,
		`{"question":"Is business class paid for?","filter":{"after":null,"before":"","paths":null,"labels":null}}`:                                                                     200,
		`{"question":"Is business class paid for?","conversation":"new","history":[]}`:                                                                                                  200,
		`{"question":"x","conversation":"new","history":[{"question":"a","answer":"b"}]}`:                                                                                               400,
		`{"question":null}`: 400,
		`{"question":"?!"}`: 400,
		`{"question":"x","filter":{"after":"yesterday"}}`: 400,
	} {
		if status, text, _ := request(t, "POST", server.URL+"/v1/ask", body); status != want {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	for body, want := range map[string]int{
		`{"rating":"good","question":"x","filter":{"after":"AAA"}}`: 400, `{"rating":"good","question":"x","filter":{"after":"2026-01-31"},"citations":[{"document_id":"a","start":1.0,"end":2}]}`: 204,
		`{"rating":"good","question":"x","citations":[{"document_id":"a","start":0,"end":9223372036854775806}]}`: 400,
	} {
		if status, text, _ := request(t, "POST", server.URL+"/v1/feedback", body); status != want {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	if status, text, _ := request(t, "POST", server.URL+"/v1/search/why-not", `{"query":"leave","document":"policies/annual-leave.md","limit":8.0,"filter":null}`); status != 200 {
		t.Error(status, text)
	}
	for path, want := range map[string]int{
		"/v1/documents?limit=": 400, "/v1/documents?status=": 400, "/v1/documents?status=ok&status=": 400, "/v1/documents?collection=": 200, "/v1/documents?path=": 200,
		"/v1/documents?limit=1&status=ok": 200, "/v1/questions?limit=": 400,
	} {
		if status, text, _ := request(t, "GET", server.URL+path, ""); status != want {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
}

func TestRenameConversation(t *testing.T) {
	server := serve(t, writing(handbook(t), options("", nil)))
	_, text, _ := request(t, "POST", server.URL+"/v1/ask", `{"question":"Is business class paid for?","conversation":"new"}`)
	var got struct{ Conversation string }
	if err := json.Unmarshal([]byte(text), &got); err != nil || got.Conversation == "" {
		t.Fatal(err, text)
	}
	at := server.URL + "/v1/conversations/" + got.Conversation
	for _, c := range []struct {
		path, body string
		status     int
		has        string
	}{
		{at, `{"title":"  Flights\nand hotels "}`, 200, `"title":"Flights and hotels"`},
		{at, `{"title":" "}`, 400, "title"},
		{at, `{}`, 400, "title"},
		{server.URL + "/v1/conversations/none", `{"title":"x"}`, 404, "no_such_conversation"},
	} {
		if status, text, _ := request(t, "PATCH", c.path, c.body); status != c.status || !strings.Contains(text, c.has) {
			t.Errorf("%s: %d %s", c.body, status, text)
		}
	}
	_, text, _ = request(t, "GET", server.URL+"/v1/conversations", "")
	if !strings.Contains(text, `"title":"Flights and hotels"`) {
		t.Error(text)
	}
	if status, text, _ := request(t, "POST", server.URL+"/v1/ask", `{"question":"And rail travel?","conversation":"`+got.Conversation+`"}`); status != 200 {
		t.Error(status, text)
	}
	_, text, _ = request(t, "GET", at, "")
	if !strings.Contains(text, `"title":"Flights and hotels"`) || strings.Count(text, `"question"`) != 2 {
		t.Error(text)
	}
}

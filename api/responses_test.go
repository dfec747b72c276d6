package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
)

// response is the part of OpenAI's shape that tests look at.
type response struct {
	ID, Object, Status, Model string
	Previous                  *string `json:"previous_response_id"`
	Output                    []struct {
		Type, Status, Role string
		Queries            []string
		Results            []struct {
			FileID   string `json:"file_id"`
			Filename string
			Score    float64
			Text     string
		}
		Content []struct {
			Type, Text  string
			Annotations []struct {
				Type     string
				FileID   string `json:"file_id"`
				Filename string
				Index    int
			}
		}
	}
	Usage *struct{}
}

func TestResponses(t *testing.T) {
	dir := handbook(t)
	server := serve(t, writing(dir, options(dir, nil)))
	create := func(body string) response {
		t.Helper()
		status, text, _ := request(t, "POST", server.URL+"/v1/responses", body)
		var got response
		if err := json.Unmarshal([]byte(text), &got); err != nil || status != 200 {
			t.Fatalf("%d %v: %s", status, err, text)
		}
		return got
	}
	first := create(`{"model":"lore","input":"国内出差补贴每天多少钱？","temperature":0.1,"reasoning":{"effort":"low"},"include":["file_search_call.results"],
		"tools":[{"type":"file_search","vector_store_ids":["default"],"max_num_results":3},{"type":"function","name":"f","parameters":{}}]}`)
	if first.Object != "response" || first.Status != "completed" || first.Model != "lore" || len(first.Output) != 2 || first.Usage == nil {
		t.Fatalf("%+v", first)
	}
	call, message := first.Output[0], first.Output[1]
	if call.Type != "file_search_call" || len(call.Queries) != 1 || len(call.Results) == 0 || len(call.Results) > 3 || call.Results[0].Score <= 0 || call.Results[0].Score > 1 || call.Results[0].Text == "" {
		t.Errorf("call %+v", call)
	}
	part := message.Content[0]
	if message.Type != "message" || part.Type != "output_text" || !strings.Contains(part.Text, "120元") || len(part.Annotations) == 0 {
		t.Fatalf("message %+v", message)
	}
	a := part.Annotations[0]
	units := utf16.Encode([]rune(part.Text))
	if a.Type != "file_citation" || a.Filename != "制度/差旅报销.md" || string(utf16.Decode(units[a.Index:a.Index+3])) != "[1]" {
		t.Errorf("annotation %+v", a)
	}
	if status, text, _ := request(t, "GET", server.URL+"/v1/files/"+a.FileID, ""); status != 200 || !strings.Contains(text, a.Filename) {
		t.Errorf("the cited file: %d %s", status, text)
	}
	// A turn that goes on, and a branch from the same turn.
	second := create(`{"input":[{"role":"user","content":[{"type":"input_text","text":"Is business class paid for?"}]}],"previous_response_id":"` + first.ID + `"}`)
	branch := create(`{"input":"What does ERR-4012 mean?","previous_response_id":"` + first.ID + `"}`)
	for _, r := range []response{second, branch} {
		if r.Previous == nil || *r.Previous != first.ID || r.Output[0].Results != nil {
			t.Errorf("%+v", r)
		}
	}
	conversation := func(id string) string {
		return strings.TrimPrefix(id[:strings.LastIndexByte(id, '_')], "resp_")
	}
	if conversation(first.ID) != conversation(second.ID) || conversation(branch.ID) == conversation(first.ID) || !strings.HasSuffix(branch.ID, "_2") {
		t.Errorf("first %s, second %s, branch %s", first.ID, second.ID, branch.ID)
	}
	if _, text, _ := request(t, "GET", server.URL+"/v1/conversations/"+conversation(branch.ID), ""); !strings.Contains(text, "120元") || !strings.Contains(text, "ERR-4012") || strings.Contains(text, "usiness class") {
		t.Errorf("the branch holds %s", text)
	}
	status, text, _ := request(t, "GET", server.URL+"/v1/responses/"+second.ID, "")
	var kept response
	if err := json.Unmarshal([]byte(text), &kept); err != nil || status != 200 || kept.ID != second.ID || kept.Output[0].Content[0].Text != second.Output[1].Content[0].Text {
		t.Errorf("kept: %d %v %s", status, err, text)
	}
	if status, _, _ := request(t, "DELETE", server.URL+"/v1/responses/"+first.ID, ""); status != 409 {
		t.Errorf("deleted the middle of a conversation: %d", status)
	}
	if status, _, _ := request(t, "DELETE", server.URL+"/v1/responses/"+second.ID, ""); status != 200 {
		t.Errorf("delete: %d", status)
	}
	loose := create(`{"input":"Is business class paid for?","store":false}`)
	for _, id := range []string{first.ID, loose.ID, "resp_x", "resp_../tokens_1", "nonsense"} {
		if status, _, _ := request(t, "GET", server.URL+"/v1/responses/"+strings.ReplaceAll(id, "/", "%2F"), ""); status != 404 {
			t.Errorf("%s is there: %d", id, status)
		}
	}
}

func TestResponsesStream(t *testing.T) {
	dir := handbook(t)
	server := serve(t, writing(dir, options(dir, nil)))
	_, text, header := request(t, "POST", server.URL+"/v1/responses", `{"input":"Is business class paid for?","stream":true}`)
	if header.Get("Content-Type") != "text/event-stream" {
		t.Fatal(text)
	}
	var names []string
	content := ""
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		name, data, ok := strings.Cut(strings.TrimPrefix(block, "event: "), "\ndata: ")
		var event struct {
			Type     string
			Sequence int `json:"sequence_number"`
			Delta    string
			Response response
		}
		if err := json.Unmarshal([]byte(data), &event); err != nil || !ok || event.Type != name || event.Sequence != len(names) {
			t.Fatalf("event %d: %v: %s", len(names), err, block)
		}
		if len(names) == 0 || names[len(names)-1] != name {
			names = append(names, name)
		} else {
			t.Fatalf("%s twice", name)
		}
		content += event.Delta
		if name == "response.completed" && (event.Response.Status != "completed" || event.Response.Output[1].Content[0].Text != content) {
			t.Errorf("completed with %+v, streamed %q", event.Response, content)
		}
	}
	want := "response.created response.in_progress response.output_item.added response.file_search_call.in_progress response.file_search_call.searching " +
		"response.file_search_call.completed response.output_item.done response.output_item.added response.content_part.added response.output_text.delta " +
		"response.output_text.annotation.added response.output_text.done response.content_part.done response.output_item.done response.completed"
	if got := strings.Join(names, " "); got != want || content != "Business class is not paid for. [1]" {
		t.Errorf("%q\n%s\nwant\n%s", content, got, want)
	}
}

func TestResponsesErrors(t *testing.T) {
	dir := handbook(t)
	server := serve(t, writing(dir, options(dir, nil)))
	for body, want := range map[string]string{
		`{}`:                              `"param":"input"`,
		`{"input":7}`:                     `invalid_request`,
		`{"input":"  "}`:                  `empty_question`,
		`{"input":"x","background":true}`: `"param":"background"`,
		`{"input":"x","text":{"format":{"type":"json_schema"}}}`:                              `"param":"text.format"`,
		`{"input":"x","tool_choice":"required"}`:                                              `"param":"tool_choice"`,
		`{"input":"x","previous_response_id":"resp_20260101-000000-00000000_1"}`:              `"param":"previous_response_id"`,
		`{"input":"x","previous_response_id":"a","conversation":"b"}`:                         `"param":"previous_response_id"`,
		`{"input":"x","conversation":{"id":"20260101-000000-00000000"}}`:                      `no_such_conversation`,
		`{"input":"x","tools":[{"type":"file_search","vector_store_ids":["no"]}]}`:            `no such vector store`,
		`{"input":"x","tools":[{"type":"file_search","max_num_results":0}]}`:                  `"param":"tools"`,
		`{"input":"x","tools":[{"type":"file_search","filters":{"type":"gt","key":"a"}}]}`:    `"param":"filters"`,
		`{"input":[{"role":"user","content":[{"type":"input_image","image_url":"data:,"}]}]}`: `invalid_request`,
	} {
		status, text, _ := request(t, "POST", server.URL+"/v1/responses", body)
		if status < 400 || status >= 500 || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
}

// TestVectorStores goes the way of OpenAI's clients: make a store, upload a file
// into it, search, and take all away again.
func TestVectorStores(t *testing.T) {
	dir := handbook(t)
	o := writing(dir, options(dir, nil))
	o.Names, o.Remove = sqliteNames(dir), sqliteRemove(dir)
	server := serve(t, o)
	call := func(method, path, body string, want int, headers ...string) map[string]any {
		t.Helper()
		status, text, _ := request(t, method, server.URL+path, body, headers...)
		var got map[string]any
		if err := json.Unmarshal([]byte(text), &got); err != nil || status != want {
			t.Fatalf("%s %s: %d %v: %s", method, path, status, err, text)
		}
		return got
	}
	if made := call("POST", "/v1/vector_stores", `{"name":"kitchen"}`, 200); made["id"] != "kitchen" || made["object"] != "vector_store" {
		t.Errorf("made %v", made)
	}
	call("POST", "/v1/vector_stores", `{"name":"kitchen"}`, 409)
	call("POST", "/v1/vector_stores", `{"name":"../x"}`, 400)
	form := "--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nassistants\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"kettle.md\"\r\n\r\n# Kitchen\n\nThe kettle is in the pantry.\n\r\n--b--\r\n"
	file := call("POST", "/v1/files?collection=kitchen", form, 200, "Content-Type", "multipart/form-data; boundary=b")
	id, _ := file["id"].(string)
	if file["status"] != "processed" || file["filename"] != "kettle.md" || file["purpose"] != "assistants" {
		t.Fatalf("file %v", file)
	}
	if attached := call("POST", "/v1/vector_stores/kitchen/files", `{"file_id":"`+id+`"}`, 200); attached["status"] != "completed" {
		t.Errorf("attached %v", attached)
	}
	if refused := call("POST", "/v1/vector_stores/default/files", `{"file_id":"`+id+`"}`, 400); !strings.Contains(fmt.Sprint(refused), "another vector store") {
		t.Errorf("attached elsewhere: %v", refused)
	}
	found := call("POST", "/v1/vector_stores/kitchen/search", `{"query":"kettle","max_num_results":3,"rewrite_query":true}`, 200)
	if text := fmt.Sprint(found["data"]); !strings.Contains(text, "pantry") || !strings.Contains(text, id) || !strings.Contains(text, "score:1") {
		t.Errorf("found %v", found)
	}
	if found := call("POST", "/v1/vector_stores/kitchen/search", `{"query":["kettle"],"filters":{"type":"and","filters":[{"type":"eq","key":"path","value":"other/"}]}}`, 200); len(found["data"].([]any)) != 0 {
		t.Errorf("a filter that fits nothing found %v", found)
	}
	for _, body := range []string{`{}`, `{"query":"x","max_num_results":51}`, `{"query":"x","filters":{"type":"or","filters":[{},{}]}}`, `{"query":""}`} {
		call("POST", "/v1/vector_stores/kitchen/search", body, 400)
	}
	for path, count := range map[string]int{"/v1/files": 21, "/v1/files?limit=5": 5, "/v1/vector_stores": 2, "/v1/vector_stores/kitchen/files": 1, "/v1/files?purpose=fine-tune": 0} {
		if list := call("GET", path, "", 200); len(list["data"].([]any)) != count || list["object"] != "list" {
			t.Errorf("%s: %d entries", path, len(list["data"].([]any)))
		}
	}
	// Turning pages gives every file once.
	seen, after := map[string]bool{}, ""
	for {
		page := call("GET", "/v1/files?limit=4&after="+after, "", 200)
		for _, entry := range page["data"].([]any) {
			seen[entry.(map[string]any)["id"].(string)] = true
		}
		after, _ = page["last_id"].(string)
		if page["has_more"] != true {
			break
		}
	}
	if len(seen) != 21 {
		t.Errorf("%d files in pages", len(seen))
	}
	if _, text, _ := request(t, "GET", server.URL+"/v1/files/"+id+"/content", ""); !strings.Contains(text, "# Kitchen") {
		t.Errorf("content %q", text)
	}
	if store := call("GET", "/v1/vector_stores/kitchen", "", 200); fmt.Sprint(store["file_counts"].(map[string]any)["completed"]) != "1" {
		t.Errorf("store %v", store)
	}
	call("GET", "/v1/vector_stores/kitchen/files/"+id, "", 200)
	if gone := call("DELETE", "/v1/files/"+id, "", 200); gone["deleted"] != true {
		t.Errorf("deleted %v", gone)
	}
	call("GET", "/v1/files/"+id, "", 404)
	call("DELETE", "/v1/vector_stores/kitchen", "", 200)
	call("GET", "/v1/vector_stores/kitchen", "", 404)
	call("DELETE", "/v1/vector_stores/kitchen", "", 404)
}

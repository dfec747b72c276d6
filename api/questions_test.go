package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnanswered asks what the documents lack, in several ways to write it.
func TestUnanswered(t *testing.T) {
	dir := handbook(t)
	server := serve(t, writing(dir, options(dir, nil)))
	for _, question := range []string{"What is the boiling point of tungsten?", "Is business class paid for?", "what is the  boiling point of Tungsten", "Who won the chess cup of 1921?"} {
		if status, text, _ := request(t, "POST", server.URL+"/v1/ask", fmt.Sprintf(`{"question":%q}`, question)); status != http.StatusOK {
			t.Fatal(status, text)
		}
	}
	var got struct {
		Questions []struct {
			Question, Status, Missing string
			Count                     int
		}
	}
	_, text, _ := request(t, "GET", server.URL+"/v1/questions", "")
	if err := json.Unmarshal([]byte(text), &got); err != nil || len(got.Questions) != 2 {
		t.Fatal(err, text)
	}
	if q := got.Questions[0]; !strings.Contains(q.Question, "ungsten") || q.Count != 2 || q.Status != "not_found" || q.Missing == "" {
		t.Errorf("%+v", q)
	}
	if info, err := os.Stat(filepath.Join(dir, "unanswered.jsonl")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	// A broken line is passed over, a full file is cut to its newer half.
	old := strings.Repeat(`{"question":"old?","status":"not_found"}`+"\n", 60_000) + "broken\n"
	if err := os.WriteFile(filepath.Join(dir, "unanswered.jsonl"), []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	request(t, "POST", server.URL+"/v1/ask", `{"question":"What is the boiling point of tungsten?"}`)
	_, text, _ = request(t, "GET", server.URL+"/v1/questions", "")
	if err := json.Unmarshal([]byte(text), &got); err != nil || len(got.Questions) != 2 || got.Questions[0].Question != "old?" || got.Questions[0].Count > 30_000 || got.Questions[1].Count != 1 {
		t.Errorf("%v %s", err, text)
	}
	if status, text, _ := request(t, "DELETE", server.URL+"/v1/questions", ""); status != http.StatusNoContent {
		t.Error(status, text)
	}
	if _, text, _ = request(t, "GET", server.URL+"/v1/questions", ""); !strings.Contains(text, `"questions":[]`) {
		t.Error(text)
	}
}

func TestActivityAndEvals(t *testing.T) {
	dir := handbook(t)
	server := serve(t, writing(dir, options(dir, nil)))
	request(t, "POST", server.URL+"/v1/ask", `{"question":"Is business class paid for?"}`)
	request(t, "POST", server.URL+"/v1/search", `{"query":"business class"}`)
	request(t, "POST", server.URL+"/v1/search", `{"query":" "}`)
	request(t, "GET", server.URL+"/v1/documents", "")
	var got struct {
		Answers  map[string]int
		Requests []struct {
			Kind   string
			Status int
			MS     float64
		}
	}
	_, text, _ := request(t, "GET", server.URL+"/v1/activity", "")
	if err := json.Unmarshal([]byte(text), &got); err != nil || len(got.Requests) != 3 || got.Answers["answered"] != 1 ||
		got.Requests[0].Kind != "ask" || got.Requests[1].Kind != "search" || got.Requests[1].MS <= 0 || got.Requests[2].Status != 400 {
		t.Errorf("%v %s", err, text)
	}

	folder := filepath.Join(dir, "evals")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "outside.json")
	for name, text := range map[string]string{
		filepath.Join(folder, "good.json"): `{"by_type":{"all":{"ndcg@10":0.5}}}`, filepath.Join(folder, "list.json"): `[1]`, filepath.Join(folder, "broken.json"): `{`,
		filepath.Join(folder, "notes.txt"): `{"x":1}`, outside: `{"secret":1}`,
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_ = os.Symlink(outside, filepath.Join(folder, "link.json"))
	_, text, _ = request(t, "GET", server.URL+"/v1/evals", "")
	var evals struct {
		Evals []struct {
			Name   string
			Report map[string]any
		}
	}
	if err := json.Unmarshal([]byte(text), &evals); err != nil || len(evals.Evals) != 1 || evals.Evals[0].Name != "good" || evals.Evals[0].Report["by_type"] == nil {
		t.Errorf("%v %s", err, text)
	}
}

func TestWhyNot(t *testing.T) {
	server := serve(t, options(handbook(t), nil))
	for _, test := range []struct{ document, filter, lost string }{
		{"policies/annual-leave.md", ``, ""},
		{"products/price-list.md", `,"filter":{"paths":["policies/"]}`, "filter"},
		{"no/such.md", ``, "stored"},
	} {
		status, text, _ := request(t, "POST", server.URL+"/v1/search/why-not", fmt.Sprintf(`{"query":"How many unused days of annual leave can be carried over?","document":%q%s}`, test.document, test.filter))
		var got struct {
			Document, Lost string
			Rank           int
			Steps          []string
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil || status != http.StatusOK || got.Lost != test.lost || len(got.Steps) == 0 || (got.Rank > 0) != (test.lost == "") {
			t.Errorf("%s: %d %v %s", test.document, status, err, text)
		}
	}
	if status, text, _ := request(t, "POST", server.URL+"/v1/search/why-not", `{"query":" ","document":"x"}`); status != http.StatusBadRequest {
		t.Error(status, text)
	}
}

package api_test

import (
	"strings"
	"testing"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/modeltest"
)

// What a client says as system, developer or instructions reaches the model, on
// every route that answers, and goes before the answer is checked.
func TestSystemMessageIsKept(t *testing.T) {
	var told string
	generator := &modeltest.Generator{Answer: func(r model.Request) string {
		told = r.Messages[0].Text
		greeting := ""
		if strings.Contains(told, "Greet the guest.") {
			greeting = "Dear guest: "
		}
		return greeting + "Business class is not paid for. [1]\nThe lounge is free for everyone. [1]"
	}}
	server := serve(t, options(handbook(t), generator))
	const question = "Is business class paid for?"
	for name, c := range map[string]struct{ path, body string }{
		"system":       {"/v1/chat/completions", `{"model":"lore","messages":[{"role":"system","content":"You are a clerk."},{"role":"system","content":"Greet the guest."},{"role":"user","content":"` + question + `"}]}`},
		"developer":    {"/v1/chat/completions", `{"model":"lore","stream":true,"messages":[{"role":"developer","content":[{"type":"text","text":"You are a clerk."},{"type":"text","text":"Greet the guest."}]},{"role":"user","content":"` + question + `"}]}`},
		"instructions": {"/v1/responses", `{"model":"lore","instructions":"You are a clerk.\nGreet the guest.","input":"` + question + `"}`},
		"input":        {"/v1/responses", `{"model":"lore","instructions":"You are a clerk.","input":[{"role":"developer","content":"Greet the guest."},{"role":"user","content":"` + question + `"}]}`},
		"own route":    {"/v1/ask", `{"question":"` + question + `","instructions":"You are a clerk.\nGreet the guest."}`},
	} {
		t.Run(name, func(t *testing.T) {
			status, text, _ := request(t, "POST", server.URL+c.path, c.body)
			if status != 200 || !strings.Contains(text, "Dear guest: Business class is not paid for.") {
				t.Errorf("%d %s", status, text)
			}
			if !strings.Contains(told, "<wish>\nYou are a clerk.\nGreet the guest.\n</wish>") {
				t.Errorf("the model was told %q", told)
			}
			if strings.Contains(text, `lounge is free for everyone. [`) {
				t.Errorf("what no document says stands: %s", text)
			}
		})
	}
}

package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestMCPGoesOnAfterBadLines speaks the protocol with lines between that are no
// messages: each is answered, and the session goes on.
func TestMCPGoesOnAfterBadLines(t *testing.T) {
	isolate(t)
	var quiet screen
	if code := run(t.Context(), []string{"index", "../../examples/handbook"}, nil, &quiet, &quiet); code != exitOK {
		t.Fatal(quiet.String())
	}
	in := strings.Join([]string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`,
		`{"jsonrpc":"2.0","method":"notifications/initialized"}`,
		`{"jsonrpc":"2.0","id":2,`,
		"\xff\xfe",
		``,
		`[]`,
		`[{"jsonrpc":"2.0","id":9,"method":"ping"}]`,
		`"text"`,
		`{"id":3,"method":"ping"}`,
		strings.Repeat("x", 5<<20),
		`{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"ask","arguments":{"question":"Is business class paid for?"}}}`,
		`{"jsonrpc":"2.0","id":5,"method":"no/such"}`,
	}, "\n") // without a newline at the end
	var out, errs screen
	if code := run(t.Context(), []string{"mcp"}, strings.NewReader(in), &out, &errs); code != exitOK {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	codes, answered, unknown := map[int]int{}, false, false
	for line := range strings.SplitSeq(strings.TrimSpace(out.String()), "\n") {
		var got struct {
			ID     *int
			Error  *struct{ Code int }
			Result json.RawMessage
		}
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		switch {
		case got.ID == nil && got.Error != nil:
			codes[got.Error.Code]++
		case got.ID != nil && *got.ID == 4:
			answered = strings.Contains(string(got.Result), "Business class is not paid for")
		case got.ID != nil && *got.ID == 5:
			unknown = got.Error != nil
		}
	}
	if codes[-32700] != 2 || codes[-32600] != 5 || !answered || !unknown {
		t.Errorf("errors %v, answered %v, unknown method refused %v: %.2000s", codes, answered, unknown, out.String())
	}
}

package httprr

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestRecordAndReplay(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Set-Cookie", "session=secret")
		fmt.Fprintf(w, "%s says %s", r.URL.Path, body)
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "trace.httprr")
	ask := func(rt http.RoundTripper, body string) (string, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/a", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer secret")
		resp, err := (&http.Client{Transport: rt}).Do(req)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		return string(text), err
	}
	t.Run("record", func(t *testing.T) {
		*record = "trace"
		defer func() { *record = "" }()
		rr := Open(t, file, http.DefaultTransport)
		for _, body := range []string{"one\n2 3\n", "two"} {
			if got, err := ask(rr, body); err != nil || got != "/a says "+body {
				t.Fatalf("got %q, %v", got, err)
			}
		}
	})
	recorded, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(recorded), "secret") {
		t.Errorf("the recording holds a credential:\n%s", recorded)
	}
	server.Close()
	rr := Open(t, file, nil)
	if got, err := ask(rr, "one\n2 3\n"); err != nil || got != "/a says one\n2 3\n" {
		t.Errorf("replay: %q, %v", got, err)
	}
	if _, err := ask(rr, "other"); err == nil {
		t.Error("another request was answered")
	}
	if got, err := ask(rr, "two"); err != nil || got != "/a says two" {
		t.Errorf("replay: %q, %v", got, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(Magic + "1 1\nab\n"))
	f.Add([]byte(Magic + "9 9\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = parse(data)
	})
}

// credential matches what keys of the servers that lore talks to look like, and
// headers that carry them.
var credential = regexp.MustCompile(`(?i)(authorization:|x-api-key:|api-key:|set-cookie:|\bsk-[a-z0-9-]{16,}|\bBearer [a-z0-9._-]{8,})`)

// TestNoCredentialsInRecordings looks through every recording of the repository.
func TestNoCredentialsInRecordings(t *testing.T) {
	if !credential.MatchString("Authorization: Bearer abcdefgh12345678") || credential.MatchString("the author says hello") {
		t.Fatal("the pattern does not work")
	}
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".httprr") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if found := credential.Find(data); found != nil {
			t.Errorf("%s holds %q", path, found)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

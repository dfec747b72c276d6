package api_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lore-kb/lore/api"
	"github.com/lore-kb/lore/ask"
)

// hostileNames are names of archive members that would lead out of a folder.
var hostileNames = []string{"../escape.md", "../../../../escape.md", "/abs.md", `..\back.md`, `C:\drive.md`, "a/../../mid.md", "fine/../../out.md", "./dot.md", "plain.md"}

const hostileText = "# Kettle\n\nThe kettle of the archive is in the pantry.\n"

func hostileZip(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	add := func(name, text string, mode fs.FileMode) {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		h.SetMode(mode)
		part, err := w.CreateHeader(h)
		if err == nil {
			_, err = part.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range hostileNames {
		add(name, hostileText, 0o644)
	}
	add("link.md", "/etc/hostname", fs.ModeSymlink|0o777)
	add("link.md", hostileText, 0o644) // through the link, if it were made
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func hostileTar(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	packed := gzip.NewWriter(&b)
	w := tar.NewWriter(packed)
	add := func(h tar.Header, text string) {
		h.Size, h.Mode = int64(len(text)), 0o644
		err := w.WriteHeader(&h)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add(tar.Header{Name: "out", Typeflag: tar.TypeSymlink, Linkname: "../.."}, "")
	add(tar.Header{Name: "out/through.md", Typeflag: tar.TypeReg}, hostileText)
	add(tar.Header{Name: "hard.md", Typeflag: tar.TypeLink, Linkname: "/etc/hostname"}, "")
	for _, name := range hostileNames {
		add(tar.Header{Name: name, Typeflag: tar.TypeReg}, hostileText)
	}
	if err := errors.Join(w.Close(), packed.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// filesBelow lists what is in a folder, but for the store's own files.
func filesBelow(t *testing.T, dir string) string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "jobs" {
			return fs.SkipDir
		}
		if err != nil || d.IsDir() {
			return err
		}
		if base := d.Name(); !strings.Contains(base, ".db") && !strings.HasSuffix(path, ".seg") && base != "audit.jsonl" {
			rel, _ := filepath.Rel(dir, path)
			names = append(names, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

// TestArchivesStayInside uploads and indexes archives whose members would lead
// out of their folder, if they were unpacked: no file is made, no link followed,
// and what is read of them is named below the archive.
func TestArchivesStayInside(t *testing.T) {
	around := t.TempDir()
	dir, docs := filepath.Join(around, "a", "data"), filepath.Join(around, "a", "docs")
	for _, made := range []string{dir, docs} {
		if err := os.MkdirAll(made, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	o := writing(dir, options(dir, nil))
	o.AllowPaths = []string{docs}
	server := serve(t, o)
	zipped, tarred := hostileZip(t), hostileTar(t)
	for name, data := range map[string][]byte{"b.zip": zipped, "b.tar.gz": tarred} {
		if err := os.WriteFile(filepath.Join(docs, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kind, body := form(t, [2]string{"a.zip", string(zipped)}, [2]string{"a.tar.gz", string(tarred)})
	_, text, _ := request(t, "POST", server.URL+"/v1/documents", body, "Content-Type", kind)
	if state, last := finished(t, server.URL, jobOf(t, text)); state != "done" {
		t.Fatal(last)
	}
	path, _ := json.Marshal(map[string]string{"path": docs})
	_, text, _ = request(t, "POST", server.URL+"/v1/index", string(path))
	if state, last := finished(t, server.URL, jobOf(t, text)); state != "done" {
		t.Fatal(last)
	}
	want := "a/data/uploads/default/a.tar.gz a/data/uploads/default/a.zip a/docs/b.tar.gz a/docs/b.zip"
	if got := filepath.ToSlash(filesBelow(t, around)); got != want {
		t.Errorf("files: %s", got)
	}
	members, read := listing(t, server.URL), 0
	for path, id := range members {
		archive, inner, member := strings.Cut(path, "!/")
		if !member {
			continue
		}
		if strings.Contains(inner, "..") || strings.HasPrefix(inner, "/") || strings.Contains(inner, `\`) || strings.ContainsAny(archive, "/") {
			t.Errorf("a document is named %s", path)
		}
		status, text, _ := request(t, "GET", server.URL+"/v1/documents/"+id+"/text", "")
		if status == 200 && strings.Contains(text, "pantry") {
			read++
		}
		if status, text, _ := request(t, "GET", server.URL+"/v1/documents/"+id+"/content", ""); status == 200 && !strings.Contains(text, "pantry") && !strings.HasPrefix(text, "PK") && !strings.HasPrefix(text, "\x1f\x8b") {
			t.Errorf("%s gives %d %.80q", path, status, text)
		}
	}
	if read < 4 {
		t.Errorf("%d members could be read of %v", read, members)
	}
	host, _ := os.ReadFile("/etc/hostname")
	if name := strings.TrimSpace(string(host)); len(name) > 3 {
		if _, text, _ := request(t, "POST", server.URL+"/v1/search", `{"query":"`+name+`"}`); strings.Contains(text, `"text":"`+name) {
			t.Errorf("a link was followed: %s", text)
		}
	}
}

// panicking fails in the worst way, with a secret of the request at hand.
type panicking struct{}

func (panicking) Ask(context.Context, ask.Question, func(ask.Event) error) (*ask.Answer, error) {
	panic("an invariant does not hold")
}

// TestSecretsStayOut looks for tokens in all that the server says and writes: the
// log with every detail, answers, errors, and the files of the data folder.
func TestSecretsStayOut(t *testing.T) {
	dir := handbook(t)
	log := &lines{}
	o := writing(dir, options(dir, nil))
	o.Token, o.Log = "master-secret-0123456789", slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o.Tokens = &api.Tokens{File: filepath.Join(dir, "tokens.json")}
	inner := o.Open
	o.Open = func(ctx context.Context, name string) (*api.Collection, error) {
		c, err := inner(ctx, name)
		if err == nil && name == "default" {
			c.Assistant = panicking{}
		}
		return c, err
	}
	limited, _, err := o.Tokens.Create(api.Token{Scope: api.ScopeWrite, Name: "writer"})
	if err != nil {
		t.Fatal(err)
	}
	const stranger = "guessed-secret-987654321"
	secrets := []string{o.Token, limited, stranger}
	server := serve(t, o)
	var said strings.Builder
	for _, secret := range secrets {
		for _, one := range [][3]string{
			{"GET", "/v1/documents", ""}, {"POST", "/v1/ask", `{"question":"Is business class paid for?"}`}, {"POST", "/v1/ask", `{"question":`}, {"GET", "/nowhere", ""},
			{"PUT", "/v1/ask", ""}, {"GET", "/metrics", ""}, {"GET", "/v1/documents/x", ""}, {"POST", "/v1/documents?name=..%2fx", "x"}, {"GET", "/debug/pprof/cmdline", ""},
			{"POST", "/v1/chat/completions", `{"model":"none","messages":[]}`}, {"POST", "/mcp", `{"jsonrpc":"2.0","id":1,"method":"nothing"}`}, {"DELETE", "/v1/collections/none", ""},
			{"POST", "/v1/feedback", `{"rating":"good","question":"x"}`}, {"GET", "/v1/session", ""},
		} {
			for _, headers := range [][]string{{"Authorization", "Bearer " + secret}, {"X-Api-Key", secret}, {"Authorization", "Basic " + secret}} {
				status, text, header := request(t, one[0], server.URL+one[1], one[2], headers...)
				if status == 0 {
					t.Fatal(one)
				}
				said.WriteString(text)
				for _, values := range header {
					said.WriteString(strings.Join(values, " "))
				}
			}
		}
	}
	if status, _, _ := request(t, "GET", server.URL+"/v1/documents?token="+o.Token+"&api_key="+o.Token, ""); status != http.StatusUnauthorized {
		t.Errorf("a token in the address: %d", status)
	}
	places := map[string]string{"the log": log.String(), "the answers": said.String()}
	for _, name := range []string{"audit.jsonl", "feedback.jsonl", "tokens.json"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		places[name] = string(data)
	}
	if !strings.Contains(places["the log"], "panic") || !strings.Contains(places["tokens.json"], "writer") {
		t.Fatal("nothing was looked at")
	}
	for place, text := range places {
		for _, secret := range secrets {
			if strings.Contains(text, secret) || strings.Contains(text, secret[3:20]) {
				t.Errorf("%s holds a token", place)
			}
		}
	}
}

// TestProfilesAreForAdmins asks for every profile with every scope.
func TestProfilesAreForAdmins(t *testing.T) {
	dir := handbook(t)
	o := writing(dir, options(dir, nil))
	o.Tokens = &api.Tokens{File: filepath.Join(dir, "tokens.json")}
	server := serve(t, o)
	for scope, want := range map[api.Scope]int{api.ScopeRead: 403, api.ScopeWrite: 403, api.ScopeAdmin: 200} {
		secret, _, err := o.Tokens.Create(api.Token{Scope: scope})
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/goroutine?debug=1", "/debug/pprof/profile?seconds=1", "/metrics"} {
			if strings.Contains(path, "seconds") && want == 200 {
				continue // takes its time
			}
			if status, _, _ := request(t, "GET", server.URL+path, "", "Authorization", "Bearer "+secret); status != want {
				t.Errorf("%s with %s: %d, want %d", path, scope, status, want)
			}
		}
	}
	if status, _, _ := request(t, "GET", server.URL+"/debug/pprof/heap", ""); status != 401 {
		t.Errorf("without a token: %d", status)
	}
}

// TestTokensCountAtOnce makes and revokes a token while the server runs.
func TestTokensCountAtOnce(t *testing.T) {
	dir := handbook(t)
	o := writing(dir, options(dir, nil))
	file := filepath.Join(dir, "tokens.json")
	o.Tokens = &api.Tokens{File: file}
	server := serve(t, o)
	status := func(secret string) int {
		code, _, _ := request(t, "GET", server.URL+"/v1/documents", "", "Authorization", "Bearer "+secret)
		return code
	}
	if got := status(""); got != 200 {
		t.Fatalf("before any token: %d", got)
	}
	other := &api.Tokens{File: file} // as another process
	secret, made, err := other.Create(api.Token{Scope: api.ScopeRead})
	if err != nil {
		t.Fatal(err)
	}
	if got := []int{status(""), status(secret)}; got[0] != 401 || got[1] != 200 {
		t.Errorf("after the first token: %v", got)
	}
	if err := other.Revoke(made.ID); err != nil {
		t.Fatal(err)
	}
	if got := []int{status(""), status(secret)}; got[0] != 401 || got[1] != 401 {
		t.Errorf("after it was revoked: %v", got)
	}
	if mode, err := os.Stat(file); err != nil || mode.Mode().Perm() != 0o600 {
		t.Errorf("tokens.json: %v %v", mode.Mode(), err)
	}
}

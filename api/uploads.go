package api

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/store"
)

// Uploaded files are kept in a folder for each collection, which is a root like
// any other: syncing it is indexing them.

// uploadTime bounds the sending of one upload.
const uploadTime = 10 * time.Minute

// uploadFiles bounds the files of one upload.
const uploadFiles = 200

func (s *Server) uploadsDir(collection string) string {
	return filepath.Join(s.options.Data, "uploads", collection)
}

// uploadsOf reports whether a root holds the uploads of a collection.
func (s *Server) uploadsOf(collection string, root store.Root) bool {
	dir, ok := ingest.FilePath(root.URI)
	if !ok || s.options.Data == "" {
		return false
	}
	own := s.uploadsDir(collection)
	if real, err := filepath.EvalSymlinks(own); err == nil {
		own = real
	}
	return dir == own
}

func (s *Server) uploadRoutes(mux *router, routes huma.API) {
	mux.HandleFunc("POST /v1/documents", s.upload)
	mux.HandleFunc("GET /v1/documents/{id}/content", s.content)
	mux.HandleFunc("GET /v1/documents/{id}/text", s.text)
	text := &huma.Schema{Type: huma.TypeString}
	file := &huma.Schema{Type: huma.TypeString, Format: "binary"}
	problems := map[string]*huma.MediaType{"application/json": {Schema: huma.SchemaFromType(routes.OpenAPI().Components.Schemas, typeOf[problem]())}}
	routes.OpenAPI().AddOperation(&huma.Operation{
		OperationID: "upload-documents", Method: http.MethodPost, Path: "/v1/documents", Tags: []string{"documents"},
		Summary:     "Upload documents and index them",
		Description: "A form with one or more files, or the bytes of one file with its name in the query, or JSON with the address of a document. A file of the same name is replaced.",
		Parameters: []*huma.Param{
			{Name: "name", In: "query", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: most(longestName), Pattern: "^$|" + namePattern},
				Description: "Path of the file among the uploads, for a body that is the file itself; without it a name is made"},
			{Name: "collection", In: "query", Schema: text},
		},
		RequestBody: &huma.RequestBody{Content: map[string]*huma.MediaType{
			"multipart/form-data": {Schema: &huma.Schema{Type: huma.TypeObject, Required: []string{"file"}, AdditionalProperties: false,
				Properties: map[string]*huma.Schema{"file": {Type: huma.TypeArray, Items: file, MinItems: most(1), MaxItems: most(uploadFiles)}}}},
			"application/octet-stream": {Schema: file},
			"application/json": {Schema: &huma.Schema{Type: huma.TypeObject, Required: []string{"url"}, Properties: map[string]*huma.Schema{
				"url":  {Type: huma.TypeString, Format: "uri", Pattern: `^https?://[A-Za-z0-9]`, Description: "Fetched by the server, from hosts that it was started with as --allow-url"},
				"name": {Type: huma.TypeString, MaxLength: most(longestName), Pattern: "^$|" + namePattern}}}},
		}},
		Responses: map[string]*huma.Response{
			"202":     {Description: "Stored; the job indexes them", Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: huma.TypeObject}}}},
			"default": {Description: "Error", Content: problems},
		},
	})
	routes.OpenAPI().AddOperation(&huma.Operation{
		OperationID: "document-content", Method: http.MethodGet, Path: "/v1/documents/{id}/content", Tags: []string{"documents"},
		Summary: "The original file",
		Parameters: []*huma.Param{
			{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString, MinLength: most(1)}},
			{Name: "collection", In: "query", Schema: text},
		},
		Responses: map[string]*huma.Response{
			"200":     {Description: "The file", Content: map[string]*huma.MediaType{"*/*": {}}},
			"206":     {Description: "A range of the file", Content: map[string]*huma.MediaType{"*/*": {}}},
			"304":     {Description: "Not changed since the ETag"},
			"default": {Description: "Error", Content: problems},
		},
	})
	routes.OpenAPI().AddOperation(&huma.Operation{
		OperationID: "document-text", Method: http.MethodGet, Path: "/v1/documents/{id}/text", Tags: []string{"documents"},
		Summary: "The text of a document, which citations point into",
		Parameters: []*huma.Param{
			{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString, MinLength: most(1)}},
			{Name: "collection", In: "query", Schema: text},
		},
		Responses: map[string]*huma.Response{
			"200":     {Description: "The text", Content: map[string]*huma.MediaType{"text/plain": {Schema: text}}},
			"206":     {Description: "A range of the text", Content: map[string]*huma.MediaType{"text/plain": {Schema: text}}},
			"304":     {Description: "Not changed since the ETag"},
			"default": {Description: "Error", Content: problems},
		},
	})
	huma.Register(routes, huma.Operation{
		OperationID: "remove-document", Method: http.MethodDelete, Path: "/v1/documents/{id}", Tags: []string{"documents"}, DefaultStatus: http.StatusOK,
		Summary:     "Remove a document from the index",
		Description: "An uploaded file is deleted. A file of a folder stays there, and comes back when the folder is synced.",
	}, s.removeDocument)
}

func most(n int) *int { return &n }

// uploaded says what was stored, and which job indexes it.
type uploaded struct {
	Documents []string `json:"documents"`
	Job       jobBody  `json:"job"`
}

func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	_, names, j, err := s.takeUpload(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	body, _ := j.state()
	w.Header().Set("Location", "/v1/jobs/"+body.ID)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	encodeJSON(w, uploaded{names, body})
}

// takeUpload stores what a request brings for the collection that it names, and
// queues the job that indexes it.
func (s *Server) takeUpload(w http.ResponseWriter, r *http.Request) (collection string, names []string, j *job, err error) {
	ctx := r.Context()
	collection, err = s.name(ctx, r.URL.Query().Get("collection"))
	if err == nil && (s.options.Data == "" || s.options.Write == nil) {
		err = errReadOnlyServer
	}
	if err != nil {
		return "", nil, nil, err
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(uploadTime))
	_ = control.SetWriteDeadline(time.Now().Add(uploadTime + time.Minute))
	names, from, err := s.receive(r, collection)
	if err != nil {
		return "", nil, nil, err
	}
	dir := s.uploadsDir(collection)
	j, err = s.indexJob(collection, "uploads", true, false, func(context.Context, store.Store) ([]ingest.Source, error) {
		folder, err := ingest.OpenFolder(dir, &ingest.FolderOptions{IgnoreLinks: true})
		return []ingest.Source{folder}, err
	})
	if err != nil {
		return "", nil, nil, err
	}
	body, _ := j.state()
	about := []any{"collection", collection, "documents", names, "job", body.ID}
	if from != "" {
		about = append(about, "from", from)
	}
	s.audit(ctx, "upload", about...)
	return collection, names, j, nil
}

// fromURL is the body that asks for a document to be fetched.
type fromURL struct {
	URL  string `json:"url"`
	Name string `json:"name"`
}

// collectionName reports whether a name may become a folder's.
func collectionName(name string) bool {
	return name != "" && len(name) <= 64 && strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	}) < 0
}

// receive stores the files of a request, and says from which host they were
// fetched, if they were.
func (s *Server) receive(r *http.Request, collection string) (names []string, from string, err error) {
	dir := s.uploadsDir(collection)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, "", fmt.Errorf("uploads: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, "", fmt.Errorf("uploads: %w", err)
	}
	defer root.Close()
	name := r.URL.Query().Get("name")
	if name != "" {
		if name, err = uploadName(name); err != nil {
			return nil, "", err
		}
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "multipart/form-data":
		names, err = receiveForm(r, root, r.URL.Path == "/v1/files") // OpenAI's has a purpose, and more
		return names, "", err
	case "application/json":
		name, from, err := s.receiveURL(r, root)
		return []string{name}, from, err
	}
	body := bufio.NewReader(r.Body)
	if name == "" {
		name = nameless(body)
	}
	return []string{name}, "", keep(root, name, body)
}

// nameless makes a name for a file that was sent without one; its ending is that
// of what the file begins like.
func nameless(file *bufio.Reader) string {
	begins, _ := file.Peek(512)
	kind, _, _ := mime.ParseMediaType(http.DetectContentType(begins))
	ending := map[string]string{
		"text/plain": ".txt", "text/html": ".html", "text/xml": ".xml", "application/pdf": ".pdf", "application/zip": ".zip",
		"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp",
	}[kind]
	return "upload-" + newRequestID() + ending
}

// receiveURL stores what an address gives.
func (s *Server) receiveURL(r *http.Request, root *os.Root) (name, from string, err error) {
	var asked fromURL
	if err := s.decode(r, &asked); err != nil {
		return "", "", err
	}
	if asked.URL == "" {
		return "", "", newProblem(http.StatusBadRequest, typeInvalid, "url", "the body names no url; to upload a JSON file, send it as application/octet-stream with ?name=")
	}
	got, err := s.fetch(r.Context(), asked.URL)
	if err != nil {
		return "", "", err
	}
	defer got.body.Close()
	if asked.Name != "" {
		got.name = asked.Name
	}
	if name, err = uploadName(got.name); err != nil {
		return "", "", err
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(asked.URL, "https://"), "http://"), "/")
	return name, host, keep(root, name, got.body)
}

// receiveForm stores the files of a form; with others it may hold other fields,
// which mean nothing.
func receiveForm(r *http.Request, root *os.Root, others bool) ([]string, error) {
	form, err := r.MultipartReader()
	if err != nil {
		return nil, newProblem(http.StatusBadRequest, typeInvalid, "invalid_request", "the form cannot be read")
	}
	names := []string{}
	for {
		part, err := form.NextRawPart()
		switch {
		case errors.Is(err, io.EOF) && len(names) == 0:
			return nil, newProblem(http.StatusBadRequest, typeInvalid, "no_file", "the form holds no file")
		case errors.Is(err, io.EOF):
			return names, nil
		case err != nil:
			return nil, badBody(err)
		case len(names) == uploadFiles:
			return nil, newProblem(http.StatusBadRequest, typeInvalid, "too_many", fmt.Sprintf("at most %d files are taken at a time", uploadFiles))
		}
		given := rawName(part)
		if given == "" && others {
			continue
		}
		if given == "" {
			return nil, newProblem(http.StatusBadRequest, typeInvalid, "field", "the form holds a field that is no file; a collection is named in the address, as ?collection=")
		}
		name, err := uploadName(given)
		if err != nil {
			return nil, err
		}
		if err := keep(root, name, part); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
}

// rawName is the file name of a part with the folders that browsers send for a
// dropped folder; multipart.Part.FileName cuts them off.
func rawName(part *multipart.Part) string {
	_, parameters, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil {
		return part.FileName()
	}
	return parameters["filename"]
}

// longestName and longestSegment bound a name, and what stands between two of
// its slashes, in characters.
const longestName, longestSegment = 512, 200

// namePattern is what uploadName takes, for the description.
const namePattern = `^([^./\\:!\x00-\x1f\x7f-\x9f]/|[^./\\:\x00-\x1f\x7f-\x9f][^/\\:\x00-\x1f\x7f-\x9f]{0,198}[^/\\:!\x00-\x1f\x7f-\x9f]/)*[^./\\:\x00-\x1f\x7f-\x9f][^/\\:\x00-\x1f\x7f-\x9f]{0,199}$`

// uploadName checks a relative path that a client gives to a file.
func uploadName(given string) (string, error) {
	refuse := func(why string) (string, error) {
		return "", newProblem(http.StatusBadRequest, typeInvalid, "name", "the file's name "+why)
	}
	switch {
	case given == "":
		return refuse("is missing")
	case !utf8.ValidString(given) || strings.IndexFunc(given, unicode.IsControl) >= 0:
		return refuse("has characters that names cannot have")
	case utf8.RuneCountInString(given) > longestName:
		return refuse("is too long")
	case strings.ContainsAny(given, `\:`) || strings.Contains(given, "!/") || !filepath.IsLocal(given) || path.Clean(given) != given:
		return refuse("is not a plain relative path")
	}
	for segment := range strings.SplitSeq(given, "/") {
		if strings.HasPrefix(segment, ".") {
			return refuse("is that of a hidden file, which is not indexed")
		}
		if utf8.RuneCountInString(segment) > longestSegment {
			return refuse("is too long")
		}
	}
	return given, nil
}

// keep writes a file as a whole or not at all, inside the root whatever links
// are there.
func keep(root *os.Root, name string, from io.Reader) error {
	if dir := path.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o700); err != nil {
			return inWay(name, err)
		}
	}
	if info, err := root.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return inWay(name, nil)
	}
	var b [8]byte
	_, _ = rand.Read(b[:])
	temporary := path.Join(path.Dir(name), ".upload-"+hex.EncodeToString(b[:]))
	file, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return inWay(name, err)
	}
	_, err = io.Copy(file, from)
	if err != nil {
		err = badBody(err)
	}
	if e := file.Close(); err == nil && e != nil {
		err = fmt.Errorf("upload: %w", e)
	}
	if err == nil {
		if err = root.Rename(temporary, name); err != nil {
			err = inWay(name, err)
		}
	}
	if err != nil {
		_ = root.Remove(temporary)
	}
	return err
}

func inWay(name string, err error) error {
	if errors.Is(err, syscall.ENAMETOOLONG) {
		return newProblem(http.StatusConflict, typeInvalid, "name", "the file's name is too long for this server's disk")
	}
	var failure *fs.PathError
	if err == nil || errors.Is(err, fs.ErrExist) || errors.As(err, &failure) && !errors.Is(err, fs.ErrPermission) {
		return newProblem(http.StatusConflict, typeInvalid, "name", "something else than a file has the name "+name)
	}
	return fmt.Errorf("upload: %w", err)
}

// badBody explains why a body could not be read.
func badBody(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return newProblem(http.StatusRequestEntityTooLarge, typeInvalid, "too_large", fmt.Sprintf("the upload is larger than %d bytes", large.Limit))
	}
	var failure *fs.PathError
	if errors.As(err, &failure) {
		return fmt.Errorf("upload: %w", err)
	}
	return newProblem(http.StatusBadRequest, typeInvalid, "invalid_request", "the upload broke off")
}

// original opens the file that a document was read from, inside its root
// whatever links are there.
func (s *Server) original(ctx context.Context, name, id string) (*store.DocumentInfo, *store.Root, *os.File, error) {
	visible, err := s.collection(ctx, name)
	if err != nil {
		return nil, nil, nil, err
	}
	info, err := recordOf(ctx, visible.Store, id)
	if err != nil {
		return nil, nil, nil, err
	}
	c, err := s.opened(ctx, visible.Name)
	if err != nil {
		return nil, nil, nil, err
	}
	settings, err := c.Store.Settings(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	for i := range settings.Roots {
		if settings.Roots[i].ID != info.Root {
			continue
		}
		dir, ok := ingest.FilePath(settings.Roots[i].URI)
		if !ok || !filepath.IsLocal(filepath.FromSlash(info.Path)) {
			break
		}
		file, err := openRegular(dir, info.Path)
		if err != nil {
			s.log.DebugContext(ctx, "no original", "document", id, "error", err)
			break
		}
		return info, &settings.Roots[i], file, nil
	}
	return info, nil, nil, newProblem(http.StatusNotFound, typeNotFound, "no_original", "the original of this document is not at hand; its text is")
}

// openRegular opens a regular file below dir. It never waits: a pipe in the
// file's place is not opened.
func openRegular(dir, name string) (*os.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	return root.Open(name)
}

// recordOf returns a document's record, or an error wrapping store.ErrNotFound.
func recordOf(ctx context.Context, st store.Store, id string) (*store.DocumentInfo, error) {
	for info, err := range st.Documents(ctx, store.Filter{Documents: []string{id}}) {
		if err != nil {
			return nil, err
		}
		return &info, nil
	}
	return nil, fmt.Errorf("document %s: %w", id, store.ErrNotFound)
}

// text is a document's text alone; ranges of bytes are those of citations.
func (s *Server) text(w http.ResponseWriter, r *http.Request) {
	collection, err := s.collection(r.Context(), r.URL.Query().Get("collection"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	info, text, err := documentOf(r.Context(), collection.Store, r.PathValue("id"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("ETag", `"`+info.Version+`"`)
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(text))
}

func (s *Server) content(w http.ResponseWriter, r *http.Request) {
	s.sendOriginal(w, r, r.URL.Query().Get("collection"), r.PathValue("id"))
}

// sendOriginal writes the file that a document was read from.
func (s *Server) sendOriginal(w http.ResponseWriter, r *http.Request, collection, id string) {
	info, _, file, err := s.original(r.Context(), collection, id)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	defer file.Close()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(uploadTime))
	stat, err := file.Stat()
	if err != nil {
		s.fail(w, r, err)
		return
	}
	kind := info.MediaType
	if kind == "" {
		kind = "application/octet-stream"
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	// An attachment is saved, not shown: nothing in it runs here.
	h.Set("Content-Disposition", "attachment; filename*=UTF-8''"+url.PathEscape(path.Base(info.Path)))
	h.Set("Cache-Control", "private, no-cache")
	h.Set("ETag", fmt.Sprintf(`"%x-%x"`, stat.ModTime().UnixNano(), stat.Size()))
	http.ServeContent(w, r, "", stat.ModTime(), file)
}

type removedOutput struct {
	Body struct {
		Removed int  `json:"removed"`
		Deleted bool `json:"deleted" doc:"The file itself was deleted, because it had been uploaded"`
	}
}

func (s *Server) removeDocument(ctx context.Context, in *documentInput) (*removedOutput, error) {
	name, err := s.name(ctx, in.Collection)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	l, err := s.writer(name, false)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	visible, err := s.collection(ctx, name)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	info, err := recordOf(ctx, visible.Store, in.ID)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	out := &removedOutput{}
	c, err := s.opened(ctx, name)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	settings, err := c.Store.Settings(ctx)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	for _, root := range settings.Roots {
		if root.ID == info.Root && s.uploadsOf(name, root) {
			if out.Body.Deleted, err = s.deleteUpload(name, info.Path); err != nil {
				return nil, s.failed(ctx, err)
			}
		}
	}
	if out.Body.Removed, err = l.Remove(ctx, store.Filter{Documents: []string{info.ID}}); err != nil {
		return nil, s.failed(ctx, err)
	}
	s.audit(ctx, "remove document", "collection", name, "document", info.ID, "path", info.Path, "deleted", out.Body.Deleted)
	return out, nil
}

func (s *Server) deleteUpload(collection, name string) (bool, error) {
	if strings.Contains(name, "!/") {
		return false, newProblem(http.StatusConflict, typeInvalid, "member", "this document is part of an uploaded file; remove that file")
	}
	root, err := os.OpenRoot(s.uploadsDir(collection))
	if err != nil {
		return false, fmt.Errorf("uploads: %w", err)
	}
	defer root.Close()
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("delete upload: %w", err)
	}
	return true, nil
}

package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/retrieve"
	"github.com/lore-kb/lore/store"
)

// OpenAI's files and vector stores: a document is a file, a collection is a
// vector store. A file belongs to one vector store; what is uploaded without one
// goes into the default collection.

func (s *Server) fileRoutes(mux *router) {
	mux.HandleFunc("GET /v1/files", s.listFiles)
	mux.HandleFunc("POST /v1/files", s.createFile)
	mux.HandleFunc("GET /v1/files/{id}", s.getFile)
	mux.HandleFunc("DELETE /v1/files/{id}", s.deleteFile)
	mux.HandleFunc("GET /v1/files/{id}/content", s.fileContent)
}

func (s *Server) vectorStoreRoutes(mux *router) {
	mux.HandleFunc("GET /v1/vector_stores", s.listVectorStores)
	mux.HandleFunc("POST /v1/vector_stores", s.createVectorStore)
	mux.HandleFunc("GET /v1/vector_stores/{store}", s.getVectorStore)
	mux.HandleFunc("DELETE /v1/vector_stores/{store}", s.deleteVectorStore)
	mux.HandleFunc("POST /v1/vector_stores/{store}/search", s.searchVectorStore)
	mux.HandleFunc("GET /v1/vector_stores/{store}/files", s.listStoreFiles)
	mux.HandleFunc("POST /v1/vector_stores/{store}/files", s.attachFile)
	mux.HandleFunc("GET /v1/vector_stores/{store}/files/{id}", s.getStoreFile)
	mux.HandleFunc("DELETE /v1/vector_stores/{store}/files/{id}", s.deleteStoreFile)
}

// fileEntry is a document as OpenAI's clients know it.
type fileEntry struct {
	ID        string  `json:"id"`
	Object    string  `json:"object"`
	Bytes     int64   `json:"bytes"`
	Created   int64   `json:"created_at"`
	Expires   *int64  `json:"expires_at"`
	Filename  string  `json:"filename"`
	Purpose   string  `json:"purpose"`
	Status    string  `json:"status"`
	Details   *string `json:"status_details"`
	StoreName string  `json:"lore_collection,omitempty"`
}

func fileOf(info *store.DocumentInfo, collection string) fileEntry {
	f := fileEntry{ID: info.ID, Object: "file", Bytes: info.Size, Created: unix(info.IndexedAt), Filename: info.Path, Purpose: "assistants", Status: "processed", StoreName: collection}
	if info.Status == store.StatusFailed {
		f.Status, f.Details = "error", &info.Reason
	}
	return f
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// listPage is a page of a list, as OpenAI's clients turn them.
type listPage struct {
	Object  string  `json:"object"`
	Data    []any   `json:"data"`
	FirstID *string `json:"first_id"`
	LastID  *string `json:"last_id"`
	More    bool    `json:"has_more"`
}

// pageOf gathers entries behind the one named in ?after=, ?limit= of them; add
// is to be called with each entry until it returns false.
type pageOf struct {
	page  listPage
	after string
	limit int
	found bool
}

func newPage(r *http.Request, usual, most int) (*pageOf, error) {
	p := &pageOf{page: listPage{Object: "list", Data: []any{}}, after: r.URL.Query().Get("after"), limit: usual}
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > most {
			return nil, wrong("limit", fmt.Sprintf("limit is a number from 1 to %d", most))
		}
		p.limit = n
	}
	p.found = p.after == ""
	return p, nil
}

func (p *pageOf) add(id string, entry any) bool {
	if !p.found {
		p.found = id == p.after
		return true
	}
	if len(p.page.Data) == p.limit {
		p.page.More = true
		return false
	}
	if p.page.FirstID == nil {
		p.page.FirstID = &id
	}
	p.page.LastID = &id
	p.page.Data = append(p.page.Data, entry)
	return true
}

func (s *Server) listFiles(w http.ResponseWriter, r *http.Request) {
	page, err := newPage(r, 10_000, 10_000)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	ctx := r.Context()
	names, err := s.usable(ctx)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if purpose := r.URL.Query().Get("purpose"); purpose != "" && purpose != "assistants" && purpose != "user_data" {
		names = nil // there are none for another purpose
	}
	for _, c := range names {
		for info, err := range c.Store.Documents(ctx, store.Filter{}) {
			if err != nil {
				s.fail(w, r, err)
				return
			}
			if !page.add(info.ID, fileOf(&info, c.Name)) {
				writeJSON(w, page.page)
				return
			}
		}
	}
	writeJSON(w, page.page)
}

// usable returns the collections that the sender of a request may see and that
// can be used, the default one first.
func (s *Server) usable(ctx context.Context) ([]*Collection, error) {
	names, err := s.namesFor(ctx)
	if err != nil {
		return nil, err
	}
	home := grantOf(ctx).home(s.options.Default)
	slices.SortStableFunc(names, func(a, b string) int {
		switch {
		case a == home && b != home:
			return -1
		case b == home && a != home:
			return 1
		}
		return 0
	})
	var out []*Collection
	var mismatch *store.ModelMismatchError
	for _, name := range names {
		c, err := s.collection(ctx, name)
		switch {
		case errors.As(err, &mismatch), errors.Is(err, store.ErrNoCollection):
		case err != nil:
			return nil, err
		default:
			out = append(out, c)
		}
	}
	return out, nil
}

// fileAt finds a document by its ID, in the collection with this name or, when
// it is "", in all.
func (s *Server) fileAt(ctx context.Context, name, id string) (*Collection, *store.DocumentInfo, error) {
	var collections []*Collection
	if name != "" {
		c, err := s.collection(ctx, name)
		if err != nil {
			return nil, nil, err
		}
		collections = append(collections, c)
	} else {
		all, err := s.usable(ctx)
		if err != nil {
			return nil, nil, err
		}
		collections = all
	}
	for _, c := range collections {
		info, err := recordOf(ctx, c.Store, id)
		if err == nil {
			return c, info, nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return nil, nil, err
		}
	}
	return nil, nil, newProblem(http.StatusNotFound, typeInvalid, "not_found", "no such file")
}

// uploadWait is how long an upload waits for its file to be indexed, so that
// what follows finds it.
const uploadWait = 20 * time.Second

func (s *Server) createFile(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	collection, names, j, err := s.takeUpload(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	waited, cancel := context.WithTimeout(ctx, uploadWait)
	defer cancel()
	for {
		body, changed := j.state()
		if body.ended() || waited.Err() != nil {
			break
		}
		select {
		case <-changed:
		case <-waited.Done():
		}
	}
	dir := s.uploadsDir(collection)
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	id := store.DocumentID(collection, store.RootID(ingest.FileURI(dir)), names[0])
	entry := fileEntry{ID: id, Object: "file", Created: time.Now().Unix(), Filename: names[0], Purpose: "assistants", Status: "uploaded", StoreName: collection}
	if _, info, err := s.fileAt(ctx, collection, id); err == nil {
		entry = fileOf(info, collection)
	}
	writeJSON(w, entry)
}

func (s *Server) getFile(w http.ResponseWriter, r *http.Request) {
	c, info, err := s.fileAt(r.Context(), "", r.PathValue("id"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, fileOf(info, c.Name))
}

func (s *Server) fileContent(w http.ResponseWriter, r *http.Request) {
	c, info, err := s.fileAt(r.Context(), "", r.PathValue("id"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.sendOriginal(w, r, c.Name, info.ID)
}

func (s *Server) deleteFile(w http.ResponseWriter, r *http.Request) { s.dropFile(w, r, "", "file") }

func (s *Server) deleteStoreFile(w http.ResponseWriter, r *http.Request) {
	s.dropFile(w, r, r.PathValue("store"), "vector_store.file.deleted")
}

func (s *Server) dropFile(w http.ResponseWriter, r *http.Request, collection, object string) {
	c, info, err := s.fileAt(r.Context(), collection, r.PathValue("id"))
	if err == nil {
		_, err = s.removeDocument(r.Context(), &documentInput{ID: info.ID, Collection: c.Name})
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, map[string]any{"id": info.ID, "object": object, "deleted": true})
}

// storeEntry is a collection as OpenAI's clients know it.
type storeEntry struct {
	ID         string         `json:"id"`
	Object     string         `json:"object"`
	Created    int64          `json:"created_at"`
	Name       string         `json:"name"`
	Bytes      int64          `json:"usage_bytes"`
	Counts     storeCounts    `json:"file_counts"`
	Status     string         `json:"status"`
	Expires    *int64         `json:"expires_at"`
	LastActive int64          `json:"last_active_at"`
	Metadata   map[string]any `json:"metadata"`
}

type storeCounts struct {
	Running   int `json:"in_progress"`
	Done      int `json:"completed"`
	Failed    int `json:"failed"`
	Cancelled int `json:"cancelled"`
	Total     int `json:"total"`
}

func storeOf(b *collectionBody) storeEntry {
	return storeEntry{ID: b.Name, Object: "vector_store", Name: b.Name, Bytes: b.Bytes, Status: "completed", Metadata: map[string]any{},
		Counts: storeCounts{Done: b.Documents, Failed: b.Failed, Total: b.Documents + b.Failed}}
}

func (s *Server) listVectorStores(w http.ResponseWriter, r *http.Request) {
	page, err := newPage(r, 20, 100)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	bodies, err := s.collectionBodies(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	for i := range bodies {
		if !page.add(bodies[i].Name, storeOf(&bodies[i])) {
			break
		}
	}
	writeJSON(w, page.page)
}

func (s *Server) getVectorStore(w http.ResponseWriter, r *http.Request) {
	c, err := s.storeAt(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	stats, err := c.Store.Stats(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, storeOf(&collectionBody{Name: c.Name, Documents: stats.Documents, Failed: stats.Failed, Bytes: stats.Bytes}))
}

// storeAt returns the collection that a path names.
func (s *Server) storeAt(r *http.Request) (*Collection, error) {
	c, err := s.collection(r.Context(), r.PathValue("store"))
	if errors.Is(err, store.ErrNoCollection) {
		err = newProblem(http.StatusNotFound, typeInvalid, "not_found", "no such vector store")
	}
	return c, err
}

func (s *Server) createVectorStore(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Name    string   `json:"name"`
		FileIDs []string `json:"file_ids"`
	}
	if err := s.decode(r, &request); err != nil {
		s.fail(w, r, err)
		return
	}
	if len(request.FileIDs) > 0 {
		s.fail(w, r, unsupported("file_ids", "a file belongs to one vector store; upload it with ?collection=NAME"))
		return
	}
	made, err := s.createCollection(r.Context(), request.Name)
	var refused *problem
	if errors.As(err, &refused) && refused.Detail.Code == "name" {
		err = wrong("name", refused.Detail.Message)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	entry := storeOf(made)
	entry.Created = time.Now().Unix()
	writeJSON(w, entry)
}

func (s *Server) deleteVectorStore(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("store")
	if err := s.removeCollection(r.Context(), name); err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, map[string]any{"id": name, "object": "vector_store.deleted", "deleted": true})
}

// storeFile is a document within a collection.
type storeFile struct {
	ID         string            `json:"id"`
	Object     string            `json:"object"`
	Bytes      int64             `json:"usage_bytes"`
	Created    int64             `json:"created_at"`
	Store      string            `json:"vector_store_id"`
	Status     string            `json:"status"`
	LastError  *storeError       `json:"last_error"`
	Attributes map[string]string `json:"attributes"`
}

type storeError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func storeFileOf(info *store.DocumentInfo, collection string) storeFile {
	f := storeFile{ID: info.ID, Object: "vector_store.file", Bytes: int64(info.Bytes), Created: unix(info.IndexedAt), Store: collection, Status: "completed", Attributes: attributesOf(info.Labels)}
	if info.Status == store.StatusFailed {
		f.Status, f.LastError = "failed", &storeError{"invalid_file", info.Reason}
	}
	return f
}

func attributesOf(labels map[string]string) map[string]string {
	if labels == nil {
		return map[string]string{}
	}
	return labels
}

func (s *Server) listStoreFiles(w http.ResponseWriter, r *http.Request) {
	page, err := newPage(r, 20, 100)
	var c *Collection
	if err == nil {
		c, err = s.storeAt(r)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	wanted := r.URL.Query().Get("filter")
	for info, err := range c.Store.Documents(r.Context(), store.Filter{}) {
		if err != nil {
			s.fail(w, r, err)
			return
		}
		entry := storeFileOf(&info, c.Name)
		if wanted != "" && entry.Status != wanted {
			continue
		}
		if !page.add(info.ID, entry) {
			break
		}
	}
	writeJSON(w, page.page)
}

func (s *Server) getStoreFile(w http.ResponseWriter, r *http.Request) {
	c, err := s.storeAt(r)
	var info *store.DocumentInfo
	if err == nil {
		_, info, err = s.fileAt(r.Context(), c.Name, r.PathValue("id"))
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, storeFileOf(info, c.Name))
}

// attachFile agrees to what is so already: a file is in the collection that it
// was uploaded to.
func (s *Server) attachFile(w http.ResponseWriter, r *http.Request) {
	var request struct {
		FileID string `json:"file_id"`
	}
	c, err := s.storeAt(r)
	if err == nil {
		err = s.decode(r, &request)
	}
	var info *store.DocumentInfo
	if err == nil {
		_, info, err = s.fileAt(r.Context(), c.Name, request.FileID)
	}
	var missing *problem
	if errors.As(err, &missing) && missing.Detail.Code == "not_found" && request.FileID != "" {
		if _, _, elsewhere := s.fileAt(r.Context(), "", request.FileID); elsewhere == nil {
			err = unsupported("file_id", "this file is in another vector store, and a file belongs to one; upload it with ?collection=NAME")
		}
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, storeFileOf(info, c.Name))
}

// searchResult is a passage as OpenAI's clients know it.
type searchResult struct {
	FileID     string            `json:"file_id"`
	Filename   string            `json:"filename"`
	Score      float64           `json:"score"`
	Attributes map[string]string `json:"attributes"`
	Content    []searchContent   `json:"content"`
}

type searchContent struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// resultsOf turns passages into results. Scores lie from 0 to 1 and fall with
// the rank; they compare passages of one search alone.
func resultsOf(passages []retrieve.Passage) []searchResult {
	out := []searchResult{}
	best := 0.0
	for i := range passages {
		best = max(best, passages[i].Score)
	}
	for i := range passages {
		p := &passages[i]
		score := 0.0
		if best > 0 {
			score = min(max(p.Score/best, 0), 1)
		}
		out = append(out, searchResult{p.DocumentID, p.Name(), score, attributesOf(p.Labels), []searchContent{{"text", p.Text}}})
	}
	return out
}

func (s *Server) searchVectorStore(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Query   inputs       `json:"query"`
		Limit   *int         `json:"max_num_results"`
		Filters *storeFilter `json:"filters"`
		Ranking struct {
			Threshold float64 `json:"score_threshold"`
		} `json:"ranking_options"`
	}
	c, err := s.storeAt(r)
	if err == nil {
		err = s.decode(r, &request)
	}
	var filter store.Filter
	if err == nil {
		filter, err = request.Filters.filter()
	}
	limit := 10
	if request.Limit != nil {
		limit = *request.Limit
	}
	switch {
	case err != nil:
	case limit < 1 || limit > 50:
		err = wrong("max_num_results", "max_num_results is a number from 1 to 50")
	case len(request.Query) == 0 || len(request.Query) > 8 || slices.Contains(request.Query, ""):
		err = wrong("query", "query is a text, or up to eight")
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.options.Timeout)
	defer cancel()
	data := []searchResult{}
	for _, query := range request.Query {
		if len(query) > 8<<10 {
			s.fail(w, r, wrong("query", "the query is too long; at most 8 kB are taken"))
			return
		}
		result, err := c.Retriever.Retrieve(ctx, retrieve.Query{Text: query, Filter: filter, Limit: limit})
		if err != nil {
			s.fail(w, r, err)
			return
		}
		for _, one := range resultsOf(result.Passages) {
			if one.Score >= request.Ranking.Threshold && len(data) < limit {
				data = append(data, one)
			}
		}
	}
	writeJSON(w, map[string]any{"object": "vector_store.search_results.page", "search_query": request.Query, "data": data, "has_more": false, "next_page": nil})
}

// storeFilter is a filter in OpenAI's words: a comparison, or several joined.
type storeFilter struct {
	Type    string        `json:"type"`
	Key     string        `json:"key"`
	Value   any           `json:"value"`
	Filters []storeFilter `json:"filters"`
}

// filter translates what can be: labels, paths, languages and types that equal
// a text, and joined by and.
func (f *storeFilter) filter() (store.Filter, error) {
	out := store.Filter{}
	if f == nil || f.Type == "" && f.Key == "" && len(f.Filters) == 0 {
		return out, nil
	}
	return out, f.into(&out, 0)
}

func (f *storeFilter) into(out *store.Filter, depth int) error {
	switch {
	case f.Type == "and" && depth < 8:
		for i := range f.Filters {
			if err := f.Filters[i].into(out, depth+1); err != nil {
				return err
			}
		}
		return nil
	case f.Type == "or" && len(f.Filters) == 1 && depth < 8:
		return f.Filters[0].into(out, depth+1)
	case f.Type != "eq" && f.Type != "in":
		return unsupported("filters", "of filters, eq, in and and are taken")
	}
	var values []string
	switch v := f.Value.(type) {
	case string:
		values = []string{v}
	case []any:
		for _, one := range v {
			text, ok := one.(string)
			if !ok || f.Type != "in" {
				return unsupported("filters", "values of filters are texts")
			}
			values = append(values, text)
		}
	default:
		return unsupported("filters", "values of filters are texts")
	}
	lists := map[string]*[]string{"path": &out.Paths, "filename": &out.Paths, "file_id": &out.Documents, "language": &out.Languages, "type": &out.MediaTypes}
	if list, ok := lists[f.Key]; ok {
		if *list != nil || len(values) == 0 {
			return unsupported("filters", "each key can be used once, with a value")
		}
		*list = values
		return nil
	}
	if f.Key == "" || len(values) != 1 {
		return unsupported("filters", "a label equals one text")
	}
	if out.Labels == nil {
		out.Labels = map[string]string{}
	}
	if have, ok := out.Labels[f.Key]; ok && have != values[0] {
		return unsupported("filters", "each key can be used once")
	}
	out.Labels[f.Key] = values[0]
	return nil
}

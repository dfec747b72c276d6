package qdrantstore_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/qdrantstore"
	"github.com/lore-kb/lore/store/qdrantstore/qdranttest"
	"github.com/lore-kb/lore/store/storetest"
)

// TestFaults writes through a server that misbehaves and comes round again:
// nothing is lost, nothing is there twice.
func TestFaults(t *testing.T) {
	methods := []string{"Upsert", "Delete", "UpdateVectors", "Get", "Scroll"}
	faults := map[string]qdranttest.Fault{
		"unavailable twice": {Times: 2, Code: codes.Unavailable},
		"lost answer":       {Code: codes.Unavailable, LoseAck: true},
		"lost answer twice": {Times: 2, Code: codes.DeadlineExceeded, LoseAck: true},
		"half applied":      {Code: codes.Internal, Half: true},
		"broken off":        {Times: 2, Code: codes.Canceled, Half: true},
		"overloaded":        {Times: 3, Code: codes.ResourceExhausted, RetryAfter: "0"},
		"overloaded, mute":  {Times: 2, Code: codes.ResourceExhausted},
		"silent":            {Delay: time.Hour},
	}
	for _, name := range slices.Sorted(maps.Keys(faults)) {
		for _, method := range methods {
			for skip := range 3 {
				t.Run(fmt.Sprintf("%s/%s/%d", name, method, skip), func(t *testing.T) {
					t.Parallel()
					server := qdranttest.StartWith(t, qdranttest.Options{Memory: true})
					o := options(server)
					o.Dial, o.BatchPoints = server.Dial, 4
					if name == "silent" {
						o.Timeout = 200 * time.Millisecond
					}
					s := open(t, o)
					put(t, s, document("a", "1", texts("a", "1", 7)...), document("b", "1", texts("b", "1", 3)...))
					f := faults[name]
					f.Method, f.Skip = method, skip
					server.Inject(f)
					put(t, s, document("a", "2", texts("a", "2", 9)...), document("c", "1", texts("c", "1", 2)...))
					if _, err := s.Remove(t.Context(), store.Filter{Paths: []string{"b"}}); err != nil {
						t.Fatal(err)
					}
					pending, err := s.Pending(t.Context(), 100)
					if err != nil {
						t.Fatal(err)
					}
					var vectors []store.PointVector
					for _, p := range pending {
						vectors = append(vectors, store.PointVector{ID: p.ID, Digest: p.Digest, Vector: vector(p.Digest)})
					}
					if err := s.SetVectors(t.Context(), vectors); err != nil {
						t.Fatal(err)
					}
					server.ClearFaults()
					want := slices.Sorted(slices.Values(append(texts("a", "2", 9), texts("c", "1", 2)...)))
					if got := found(t, s, "common", 50); !slices.Equal(got, want) {
						t.Errorf("found %q, want %q", got, want)
					}
					if n := pointsOn(server); n != 11 {
						t.Errorf("%d points on the server, want 11", n)
					}
					st, err := s.Stats(t.Context())
					if err != nil || st.Documents != 2 || st.Points != 11 || st.Embedded != 11 {
						t.Errorf("stats %+v, %v", st, err)
					}
				})
			}
		}
	}
}

func put(t *testing.T, s store.Store, docs ...store.Document) {
	t.Helper()
	if err := s.Put(t.Context(), docs); err != nil {
		t.Fatal(err)
	}
}

// TestKilled breaks a write off after each of its calls, for good. Readers see
// each document in its old or new version at any time, and the next handle
// leaves nothing behind that is not in use.
func TestKilled(t *testing.T) {
	long := strings.Repeat("long text 长文本 ", 60_000) // in parts
	for _, same := range []bool{false, true} {
		completed := false
		for calls := 0; !completed && calls < 100; calls++ {
			server := qdranttest.StartWith(t, qdranttest.Options{Memory: true})
			o := options(server)
			o.Dial, o.Attempts, o.BatchPoints, o.Writers = server.Dial, 1, 4, 1
			writer, reader := open(t, o), open(t, o)
			old := document("a", "1", texts("a", "1", 6)...)
			old.Text = long
			put(t, writer, old, document("b", "1", texts("b", "1", 3)...))
			server.Inject(qdranttest.Fault{Skip: calls, Times: -1, Code: codes.Internal})
			fresh := document("a", "2", texts("a", "2", 5)...)
			fresh.Text = long + "2"
			err := writer.Put(t.Context(), []store.Document{fresh, document("c", "1", texts("c", "1", 2)...)})
			if err == nil {
				_, err = writer.Remove(t.Context(), store.Filter{Paths: []string{"b"}})
				completed = err == nil
			}
			server.ClearFaults()
			check := func(s store.Store) (points int) {
				t.Helper()
				v := versions(t, s)
				if v["a"] != "1" && v["a"] != "2" {
					t.Fatalf("after %d calls: versions %v", calls, v)
				}
				var want []string
				for path, version := range v {
					n := map[string]int{"a1": 6, "a2": 5, "b1": 3, "c1": 2}[path+version]
					want = append(want, texts(path, version, n)...)
				}
				slices.Sort(want)
				if got := found(t, s, "common", 50); !slices.Equal(got, want) {
					t.Fatalf("after %d calls: found %q, want %q", calls, got, want)
				}
				text, err := s.Text(t.Context(), old.ID)
				if err != nil || text != map[string]string{"1": long, "2": long + "2"}[v["a"]] {
					t.Fatalf("after %d calls: text of %d bytes, %v", calls, len(text), err)
				}
				return len(want)
			}
			check(reader)
			next := writer
			if !same {
				_ = writer.Close()
				next = open(t, o)
			} else if err := next.Put(t.Context(), []store.Document{document("d", "1", "other words")}); err != nil {
				t.Fatal(err)
			}
			want := check(next)
			if same {
				want++ // d
			}
			if n := pointsOn(server); n != want {
				t.Fatalf("after %d calls: %d points on the server, want %d", calls, n, want)
			}
			problems, err := next.Check(t.Context())
			if err != nil || len(problems) > 0 {
				t.Fatalf("after %d calls: problems %v, %v", calls, problems, err)
			}
			// Head, documents, and the parts of one text: no intent is left.
			if n, want := server.Points("lore.handbook~docs"), 1+len(versions(t, next))+partsOf(long); n != want {
				t.Fatalf("after %d calls: %d records, want %d", calls, n, want)
			}
			server.Down()
		}
		if !completed {
			t.Error("the write never completed")
		}
	}
}

func partsOf(text string) int { return (len(text) + 512<<10 - 1) / (512 << 10) }

// TestForeignIntent opens another handle, which tidies up, just before a writer
// commits: its points are left alone.
func TestForeignIntent(t *testing.T) {
	server := qdranttest.Start(t)
	o := options(server)
	writer := open(t, o)
	left := -1
	server.Inject(qdranttest.Fault{Method: "Upsert", Collection: "~docs", Skip: 1, Do: func() {
		s, err := qdrantstore.Open(context.Background(), o)
		if err == nil {
			_ = s.Close()
		}
		left = pointsOn(server)
	}})
	put(t, writer, document("a", "1", texts("a", "1", 6)...))
	if got := found(t, writer, "common", 10); left != 6 || len(got) != 6 {
		t.Errorf("another handle left %d of 6 points; found %q", left, got)
	}
}

// TestCommitDuringSearch commits a new version between the ranking and the look
// at the records: the hits are all of the new one.
func TestCommitDuringSearch(t *testing.T) {
	server := qdranttest.Start(t)
	reader, writer := open(t, options(server)), open(t, options(server))
	put(t, writer, document("a", "1", texts("a", "1", 6)...))
	var failed error
	server.Inject(qdranttest.Fault{Method: "Get", Collection: "~docs", Do: func() {
		failed = writer.Put(context.Background(), []store.Document{document("a", "2", texts("a", "2", 4)...)})
	}})
	got := found(t, reader, "common", 5)
	if failed != nil {
		t.Fatal(failed)
	}
	if want := texts("a", "2", 4); !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// TestVersionComesBackDuringSearch commits a new version while a search looks at
// the records, and the old one again before it ranks for the second time.
func TestVersionComesBackDuringSearch(t *testing.T) {
	server := qdranttest.Start(t)
	reader, writer := open(t, options(server)), open(t, options(server))
	write := func(version string) func() {
		return func() {
			if err := writer.Put(context.Background(), []store.Document{document("a", version, texts("a", version, 3)...)}); err != nil {
				t.Error(err)
			}
		}
	}
	write("1")()
	server.Inject(qdranttest.Fault{Method: "Get", Collection: "~docs", Do: write("2")})
	server.Inject(qdranttest.Fault{Method: "QueryBatch", Skip: 1, Do: write("1")})
	if got, want := found(t, reader, "common", 5), texts("a", "1", 3); !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// TestHalfWrittenDuringSearch ranks while half of a version's points are there
// and looks at the records after its commit.
func TestHalfWrittenDuringSearch(t *testing.T) {
	server := qdranttest.Start(t)
	o := options(server)
	o.BatchPoints, o.Writers = 4, 1
	reader, writer := open(t, o), open(t, o)
	ranked, committed := make(chan struct{}), make(chan struct{})
	result := make(chan []string, 1)
	server.Inject(qdranttest.Fault{Method: "Upsert", Collection: "lore.handbook", Skip: 1, Do: func() {
		server.Inject(qdranttest.Fault{Method: "Get", Collection: "~docs", Do: func() { close(ranked); <-committed }})
		go func() { result <- found(t, reader, "common", 10) }()
		<-ranked
	}})
	put(t, writer, document("a", "1", texts("a", "1", 8)...))
	close(committed)
	if got, want := <-result, texts("a", "1", 8); !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// TestRestart restarts the server between two calls and during one.
func TestRestart(t *testing.T) {
	server := qdranttest.Start(t)
	s := open(t, options(server))
	put(t, s, document("a", "1", texts("a", "1", 6)...))
	server.Restart()
	put(t, s, document("a", "2", texts("a", "2", 5)...))
	server.Inject(qdranttest.Fault{Method: "Upsert", Skip: 1, Do: func() { go server.Restart() }, Delay: time.Minute})
	put(t, s, document("b", "1", texts("b", "1", 3)...))
	if got := found(t, s, "common", 20); len(got) != 8 || pointsOn(server) != 8 {
		t.Errorf("found %q; %d points on the server", got, pointsOn(server))
	}
}

// TestSameVersionAgain puts a version again with fewer points, and a point's
// vector that the second time comes without one.
func TestSameVersionAgain(t *testing.T) {
	server := qdranttest.Start(t)
	s := open(t, options(server))
	put(t, s, document("a", "1", texts("a", "1", 6)...))
	if err := embed(t.Context(), s, storetest.Model.Dimension); err != nil {
		t.Fatal(err)
	}
	put(t, s, document("a", "1", texts("a", "1", 4)...))
	if got := found(t, s, "common", 10); len(got) != 4 || pointsOn(server) != 4 {
		t.Errorf("found %q; %d points on the server", got, pointsOn(server))
	}
	if st := stats(t, s); st.Embedded != 4 {
		t.Errorf("stats %+v", st)
	}
}

// TestBrokenOffForGood gives up with one line when the server goes on breaking
// calls off, and does not take that for the caller's own doing.
func TestBrokenOffForGood(t *testing.T) {
	server := qdranttest.Start(t)
	s := open(t, options(server))
	server.Inject(qdranttest.Fault{Method: "Count", Times: -1, Code: codes.Canceled, Message: "Timeout expired"})
	_, err := s.Stats(t.Context())
	if !errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "broke the call off (Timeout expired)") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := qdrantstore.Open(ctx, options(server)); !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("with a cancelled context: %v", err)
	}
}

// TestGoneForGood gives up with one line.
func TestGoneForGood(t *testing.T) {
	server := qdranttest.Start(t)
	o := options(server)
	o.Attempts = 3
	s := open(t, o)
	server.Down()
	err := s.Put(t.Context(), []store.Document{document("a", "1", "text")})
	if !errors.Is(err, store.ErrUnavailable) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), server.Address()) {
		t.Errorf("error %v", err)
	}
}

// TestOverloadedForGood gives up with one line when the server goes on saying that
// it has enough, after as many attempts as it was told, and the collection is whole
// when it has room again.
func TestOverloadedForGood(t *testing.T) {
	server := qdranttest.Start(t)
	o := options(server)
	o.Attempts, o.BatchPoints, o.Writers = 3, 4, 2
	s := open(t, o)
	put(t, s, document("a", "1", texts("a", "1", 6)...))
	server.Inject(qdranttest.Fault{Method: "Upsert", Skip: 2, Times: -1, Code: codes.ResourceExhausted, Message: "too many requests"})
	err := s.Put(t.Context(), []store.Document{document("a", "2", texts("a", "2", 20)...)})
	if !errors.Is(err, store.ErrUnavailable) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), server.Address()) || !strings.Contains(err.Error(), "refuses more work") {
		t.Errorf("error %v", err)
	}
	server.ClearFaults()
	if got, want := found(t, s, "common", 50), texts("a", "1", 6); !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
	put(t, s, document("a", "2", texts("a", "2", 20)...))
	if n := pointsOn(server); n != 20 {
		t.Errorf("%d points on the server, want 20", n)
	}
}

package qdrantstore

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/lore-kb/lore/store"
)

var anyString = rapid.OneOf(rapid.String(), rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) }),
	rapid.SampledFrom([]string{"", "\x00", escaped, escaped + "x", "\xff"}))

func anyTime(t *rapid.T, label string) time.Time {
	if rapid.Bool().Draw(t, label+" zero") {
		return time.Time{}
	}
	return time.Unix(rapid.Int64Range(-1e10, 1e10).Draw(t, label), rapid.Int64Range(0, 999_999_999).Draw(t, label+" ns")).UTC()
}

// roundTrip sends a payload over the wire and back.
func roundTrip(t *rapid.T, values map[string]*qdrant.Value) map[string]*qdrant.Value {
	b, err := proto.Marshal(&qdrant.PointStruct{Payload: values})
	if err != nil {
		t.Fatalf("payload cannot be sent: %v", err)
	}
	var back qdrant.PointStruct
	if err := proto.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	return back.GetPayload()
}

func TestPayloadRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		labels := rapid.MapOf(anyString, anyString).Draw(t, "labels")
		n := func(label string) int { return rapid.IntRange(0, 1<<40).Draw(t, label) }
		p := store.Point{ID: reservedID("p"), Digest: anyString.Draw(t, "digest"), Payload: store.Payload{
			DocumentID: anyString.Draw(t, "document"), Version: anyString.Draw(t, "version"), Ordinal: n("ordinal"), Title: anyString.Draw(t, "title"),
			URI: anyString.Draw(t, "uri"), Path: anyString.Draw(t, "path"), Root: anyString.Draw(t, "root"), MediaType: anyString.Draw(t, "media"),
			Language: anyString.Draw(t, "language"), Section: rapid.SliceOf(anyString).Draw(t, "section"), Page: n("page"),
			PageBreaks: rapid.SliceOf(rapid.IntRange(0, 1<<30)).Draw(t, "breaks"), Line: n("line"), Start: n("start"), End: n("end"),
			Time: store.Span{From: time.Duration(n("from")), To: time.Duration(n("to"))}, Date: anyTime(t, "date"),
			Text: anyString.Draw(t, "text"), Context: anyString.Draw(t, "context"), Labels: labels,
		}}
		got := pointOf(qdrant.NewIDUUID(p.ID), roundTrip(t, pointPayload(&p)))
		if d := cmp.Diff(p, got, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("point (-put +read):\n%s", d)
		}
		info := store.DocumentInfo{
			ID: anyString.Draw(t, "id"), Root: p.Payload.Root, Path: p.Payload.Path, URI: p.Payload.URI, Title: p.Payload.Title, MediaType: p.Payload.MediaType,
			Language: p.Payload.Language, Version: p.Payload.Version, Content: anyString.Draw(t, "content"), Size: int64(n("size")),
			ModTime: anyTime(t, "mod"), Date: anyTime(t, "date"), IndexedAt: anyTime(t, "indexed"), Status: store.StatusStale,
			Reason: anyString.Draw(t, "reason"), Warnings: rapid.SliceOf(anyString).Draw(t, "warnings"), Labels: labels, Bytes: n("bytes"), Chunks: n("chunks"),
		}
		if d := cmp.Diff(info, documentOf(roundTrip(t, documentFields(&info))), cmpopts.EquateEmpty()); d != "" {
			t.Errorf("document (-put +read):\n%s", d)
		}
	})
}

// TestDocumentKeys keeps the list of keys that a document is read from.
func TestDocumentKeys(t *testing.T) {
	full := store.DocumentInfo{ID: "i", Root: "r", Path: "p", URI: "u", Title: "t", MediaType: "m/n", Language: "en", Version: "v", Content: "c", Size: 1,
		ModTime: time.Unix(1, 0).UTC(), Date: time.Unix(2, 0).UTC(), IndexedAt: time.Unix(3, 0).UTC(), Status: store.StatusOK, Reason: "r",
		Warnings: []string{"w"}, Labels: map[string]string{"k": "v"}, Bytes: 1, Chunks: 1, Embedded: 1}
	for i := range reflect.TypeOf(full).NumField() {
		if reflect.ValueOf(full).Field(i).IsZero() {
			t.Fatalf("%s is zero: the test does not cover it", reflect.TypeOf(full).Field(i).Name)
		}
	}
	written, kept := documentFields(&full), map[string]*qdrant.Value{}
	for _, key := range documentKeys {
		kept[key] = written[key]
	}
	full.Embedded = 0 // counted when it is read
	if d := cmp.Diff(full, documentOf(kept)); d != "" {
		t.Errorf("documentKeys misses something:\n%s", d)
	}
}

// TestPathPrefixes compares the prefixes with what store.MatchPath selects.
func TestPathPrefixes(t *testing.T) {
	path := rapid.StringMatching(`[ab/!]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		p, pattern := path.Draw(t, "path"), path.Draw(t, "pattern")
		c := condition{}
		selected := true
		if should, ok := c.paths([]string{pattern}); ok {
			selected = false
			for _, prefix := range pathPrefixes(p) {
				selected = selected || prefix == should.GetField().GetMatch().GetKeyword()
			}
		}
		if want := store.MatchPath(pattern, p); selected != want {
			t.Errorf("%q selects %q: %v, want %v", pattern, p, selected, want)
		}
	})
}

func TestLabelPair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[a=%23D5]{0,5}`)
		k1, v1, k2, v2 := s.Draw(t, "k1"), s.Draw(t, "v1"), s.Draw(t, "k2"), s.Draw(t, "v2")
		if (labelPair(k1, v1) == labelPair(k2, v2)) != (k1 == k2 && v1 == v2) {
			t.Errorf("%q=%q and %q=%q", k1, v1, k2, v2)
		}
	})
}

func TestDocumentOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := reservedID(rapid.String().Draw(t, "a")), reservedID(rapid.String().Draw(t, "b"))
		if (a < b) != (documentOrder(a) < documentOrder(b)) && documentOrder(a) != documentOrder(b) {
			t.Errorf("%s and %s order as %d and %d", a, b, documentOrder(a), documentOrder(b))
		}
	})
}

func TestCutText(t *testing.T) {
	long := strings.Repeat("漢字 and a few letters more, so that cuts fall anywhere\xff ", partBytes/20)
	for _, text := range []string{"", "x", long, long[1:], long[2:]} {
		back := ""
		for rest := text; rest != ""; {
			var part string
			part, rest = cutText(rest)
			if part == "" || len(part) > partBytes {
				t.Fatalf("a part of %d bytes", len(part))
			}
			back += part
		}
		if back != text {
			t.Errorf("text of %d bytes is not what its parts give", len(text))
		}
	}
}

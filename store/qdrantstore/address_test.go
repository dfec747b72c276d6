package qdrantstore

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseAddress(t *testing.T) {
	for _, c := range []struct {
		in, want string
		tls      bool
	}{
		{"", "localhost:6334", false},
		{"qdrant", "qdrant:6334", false},
		{"10.0.0.7:7000", "10.0.0.7:7000", false},
		{"qdrant://db", "db:6334", false},
		{"qdrant://db:1234/", "db:1234", false},
		{"http://db:6334", "db:6334", false},
		{"https://db.example", "db.example:6334", true},
		{"qdrants://db:1", "db:1", true},
		{"[::1]:6334", "[::1]:6334", false},
		{" localhost ", "localhost:6334", false},
		{"ftp://db", "", false},
		{"db:port", "", false},
		{"db:0", "", false},
		{"db:70000", "", false},
		{"qdrant://", "", false},
		{"http://db/collections", "", false},
		{"http://user:pass@db", "", false},
		{"a,b", "a:6334,b:6334", false},
		{"qdrants://a:1, b:2,a:1", "a:1,b:2", true},
		{"a,,b", "", false},
		{"a,b:port", "", false},
	} {
		got, err := parseAddress(c.in)
		if (err != nil) != (c.want == "") || err == nil && (got.String() != c.want || got.tls != c.tls) {
			t.Errorf("parseAddress(%q) = %v, tls %v, %v; want %q, %v", c.in, got, got.tls, err, c.want, c.tls)
		}
	}
}

func TestAddressSettings(t *testing.T) {
	o := Options{Address: "qdrant://a,b?shards=6&replicas=2&write-consistency=2&vectors=memory&payload=memory&sparse=memory&quantization=off&timeout=5s&attempts=9&batch=100&writers=2"}.withDefaults()
	want := Options{Address: o.Address, Collection: "default", Shards: 6, Replicas: 2, WriteConsistency: 2, Timeout: 5 * time.Second, Attempts: 9,
		Backoff: o.Backoff, BatchPoints: 100, BatchBytes: o.BatchBytes, Writers: 2,
		Storage: Storage{VectorsInMemory: true, PayloadInMemory: true, SparseInMemory: true, NoQuantization: true}}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("options %+v, want %+v", o, want)
	}
	if o := (Options{Address: "a?shards=6&timeout=5s", Shards: 3, Timeout: time.Second}).withDefaults(); o.Shards != 3 || o.Timeout != time.Second {
		t.Errorf("an address overrides options: %+v", o)
	}
	for _, bad := range []string{"a?shard=6", "a?shards=0", "a?shards=many", "a?vectors=tape", "a?quantization=memory", "a?timeout=5", "a?timeout=-1s", "a?%zz", "a?shards"} {
		if _, err := parseAddress(bad); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("parseAddress(%q): error %v", bad, err)
		}
	}
}

// TestSettingsAreDocumented looks for every setting in the page for users.
func TestSettingsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/SCALING.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range addressSettings {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/SCALING.md says nothing of %s", name)
		}
	}
}

func TestEscapeName(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range []string{"", "kb", "a b", "a%20b", "手册", "a/b", "~docs", "x~points-1", "\xff", "A.b-c_d"} {
		e := escapeName(name)
		if unescapeName(e) != name || seen[e] {
			t.Errorf("escapeName(%q) = %q, back %q", name, e, unescapeName(e))
		}
		seen[e] = true
		if e2 := docsName(name); unescapeName(e2[len(namePrefix):len(e2)-len("~docs")]) != name {
			t.Errorf("docsName(%q) = %q", name, e2)
		}
	}
}

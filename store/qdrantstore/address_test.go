package qdrantstore

import "testing"

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
	} {
		got, err := parseAddress(c.in)
		if (err != nil) != (c.want == "") || err == nil && (got.String() != c.want || got.tls != c.tls) {
			t.Errorf("parseAddress(%q) = %v, tls %v, %v; want %q, %v", c.in, got, got.tls, err, c.want, c.tls)
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

// Package archtest holds the tests of the repository's structure: which package
// may import which, and that the documents name what is there.
package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/lore-kb/lore"

// imports lists, for each package or tree of packages ("/..."), the packages of
// this module that it may import besides its own tree. The most specific entry
// counts; a package without an entry is an error.
var imports = map[string][]string{
	"analysis":          nil,
	"store":             nil,
	"store/...":         {"store"},
	"model":             nil,
	"model/...":         {"model"},
	"model/encoder/...": {"model", "model/neutral"},
	"model/modeltest":   {"model", "model/langchain"},
	"ingest":            {"store", "model", "model/neutral", "analysis"},
	"ingest/extract":    {"ingest", "model", "store", "analysis", "internal/sandbox"},
	"retrieve":          {"store", "model", "analysis"},
	"prompt":            {"retrieve", "model", "analysis"},
	"ask":               {"prompt", "retrieve", "model", "store", "analysis"},
	"eval":              {"ask", "retrieve", "store", "model", "model/neutral", "analysis"},
	"api":               {"ask", "retrieve", "ingest", "store", "model"},
	"api/...":           {"ask", "retrieve", "ingest", "store", "model"},
	"cmd/...":           {"..."},
	"internal/sandbox":  nil,
	"internal/memstore": {"store"},
	"internal/...":      nil,
}

// vendors lists the packages that alone may import a module or package of
// somebody else: the ones behind a seam.
var vendors = map[string][]string{
	"github.com/tmc/langchaingo":       {"model/langchain"},
	"github.com/qdrant/go-client":      {"store/qdrantstore", "store/qdrantstore/qdranttest"},
	"modernc.org/sqlite":               {"store/sqlitestore"},
	"github.com/ledongthuc/pdf":        {"ingest/extract"},
	"github.com/spf13/cobra":           {"cmd/lore"},
	"github.com/modelcontextprotocol":  {"api", "cmd/lore"},
	"github.com/danielgtaylor/huma/v2": {"api"},
}

// langchaingo's packages that may be used; the others are heavy, frozen or lose
// errors.
var langchaingo = []string{"llms", "llms/openai", "llms/anthropic"}

type listed struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = root(t)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		if name == "" {
			continue
		}
		allowed, ok := allowance(name)
		if !ok {
			t.Errorf("%s has no line in the import table", name)
			continue
		}
		for _, imported := range p.Imports {
			if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
				if !permitted(name, ours, allowed) {
					t.Errorf("%s imports %s, which the import table forbids", name, ours)
				}
				continue
			}
			for vendor, users := range vendors {
				if (imported == vendor || strings.HasPrefix(imported, vendor+"/")) && !slices.Contains(users, name) {
					t.Errorf("%s imports %s, which only %v may", name, imported, users)
				}
			}
			if part, ok := strings.CutPrefix(imported, "github.com/tmc/langchaingo/"); ok && !slices.Contains(langchaingo, part) {
				t.Errorf("%s imports langchaingo's %s; only %v are used", name, part, langchaingo)
			}
		}
	}
}

// allowance returns what the most specific line for a package allows.
func allowance(name string) ([]string, bool) {
	if allowed, ok := imports[name]; ok {
		return allowed, true
	}
	for dir := name; dir != "."; {
		dir = filepath.ToSlash(filepath.Dir(dir))
		if allowed, ok := imports[dir+"/..."]; ok {
			return allowed, true
		}
	}
	return nil, false
}

func permitted(name, imported string, allowed []string) bool {
	tree := name
	if i := strings.Index(name, "/"); i >= 0 && !strings.HasPrefix(name, "ingest/") {
		tree = name[:i]
		if parts := strings.SplitN(name, "/", 3); len(parts) >= 2 {
			tree = parts[0] + "/" + parts[1] // store/sqlitestore, model/encoder, internal/x
		}
	}
	if imported == tree || strings.HasPrefix(imported, tree+"/") {
		return true
	}
	return slices.Contains(allowed, "...") || slices.Contains(allowed, imported)
}

// TestPermitted keeps the rule itself honest.
func TestPermitted(t *testing.T) {
	tests := []struct {
		name, imported string
		want           bool
	}{
		{"ingest", "retrieve", false},
		{"retrieve", "ingest", false},
		{"ingest", "store", true},
		{"ingest/extract", "ingest", true},
		{"ingest/extract", "store/sqlitestore", false},
		{"store/sqlitestore", "store", true},
		{"store/sqlitestore", "store/sqlitestore/segment", true},
		{"store/sqlitestore", "store/qdrantstore", false},
		{"model/encoder", "model", true},
		{"analysis", "store", false},
		{"cmd/lore", "api", true},
	}
	for _, test := range tests {
		allowed, ok := allowance(test.name)
		if !ok {
			t.Errorf("%s has no line", test.name)
		}
		if got := permitted(test.name, test.imported, allowed); got != test.want {
			t.Errorf("%s importing %s: %v, want %v", test.name, test.imported, got, test.want)
		}
	}
}

// A path in the documents is written in backquotes and begins with a folder of
// the repository or is a file at its top.
var quotedPath = regexp.MustCompile("`([A-Za-z.][A-Za-z0-9_./*-]*)`")

// TestDocumentsNameWhatIsThere checks every path that the documents for
// developers name.
func TestDocumentsNameWhatIsThere(t *testing.T) {
	base := root(t)
	top, err := os.ReadDir(base)
	if err != nil {
		t.Fatal(err)
	}
	isTop := map[string]bool{}
	for _, entry := range top {
		isTop[entry.Name()] = true
	}
	checked := 0
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "docs"} {
		err := filepath.WalkDir(filepath.Join(base, name), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".md") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, match := range quotedPath.FindAllStringSubmatch(string(text), -1) {
				named := match[1]
				first, rest, nested := strings.Cut(named, "/")
				if !isTop[first] || (!nested && !strings.Contains(named, ".")) {
					continue
				}
				if nested && rest == "..." {
					continue
				}
				checked++
				found, err := filepath.Glob(filepath.Join(base, filepath.FromSlash(named)))
				if err != nil || len(found) == 0 {
					t.Errorf("%s names `%s`, which is not there", filepath.ToSlash(strings.TrimPrefix(path, base+string(filepath.Separator))), named)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if checked == 0 {
		t.Error("no path was checked")
	}
}

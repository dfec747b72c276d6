package extract

import (
	"strings"

	"github.com/lore-kb/lore/ingest"
)

// codeKind says how the definitions of a language look.
type codeKind int

const (
	codeKeyword codeKind = iota // a keyword before the name
	codeBrace                   // also functions known only by their parentheses and brace
	codeSQL
	codeMake
	codeLet      // ML: let, with its name
	codeEquation // Haskell, Erlang: clauses that begin with the name
	codeBasic    // keywords in any case
	codeObjC
	codePlain // no definitions; blank lines divide
)

// languages are source files by ending: the media type's name and the look of
// definitions.
var languages = map[string]struct {
	name string
	kind codeKind
}{
	".go": {"go", codeKeyword}, ".py": {"python", codeKeyword}, ".pyi": {"python", codeKeyword}, ".rb": {"ruby", codeKeyword}, ".rs": {"rust", codeKeyword},
	".js": {"javascript", codeBrace}, ".mjs": {"javascript", codeBrace}, ".cjs": {"javascript", codeBrace}, ".jsx": {"javascript", codeBrace},
	".ts": {"typescript", codeBrace}, ".tsx": {"typescript", codeBrace}, ".vue": {"vue", codeBrace}, ".svelte": {"svelte", codeBrace},
	".java": {"java", codeBrace}, ".kt": {"kotlin", codeKeyword}, ".kts": {"kotlin", codeKeyword}, ".scala": {"scala", codeKeyword}, ".groovy": {"groovy", codeBrace},
	".c": {"c", codeBrace}, ".h": {"c", codeBrace}, ".cc": {"c++", codeBrace}, ".cpp": {"c++", codeBrace}, ".cxx": {"c++", codeBrace}, ".hpp": {"c++", codeBrace}, ".hh": {"c++", codeBrace},
	".m": {"objective-c", codeObjC}, ".mm": {"objective-c", codeObjC}, ".cs": {"csharp", codeBrace}, ".fs": {"fsharp", codeLet}, ".vb": {"vb", codeBasic},
	".swift": {"swift", codeKeyword}, ".dart": {"dart", codeBrace}, ".php": {"php", codeKeyword}, ".pl": {"perl", codeKeyword}, ".pm": {"perl", codeKeyword},
	".lua": {"lua", codeKeyword}, ".r": {"r", codeKeyword}, ".jl": {"julia", codeKeyword}, ".ex": {"elixir", codeKeyword}, ".exs": {"elixir", codeKeyword}, ".erl": {"erlang", codeEquation},
	".hs": {"haskell", codeEquation}, ".ml": {"ocaml", codeLet}, ".clj": {"clojure", codeKeyword}, ".lisp": {"lisp", codeKeyword}, ".el": {"lisp", codeKeyword}, ".scm": {"scheme", codeKeyword},
	".sh": {"shellscript", codeBrace}, ".bash": {"shellscript", codeBrace}, ".zsh": {"shellscript", codeBrace}, ".fish": {"shellscript", codeKeyword}, ".ps1": {"powershell", codeKeyword}, ".bat": {"bat", codePlain},
	".sql": {"sql", codeSQL}, ".proto": {"protobuf", codeKeyword}, ".graphql": {"graphql", codeKeyword}, ".thrift": {"thrift", codeKeyword}, ".tf": {"terraform", codeKeyword}, ".hcl": {"hcl", codeKeyword},
	".css": {"css", codePlain}, ".scss": {"scss", codePlain}, ".less": {"less", codePlain}, ".zig": {"zig", codeKeyword}, ".nim": {"nim", codeKeyword}, ".v": {"verilog", codeKeyword}, ".vhd": {"vhdl", codeKeyword},
	".s": {"asm", codePlain}, ".asm": {"asm", codePlain}, ".f90": {"fortran", codeBasic}, ".pas": {"pascal", codeBasic}, ".mk": {"makefile", codeMake}, ".cmake": {"cmake", codePlain}, ".gradle": {"gradle", codePlain},
}

func language(name string) (lang string, kind codeKind, ok bool) {
	p := newProbe(name, nil)
	if l, found := languages[p.ext]; found {
		return l.name, l.kind, true
	}
	switch base := strings.ToLower(name[strings.LastIndexAny(name, "/\\")+1:]); base {
	case "makefile", "gnumakefile":
		return "makefile", codeMake, true
	case "dockerfile", "containerfile", "jenkinsfile", "cmakelists.txt", ".gitignore", ".dockerignore":
		return strings.Trim(strings.TrimSuffix(base, ".txt"), "."), codePlain, true
	}
	return "", 0, false
}

var (
	defKeyword = lazy(`^\s*(?:(?:@\w+(?:\([^)]*\))?|export|default|public|private|protected|internal|static|final|abstract|sealed|open|override|virtual|async|unsafe|const|inline|extern(?:\s+"[^"]*")?|pub(?:\([^)]*\))?|data|case|partial|local|suspend|fileprivate|mutating|implicit|lazy|declare|readonly)\s+)*` +
		`(?:func|function\*?|def|defp|defmodule|defmacro|defn-?|class|interface|struct|enum|union|trait|impl|type|module|namespace|object|record|protocol|extension|fn|fun|sub|proc|procedure|subroutine|message|service|rpc|resource|variable|output|entity|macro_rules!|\(def(?:un|n|ine|macro|var)?)` +
		`(?:\s*<[^>]*>)?(?:\s+\([^)]*\))?\s+(?:self\.|&|\()?["']?([\pL_$][\pL\pN_$.:?!'-]*)`)
	defReceiver = lazy(`^func\s*\(\s*(?:\w+\s+)?\*?([\w.]+)(?:\[[^\]]*\])?\s*\)\s*(\w+)`)
	defArrow    = lazy(`^\s*(?:export\s+)?(?:const|let|var)\s+([\w$]+)\s*(?::[^=]+)?=\s*(?:async\s*)?(?:function\b|\([^)]*\)\s*(?::[^=]+)?=>|[\w$]+\s*=>)`)
	defAssigned = lazy(`^\s*([\w.]+)\s*(?:<-|=)\s*function\s*\(`)
	defBrace    = lazy(`^\s*(?:[\w$<>\[\],:&*.?@~]+\s+)*[*&]*([\w$:~]+)\s*\([^;{}]*\)?[^;{}=]*\{?\s*$`)
	defSQL      = lazy(`(?i)^\s*(?:create|alter)\s+(?:or\s+replace\s+)?(?:global\s+|temp(?:orary)?\s+|unique\s+|materialized\s+)*(?:table|view|function|procedure|index|trigger|type|schema|sequence)\s+(?:if\s+not\s+exists\s+)?([\w."\x60]+)`)
	defLet      = lazy(`^(?:\s*(?:module|type|class|exception)\s+(?:rec\s+|private\s+|internal\s+)*([\w'.]+)|(?:let|and|val|external)\s+(?:rec\s+|inline\s+|private\s+|mutable\s+)*([\w']+)|\s+(?:static\s+)?(?:member|override|method)\s+(?:private\s+|inline\s+)*(?:\w+\.)?([\w']+))`)
	defEquation = lazy(`^(?:([a-z_][\w']*)\s*(?:::|\(.*->|\s[^=]*=|\|)|([a-z]\w*)\(.*$|(?:data|newtype|class|instance|type)\s+([\w' ]+?)\s*(?:=|where|$))`)
	defBasic    = lazy(`(?i)^\s*(?:(?:public|private|friend|protected|shared|overrides|overridable|static|recursive|pure|elemental|partial)\s+)*(?:class|module|structure|interface|enum|function|sub|property|namespace|subroutine|program|procedure|unit)\s+([\w.]+)`)
	defObjC     = lazy(`^(?:@(?:interface|implementation|protocol)\s+(\w+)|[-+]\s*\([^)]*\)\s*(\w+))`)
	defMake     = lazy(`^([\w./%-]+)\s*:(?:[^=]|$)`)
)

// notNames begin statements that look like definitions with a brace.
var notNames = map[string]bool{
	"if": true, "for": true, "while": true, "switch": true, "catch": true, "return": true, "else": true, "do": true, "try": true, "with": true, "new": true, "throw": true,
	"sizeof": true, "defined": true, "foreach": true, "using": true, "lock": true, "elif": true, "until": true, "case": true, "await": true, "require": true, "import": true, "super": true, "this": true,
}

// definition is the name that a line defines, "" for none. Next is the line below,
// where a brace may stand.
func definition(line, next string, kind codeKind) string {
	if len(line) > 400 {
		return ""
	}
	first := func(m []string) string {
		for _, s := range m[min(1, len(m)):] {
			if s != "" {
				return s
			}
		}
		return ""
	}
	switch kind {
	case codeLet:
		return first(defLet.FindStringSubmatch(line))
	case codeEquation:
		if name := first(defEquation.FindStringSubmatch(line)); !notNames[name] {
			return name
		}
		return ""
	case codeBasic:
		return first(defBasic.FindStringSubmatch(line))
	case codeObjC:
		if name := first(defObjC.FindStringSubmatch(line)); name != "" {
			return name
		}
		kind = codeBrace
	}
	if m := defReceiver.FindStringSubmatch(line); m != nil {
		return m[1] + "." + m[2]
	}
	switch kind {
	case codePlain:
		return ""
	case codeSQL:
		if m := defSQL.FindStringSubmatch(line); m != nil {
			return strings.Trim(m[1], "\"`")
		}
		return ""
	case codeMake:
		if m := defMake.FindStringSubmatch(line); m != nil && m[1] != ".PHONY" {
			return m[1]
		}
		return ""
	}
	if m := defKeyword.FindStringSubmatch(line); m != nil && !notNames[m[1]] {
		return strings.TrimRight(m[1], ":")
	}
	if m := defArrow.FindStringSubmatch(line); m != nil {
		return m[1]
	}
	if m := defAssigned.FindStringSubmatch(line); m != nil {
		return m[1]
	}
	if kind == codeBrace {
		if m := defBrace.FindStringSubmatch(line); m != nil && !notNames[m[1]] {
			first := strings.Fields(line)[0]
			indented := line[0] == ' ' || line[0] == '\t'
			if !notNames[first] && !strings.HasPrefix(first, "//") && !strings.HasPrefix(first, "*") && !strings.HasPrefix(first, "#") &&
				(strings.HasSuffix(strings.TrimSpace(line), "{") || strings.HasPrefix(strings.TrimSpace(next), "{") && len(strings.Fields(line)) > 1 || !indented && len(strings.Fields(line)) > 1) && !strings.HasPrefix(first, "}") {
				return m[1]
			}
		}
	}
	return ""
}

func isCode(p *probe) bool {
	if p.sample() == "" {
		return false
	}
	if _, ok := languages[p.ext]; ok {
		return true
	}
	if _, _, ok := language(p.base); ok {
		return true
	}
	return p.ext == "" && strings.HasPrefix(p.sample(), "#!")
}

// readCode keeps the file as its text. A block is a definition with the comments
// directly above it, its section the names that lead to it. Nesting is taken
// from indentation, which all languages that people format share.
func readCode(j *job, in ingest.Input) ([]ingest.Document, error) {
	lang, kind, ok := language(in.Name)
	if !ok {
		lang, kind = "shellscript", codeBrace
	}
	text := j.decodeText(in.Data)
	j.spendText(len(text))
	doc := ingest.Document{Text: text, MediaType: "text/x-" + lang}
	type scope struct {
		indent int
		name   string
	}
	var stack []scope
	var section []string
	start := 0
	flush := func(end int) {
		s := strings.TrimRight(text[start:end], " \t\r\n")
		lead := len(s) - len(strings.TrimLeft(s, "\r\n"))
		if strings.TrimSpace(s) != "" {
			doc.Blocks = append(doc.Blocks, ingest.Block{Kind: ingest.Code, Start: start + lead, End: start + len(s), Section: section})
		}
		start = end
	}
	path := func() []string {
		if len(stack) == 0 {
			return nil
		}
		names := make([]string, len(stack))
		for i, s := range stack {
			names[i] = s.name
		}
		return names
	}
	lead := -1 // where the comments above the coming line begin
	inBlock := false
	for n, at := 0, 0; at < len(text); n++ {
		next := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		line := strings.TrimRight(text[at:next], " \t\r\n")
		body := strings.TrimLeft(line, " \t")
		indent := len(line) - len(body)
		switch {
		case body == "":
			if !inBlock {
				lead = -1
			}
		case inBlock:
			inBlock = !strings.Contains(body, "*/")
		case isCommentLine(body) || commentIn(body, kind):
			if lead < 0 {
				lead = at
			}
			inBlock = strings.HasPrefix(body, "/*") && !strings.Contains(body, "*/")
		default:
			begin := at
			if lead >= 0 {
				begin = lead
			}
			below := text[next:]
			if i := strings.IndexByte(below, '\n'); i >= 0 {
				below = below[:i]
			}
			name := definition(line, below, kind)
			if top := len(stack) - 1; name != "" && top >= 0 && stack[top] == (scope{indent, name}) && kind == codeEquation {
				// another clause of the same
			} else if name != "" {
				flush(begin)
				for len(stack) > 0 && stack[len(stack)-1].indent >= indent {
					stack = stack[:len(stack)-1]
				}
				if len(stack) < 12 {
					stack = append(stack, scope{indent, name})
				}
				section = path()
			} else if len(stack) > 0 && indent <= stack[len(stack)-1].indent && !closes(body) {
				flush(begin)
				for len(stack) > 0 && stack[len(stack)-1].indent >= indent {
					stack = stack[:len(stack)-1]
				}
				section = path()
			} else if kind == codePlain && start < at && at-start > 1000 && lead < 0 && text[at-2:at] == "\n\n" {
				flush(begin)
			}
			lead = -1
		}
		if n&0xfff == 0 {
			j.check()
		}
		at = next
	}
	flush(len(text))
	return []ingest.Document{doc}, nil
}

// commentIn reports whether a line is a comment in a language whose comments
// mean something else in others.
func commentIn(s string, kind codeKind) bool {
	switch kind {
	case codeBasic:
		return s[0] == '\'' || s[0] == '!' || s[0] == '{'
	case codeLet:
		return strings.HasPrefix(s, "(*")
	}
	return false
}

func isCommentLine(s string) bool {
	for _, w := range []string{"@interface", "@implementation", "@protocol", "@end"} {
		if strings.HasPrefix(s, w) {
			return false
		}
	}
	for _, m := range []string{"//", "#", "--", "/*", "*", ";;", "@", "///", "\"\"\"", "'''", "%"} {
		if strings.HasPrefix(s, m) {
			return !strings.HasPrefix(s, "#include") && !strings.HasPrefix(s, "#define") && !strings.HasPrefix(s, "#if") && !strings.HasPrefix(s, "#endif") && !strings.HasPrefix(s, "#!")
		}
	}
	return false
}

// closes reports whether a line only goes on with or ends what is open.
func closes(s string) bool {
	switch s[0] {
	case '}', ')', ']', '{', '|', '&', '?', '.', '+', ',':
		return true
	}
	word := strings.TrimRight(strings.Fields(s)[0], ":;")
	switch word {
	case "end", "End", "else", "elif", "elsif", "except", "finally", "rescue", "ensure", "catch", "done", "fi", "esac", "then", "do", "case", "default", "begin", "BEGIN", "END", "GO", "where", "public", "private", "protected":
		return true
	}
	return false
}

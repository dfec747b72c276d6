package extract

import (
	"strings"

	"github.com/lore-kb/lore/ingest"
)

func isYAML(p *probe) bool {
	return p.named(".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".properties", ".env") && p.sample() != ""
}

// readYAML keeps a configuration file as its text. Blocks begin at keys that are
// not indented and at [sections]; the section is that key.
func readYAML(j *job, in ingest.Input) ([]ingest.Document, error) {
	text := j.decodeText(in.Data)
	j.spendText(len(text))
	doc := ingest.Document{Text: text, MediaType: "text/plain"}
	if ext := newProbe(in.Name, nil).ext; ext == ".yaml" || ext == ".yml" {
		doc.MediaType = "application/yaml"
	}
	start, key := -1, ""
	flush := func(end int) {
		if start < 0 {
			return
		}
		s := strings.TrimRight(text[start:end], " \t\r\n")
		if s != "" {
			var section []string
			if key != "" {
				section = []string{key}
			}
			doc.Blocks = append(doc.Blocks, ingest.Block{Kind: ingest.Code, Start: start, End: start + len(s), Section: section})
		}
		start = -1
	}
	comment := -1 // comments directly above a key belong to it
	for at := 0; at < len(text); {
		next := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		line := strings.TrimRight(text[at:next], " \t\r\n")
		switch {
		case line == "" || line == "---":
			comment = -1
		case line[0] == '#' || line[0] == ';':
			if comment < 0 {
				comment = at
			}
		case line[0] != ' ' && line[0] != '\t' && line[0] != '-' && line[0] != '}' && line[0] != ']':
			begin := at
			if comment >= 0 {
				begin = comment
			}
			name := topKey(line)
			// Single settings without children gather in one block.
			if name != "" && (start < 0 || line[0] == '[' || opens(line) || key != "") {
				flush(begin)
				start, key = begin, name
				if !opens(line) && line[0] != '[' {
					key = ""
				}
			}
			comment = -1
			if start < 0 {
				start = begin
			}
		default:
			if start < 0 {
				start, key = at, ""
			}
			comment = -1
		}
		at = next
	}
	if start < 0 && comment >= 0 {
		start = comment
	}
	flush(len(text))
	return []ingest.Document{doc}, nil
}

// opens reports whether a line starts a group of settings.
func opens(line string) bool {
	return strings.HasSuffix(line, ":") || strings.HasSuffix(line, "{") || strings.HasPrefix(line, "[") || strings.HasSuffix(line, "|") || strings.HasSuffix(line, ">")
}

func topKey(line string) string {
	if strings.HasPrefix(line, "[") {
		return oneLine(strings.Trim(line, "[] "))
	}
	i := strings.IndexAny(line, ":=")
	if i <= 0 || i > 100 {
		return ""
	}
	return oneLine(strings.Trim(line[:i], `"' `))
}

func isXML(p *probe) bool {
	s := strings.TrimLeft(p.sample(), "\uFEFF \t\r\n")
	return strings.HasPrefix(s, "<?xml") || p.named(".xml", ".svg", ".rss", ".atom", ".plist", ".xsd", ".wsdl", ".xsl", ".xslt", ".opml", ".fodt") && strings.HasPrefix(s, "<")
}

// readXML reads any XML as its text, element by element: elements with text are
// "name: text", elements that hold others open a section. Word's own XML formats
// read as Word files.
func readXML(j *job, in ingest.Input) ([]ingest.Document, error) {
	head := string(in.Data[:min(len(in.Data), 4096)])
	if strings.Contains(head, "schemas.microsoft.com/office/word/2003/wordml") || strings.Contains(head, "pkg:package") && strings.Contains(head, "Word.Document") {
		d := &docxReader{b: j.newBuilder(), counters: map[string][]int{}}
		d.body(newXML(in.Data))
		d.b.doc.Title = d.title
		return []ingest.Document{d.b.done()}, nil
	}
	b := j.newBuilder()
	b.doc.MediaType = "application/xml"
	x := newXML(in.Data)
	type element struct {
		name  string
		text  strings.Builder
		mixed bool // holds elements beside text
	}
	var stack []*element
	for n := 0; ; n++ {
		k := x.next()
		if k == xmlEOF {
			break
		}
		if n&0xfff == 0 {
			j.check()
		}
		switch k {
		case xmlStart:
			if len(stack) >= maxPDFDepth {
				x.skip()
				continue
			}
			if len(stack) > 0 {
				parent := stack[len(stack)-1]
				parent.mixed = true
				if s := oneLine(parent.text.String()); s != "" {
					b.para(s)
					parent.text.Reset()
				}
			}
			e := &element{name: x.name}
			for _, key := range []string{"title", "name", "label", "text"} {
				if v := oneLine(x.attr(key)); v != "" && strings.Contains(v, " ") {
					b.para(x.name + ": " + v)
				}
			}
			stack = append(stack, e)
		case xmlText:
			if len(stack) > 0 {
				stack[len(stack)-1].text.Write(x.text)
			}
		case xmlEnd:
			if len(stack) == 0 {
				continue
			}
			e := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			s := cleanText(e.text.String())
			if s == "" {
				continue
			}
			if strings.Contains(s, "</") {
				s = cleanText(string(unescapeXML([]byte(stripTags(s))))) // a feed's escaped HTML
			}
			if strings.EqualFold(e.name, "title") {
				if b.doc.Title == "" {
					b.doc.Title = oneLine(s)
				}
				b.heading(min(len(stack)+1, 6), s)
				continue
			}
			if e.mixed || len(s) > 200 {
				b.para(s)
			} else {
				b.para(e.name + ": " + s)
			}
		}
	}
	return []ingest.Document{b.done()}, nil
}

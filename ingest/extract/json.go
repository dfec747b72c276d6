package extract

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/lore-kb/lore/ingest"
)

func isJSON(p *probe) bool {
	if p.sample() == "" {
		return false
	}
	s := strings.TrimLeft(p.sample(), "\uFEFF \t\r\n")
	if s == "" || s[0] != '{' && s[0] != '[' {
		return false
	}
	if p.named(".json", ".jsonl", ".ndjson", ".geojson", ".webmanifest", ".har") {
		return true
	}
	return p.ext == "" && (strings.HasPrefix(s, `{"`) || strings.HasPrefix(s, "{\n") || strings.HasPrefix(s, `[{"`)) && json.Valid(p.data[:min(len(p.data), 1<<20)])
}

// readJSON keeps the file as its text. Blocks are the members of the outermost
// object or array, cut further while they are large; sections are the keys that
// lead there. In JSON Lines every line is a block.
func readJSON(j *job, in ingest.Input) ([]ingest.Document, error) {
	text := j.decodeText(in.Data)
	j.spendText(len(text))
	doc := ingest.Document{Text: text, MediaType: "application/json"}
	c := &jsonCutter{s: text}
	c.space()
	start := c.pos
	if end, ok := c.value(0); ok {
		if c.pos = end; !c.more() {
			c.cut(start, end, nil, 0)
			doc.Blocks = c.blocks
			return []ingest.Document{doc}, nil
		}
	}
	if lines := jsonLines(text); lines != nil {
		doc.MediaType = "application/jsonl"
		for _, r := range lines {
			doc.Blocks = append(doc.Blocks, ingest.Block{Kind: ingest.Paragraph, Start: r.Start, End: r.End})
		}
		return []ingest.Document{doc}, nil
	}
	doc.Blocks = textBlocks(text)
	doc.Warnings = []string{"not valid JSON; read as text"}
	return []ingest.Document{doc}, nil
}

func jsonLines(text string) []ingest.Range {
	var out []ingest.Range
	bad := 0
	for at := 0; at < len(text); {
		next := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		line := strings.TrimSpace(text[at:next])
		if line != "" {
			if line[0] != '{' && line[0] != '[' || line[len(line)-1] != '}' && line[len(line)-1] != ']' {
				bad++
			}
			lead := strings.Index(text[at:next], line[:1])
			out = append(out, ingest.Range{Start: at + lead, End: at + lead + len(line)})
		}
		at = next
	}
	if bad*10 > len(out) {
		return nil
	}
	return out
}

// jsonCutter finds where values begin and end.
type jsonCutter struct {
	s      string
	pos    int
	blocks []ingest.Block
}

const (
	maxJSONDepth = 1000
	jsonBlock    = 1200 // bytes of a value that stays one block
)

func (c *jsonCutter) space() {
	for c.pos < len(c.s) && (c.s[c.pos] <= ' ' || strings.HasPrefix(c.s[c.pos:], "\uFEFF")) {
		if c.s[c.pos] > ' ' {
			c.pos += 2
		}
		c.pos++
	}
}

func (c *jsonCutter) more() bool {
	c.space()
	return c.pos < len(c.s)
}

// value passes over the value at the position and returns its end.
func (c *jsonCutter) value(depth int) (end int, ok bool) {
	c.space()
	if c.pos >= len(c.s) || depth > maxJSONDepth {
		return 0, false
	}
	switch c.s[c.pos] {
	case '{', '[':
		open := c.s[c.pos]
		c.pos++
		for {
			c.space()
			if c.pos >= len(c.s) {
				return 0, false
			}
			switch c.s[c.pos] {
			case '}', ']':
				if c.s[c.pos] != open+2 {
					return 0, false
				}
				c.pos++
				return c.pos, true
			case ',', ':':
				c.pos++
			default:
				if _, ok := c.value(depth + 1); !ok {
					return 0, false
				}
			}
		}
	case '"':
		for i := c.pos + 1; i < len(c.s); i++ {
			switch c.s[i] {
			case '\\':
				i++
			case '"':
				c.pos = i + 1
				return c.pos, true
			}
		}
		return 0, false
	default:
		i := c.pos
		for i < len(c.s) && strings.IndexByte(",]}: \t\r\n{[\"", c.s[i]) < 0 {
			i++
		}
		if i == c.pos {
			return 0, false
		}
		c.pos = i
		return i, true
	}
}

// cut adds the value at [start, end) as blocks: as one when it is small, else
// its members.
func (c *jsonCutter) cut(start, end int, section []string, depth int) {
	if end-start <= jsonBlock || depth > 6 || c.s[start] != '{' && c.s[start] != '[' {
		c.add(start, end, section)
		return
	}
	object := c.s[start] == '{'
	c.pos = start + 1
	// Small members in a row make one block.
	from, to := -1, -1
	flush := func() {
		if from >= 0 {
			c.add(from, to, section)
		}
		from = -1
	}
	for {
		c.space()
		if c.pos >= end-1 {
			break
		}
		if c.s[c.pos] == ',' {
			c.pos++
			continue
		}
		at := c.pos
		key := ""
		if object {
			if _, ok := c.value(0); !ok {
				break
			}
			_ = json.Unmarshal([]byte(c.s[at:c.pos]), &key)
			c.space()
			if c.pos < end && c.s[c.pos] == ':' {
				c.pos++
			}
			c.space()
		}
		inner := c.pos
		stop, ok := c.value(0)
		if !ok || stop <= at {
			break
		}
		switch {
		case stop-at > jsonBlock:
			flush()
			path := section
			if key != "" {
				path = append(section[:len(section):len(section)], oneLine(key))
			}
			c.cut(inner, stop, path, depth+1)
			c.pos = stop
		case from >= 0 && stop-from > jsonBlock:
			flush()
			from, to = at, stop
		default:
			if from < 0 {
				from = at
			}
			to = stop
		}
	}
	flush()
}

func (c *jsonCutter) add(start, end int, section []string) {
	if start < end {
		c.blocks = append(c.blocks, ingest.Block{Kind: ingest.Code, Start: start, End: end, Section: section})
	}
}

func isNotebook(p *probe) bool {
	if p.sample() == "" || !bytes.HasPrefix(bytes.TrimLeft(p.data[:min(len(p.data), 256)], " \r\n\t"), []byte("{")) {
		return false
	}
	return bytes.Contains(p.data, []byte(`"cells"`)) && bytes.Contains(p.data, []byte(`"nbformat"`))
}

// readNotebook reads a Jupyter notebook: text cells as Markdown, code, and the
// text of outputs.
func readNotebook(j *job, in ingest.Input) ([]ingest.Document, error) {
	type lines []string
	var nb struct {
		Cells []struct {
			Type    string          `json:"cell_type"`
			Source  json.RawMessage `json:"source"`
			Outputs []struct {
				Text json.RawMessage            `json:"text"`
				Data map[string]json.RawMessage `json:"data"`
				Name string                     `json:"ename"`
				What string                     `json:"evalue"`
			} `json:"outputs"`
		} `json:"cells"`
	}
	if err := json.Unmarshal(in.Data, &nb); err != nil {
		return readJSON(j, in)
	}
	text := func(raw json.RawMessage) string {
		var s string
		if json.Unmarshal(raw, &s) == nil {
			return s
		}
		var l lines
		if json.Unmarshal(raw, &l) == nil {
			return strings.Join(l, "")
		}
		return ""
	}
	b := j.newBuilder()
	for _, c := range nb.Cells {
		j.check()
		switch s := text(c.Source); c.Type {
		case "markdown":
			b.markdown(s)
		case "code":
			b.code(s)
			for _, o := range c.Outputs {
				out := text(o.Text)
				if out == "" {
					out = text(o.Data["text/plain"])
				}
				if o.Name != "" {
					out = o.Name + ": " + o.What
				}
				const longest = 4000
				if len(out) > longest {
					out = strings.ToValidUTF8(out[:longest], "") + " …"
				}
				b.code(out)
			}
		default:
			b.para(s)
		}
	}
	for i := range b.doc.Blocks {
		if bl := &b.doc.Blocks[i]; bl.Kind == ingest.Heading {
			b.doc.Title = bl.Section[len(bl.Section)-1]
			break
		}
	}
	return []ingest.Document{b.done()}, nil
}

// markdown adds Markdown that is part of another document.
func (b *builder) markdown(s string) {
	docs, err := readMarkdown(b.j, ingest.Input{Data: []byte(s)})
	if err != nil {
		return
	}
	text := docs[0].Text
	for _, bl := range docs[0].Blocks {
		part := text[bl.Start:bl.End]
		switch bl.Kind {
		case ingest.Heading:
			b.heading(bl.Level, headingName(part))
		case ingest.ListItem:
			b.add(ingest.ListItem, "\n\n", part)
		case ingest.Code, ingest.Table:
			b.code(part)
		default:
			b.add(bl.Kind, "\n\n", part)
		}
	}
}

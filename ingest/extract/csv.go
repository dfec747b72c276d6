package extract

import (
	"strings"

	"github.com/lore-kb/lore/ingest"
)

func isCSV(p *probe) bool {
	s := p.sample()
	if s == "" {
		return false
	}
	if p.named(".csv", ".tsv", ".tab") {
		return true
	}
	if !p.named("", ".txt", ".dat") {
		return false
	}
	// Without a telling name only tables that are beyond doubt.
	lines := strings.Split(strings.TrimRight(s, "\r\n"), "\n")
	if len(lines) < 4 {
		return false
	}
	tabs := strings.Count(lines[0], "\t")
	for _, l := range lines[:len(lines)-1] {
		if tabs < 1 || strings.Count(l, "\t") != tabs {
			return false
		}
	}
	return true
}

// readCSV keeps the file as its text and marks its records as the rows of one
// table; the first is the header when it reads like one.
func readCSV(j *job, in ingest.Input) ([]ingest.Document, error) {
	text := j.decodeText(in.Data)
	j.spendText(len(text))
	media := "text/csv"
	sep := separator(text)
	if sep == '\t' {
		media = "text/tab-separated-values"
	}
	doc := ingest.Document{Text: text, MediaType: media}
	rows := records(text)
	if len(rows) == 0 {
		return []ingest.Document{doc}, nil
	}
	b := ingest.Block{Kind: ingest.Table, Start: rows[0].Start, End: rows[len(rows)-1].End, Rows: rows}
	if len(rows) > 1 && looksLikeHeader(fields(text[rows[0].Start:rows[0].End], sep), fields(text[rows[1].Start:rows[1].End], sep)) {
		b.Body = 1
	}
	doc.Blocks = []ingest.Block{b}
	return []ingest.Document{doc}, nil
}

// separator is the mark that divides fields: the one that the first lines have
// most evenly.
func separator(text string) byte {
	lines := strings.SplitN(text[:min(len(text), 16<<10)], "\n", 12)
	best, bestScore := byte(','), 0
	for _, c := range []byte{',', '\t', ';', '|'} {
		first := strings.Count(lines[0], string(c))
		score := 0
		for _, l := range lines {
			if first > 0 && strings.Count(l, string(c)) == first {
				score += first
			}
		}
		if score > bestScore {
			best, bestScore = c, score
		}
	}
	return best
}

// records are the ranges of records that hold anything; line ends in quotes do
// not end a record. A quote that never closes ends with its line.
func records(text string) []ingest.Range {
	var rows []ingest.Range
	at := 0
	if strings.HasPrefix(text, "\uFEFF") {
		at = len("\uFEFF")
	}
	for at < len(text) {
		end, next := recordEnd(text, at)
		row := strings.TrimRight(text[at:end], "\r")
		if strings.Trim(row, " \t,;|\"") != "" {
			rows = append(rows, ingest.Range{Start: at, End: at + len(row)})
		}
		at = next
	}
	return rows
}

// longestRecord bounds how far a quoted field is followed.
const longestRecord = 64 << 10

func recordEnd(text string, at int) (end, next int) {
	quoted := false
	for i := at; i < len(text); i++ {
		switch text[i] {
		case '"':
			quoted = !quoted
		case '\n':
			if !quoted {
				return i, i + 1
			}
		}
		if quoted && i-at > longestRecord {
			break
		}
	}
	if quoted {
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			return at + i, at + i + 1
		}
	}
	return len(text), len(text)
}

// fields splits a record.
func fields(record string, sep byte) []string {
	var out []string
	var cur strings.Builder
	quoted := false
	for i := 0; i < len(record); i++ {
		c := record[i]
		switch {
		case c == '"' && quoted && i+1 < len(record) && record[i+1] == '"':
			cur.WriteByte('"')
			i++
		case c == '"':
			quoted = !quoted
		case c == sep && !quoted:
			out = append(out, cur.String())
			cur.Reset()
		default:
			cur.WriteByte(c)
		}
	}
	return append(out, cur.String())
}

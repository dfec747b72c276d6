package extract

import (
	"strconv"
	"strings"
)

// drawingParagraphs reads the text of DrawingML: paragraphs of text boxes, shapes
// and diagrams, in the order of the file.
func drawingParagraphs(data []byte) []string {
	var out []string
	for x := newXML(data); ; {
		switch x.next() {
		case xmlEOF:
			return out
		case xmlStart:
			switch x.name {
			case "Fallback":
				x.skip()
			case "p":
				if s := (&pptxSlide{}).paragraph(x).text; s != "" {
					out = append(out, s)
				}
			}
		}
	}
}

// drawings adds the text of the charts and diagrams that the relationships of a
// part name: a diagram as list, a chart as table of its values.
func (z *zipFile) drawings(b *builder, byType map[string][]string) {
	for _, part := range byType["diagramData"] {
		data, _ := z.read(part)
		for _, s := range drawingParagraphs(data) {
			b.item(0, "-", s)
		}
	}
	for _, part := range append(byType["chart"], byType["chartEx"]...) {
		data, _ := z.read(part)
		b.chart(data)
	}
}

// maxChartPoints bounds the table of a chart, which a file may state at will.
const maxChartPoints = 20_000

// chartSeries is one row of numbers of a chart.
type chartSeries struct {
	name         string
	labels, data map[int]string
}

// chart adds a chart: its title, then the values that it shows with the names of
// series as header.
func (b *builder) chart(data []byte) {
	var title []string
	var series []*chartSeries
	var cur *chartSeries
	var into map[int]string
	most, at, points := -1, 0, 0
	for x := newXML(data); ; {
		k := x.next()
		if k == xmlEOF {
			break
		}
		switch {
		case k == xmlStart && x.name == "ser":
			cur = &chartSeries{labels: map[int]string{}, data: map[int]string{}}
			series = append(series, cur)
		case k == xmlEnd && x.name == "ser":
			cur, into = nil, nil
		case k == xmlStart && (x.name == "cat" || x.name == "xVal") && cur != nil:
			into = cur.labels
		case k == xmlStart && (x.name == "val" || x.name == "yVal") && cur != nil:
			into = cur.data
		case k == xmlEnd && (x.name == "cat" || x.name == "xVal" || x.name == "val" || x.name == "yVal"):
			into = nil
		case k == xmlStart && x.name == "pt":
			at, _ = strconv.Atoi(x.attr("idx"))
		case k == xmlStart && x.name == "v":
			s := oneLine(x.inner())
			switch {
			case into != nil && at >= 0 && at < maxChartPoints && points < maxChartPoints:
				into[at] = s
				most = max(most, at)
				points++
			case into == nil && cur != nil && cur.name == "":
				cur.name = s
			}
		case k == xmlStart && x.name == "p":
			if s := (&pptxSlide{}).paragraph(x).text; s != "" {
				title = append(title, s)
			}
		}
	}
	b.para(strings.Join(title, "\n"))
	if most < 0 {
		return
	}
	head := []string{""}
	for _, s := range series {
		head = append(head, s.name)
	}
	t := b.openTable()
	t.row(head, true)
	for i := range most + 1 {
		row := []string{""}
		for _, s := range series {
			if row[0] == "" {
				row[0] = s.labels[i]
			}
			row = append(row, s.data[i])
		}
		t.row(row, false)
	}
	t.close()
}

// aside adds text that readers of the pages see again and again, such as
// headers: it stays in the document's text and belongs to no block, unless the
// document has no other text.
func (b *builder) aside(texts []string) {
	seen := map[string]bool{}
	only := b.empty()
	for _, s := range texts {
		if s = cleanText(s); s == "" || seen[s] {
			continue
		}
		seen[s] = true
		if only {
			b.para(s)
			continue
		}
		b.begin("\n\n")
		b.write(s)
	}
}

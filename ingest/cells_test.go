package ingest

import (
	"strconv"
	"strings"
	"testing"
)

func TestChunksNameTheirCells(t *testing.T) {
	var text strings.Builder
	d := Document{}
	text.WriteString("Prices")
	d.Blocks = append(d.Blocks, Block{Kind: Heading, Level: 1, End: 6, Section: []string{"Prices"}})
	table := Block{Kind: Table, Section: []string{"Prices"}, Body: 1, Columns: [2]int{1, 27}}
	for i := range 200 {
		text.WriteString("\n\n"[:1+min(1, 1-min(i, 1))])
		start := text.Len()
		if i == 0 {
			table.Start = start
		}
		text.WriteString("pump number | price in euro | remark that takes some room")
		table.Rows = append(table.Rows, Range{start, text.Len()})
		table.Numbers = append(table.Numbers, 3+i)
	}
	table.End = text.Len()
	d.Blocks = append(d.Blocks, table)
	d.Text = text.String()
	chunks := Split(&d, nil)
	if len(chunks) < 5 {
		t.Fatalf("%d chunks", len(chunks))
	}
	row := 3
	for i, c := range chunks {
		if len(c.Section) != 2 || c.Section[0] != "Prices" {
			t.Fatalf("chunk %d: section %q", i, c.Section)
		}
		lines := strings.Count(c.Text, "pump")
		if want := "B" + strconv.Itoa(row) + ":AB" + strconv.Itoa(row+lines-1); c.Section[1] != want {
			t.Errorf("chunk %d: cells %s; want %s", i, c.Section[1], want)
		}
		row += lines
		if i > 0 && c.Context == "" {
			t.Errorf("chunk %d has no header", i)
		}
	}
	if row != 203 {
		t.Errorf("ended at row %d", row)
	}
	for n, want := range map[int]string{0: "A", 25: "Z", 26: "AA", 701: "ZZ", 702: "AAA", 16383: "XFD"} {
		if got := columnName(n); got != want {
			t.Errorf("column %d: %s; want %s", n, got, want)
		}
	}
}

package extract

import (
	"bytes"
	"compress/flate"
	_ "embed"
	"encoding/binary"
	"io"
	"sync"
)

// cidData says what the glyphs (CIDs) of Adobe's character collections read as.
// It is made by cid_gen.go from Adobe's CMap resources (licence in
// cid_LICENSE.txt): for each collection the number of CIDs, then their code points as
// differences, all of it deflated.
//
//go:embed cid.bin
var cidData []byte

var cidTables = sync.OnceValue(func() map[string][]rune {
	data, err := io.ReadAll(flate.NewReader(bytes.NewReader(cidData)))
	if err != nil {
		return nil
	}
	tables := map[string][]rune{}
	for _, name := range []string{"GB1", "CNS1", "Japan1", "Korea1"} {
		n, k := binary.Uvarint(data)
		if k <= 0 || n > 1<<16 {
			return tables
		}
		data = data[k:]
		table := make([]rune, n)
		var last int64
		for i := range table {
			d, k := binary.Varint(data)
			if k <= 0 {
				return tables
			}
			data = data[k:]
			last += d
			table[i] = rune(last)
		}
		tables[name] = table
	}
	return tables
})

// cidText is what a CID of a collection reads as, "" when it is not known.
func cidText(collection string, cid int) string {
	t := cidTables()[collection]
	if cid <= 0 || cid >= len(t) || t[cid] == 0 {
		return ""
	}
	return string(t[cid])
}

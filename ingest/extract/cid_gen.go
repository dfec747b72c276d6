//go:build ignore

// Command cid_gen writes cid.bin from the Unicode CMaps of Adobe's character
// collections (https://github.com/adobe-type-tools/cmap-resources):
//
//	go run cid_gen.go DIR
//
// DIR holds Adobe-GB1, Adobe-CNS1, Adobe-Japan1 and Adobe-Korea1 with their CMaps.
package main

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"unicode/utf16"
)

// collections in the order of the file, with the CID at which ASCII in half
// width begins, which the Unicode CMaps do not reach.
var collections = []struct {
	name, cmap string
	half       int
}{
	{"GB1", "UniGB", 814}, {"CNS1", "UniCNS", 13648}, {"Japan1", "UniJIS", 231}, {"Korea1", "UniKS", 8094},
}

var (
	section = regexp.MustCompile(`(?s)begincid(char|range)(.*?)endcid`)
	token   = regexp.MustCompile(`<([0-9a-fA-F]+)>|(\d+)`)
)

func main() {
	var out bytes.Buffer
	for _, c := range collections {
		table := map[int]rune{}
		for _, form := range []string{"-UTF16-H", "-UTF16-V"} {
			read(filepath.Join(os.Args[1], "Adobe-"+c.name, c.cmap+form), table)
		}
		for i := range 95 {
			if table[c.half+i] == 0 {
				table[c.half+i] = rune(' ' + i)
			}
		}
		last := 0
		for cid := range table {
			last = max(last, cid)
		}
		out.Write(binary.AppendUvarint(nil, uint64(last+1)))
		prev := rune(0)
		for cid := range last + 1 {
			out.Write(binary.AppendVarint(nil, int64(table[cid]-prev)))
			prev = table[cid]
		}
	}
	var z bytes.Buffer
	w, _ := flate.NewWriter(&z, flate.BestCompression)
	_, _ = w.Write(out.Bytes())
	_ = w.Close()
	if err := os.WriteFile("cid.bin", z.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}

func read(file string, table map[int]rune) {
	data, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range section.FindAllSubmatch(data, -1) {
		t := token.FindAllSubmatch(s[2], -1)
		for len(t) >= 2 {
			lo := codepoint(string(t[0][1]))
			hi := lo
			t = t[1:]
			if string(s[1]) == "range" {
				hi = codepoint(string(t[0][1]))
				t = t[1:]
			}
			cid, _ := strconv.Atoi(string(t[0][2]))
			t = t[1:]
			for r := lo; r <= hi; r++ {
				if old := table[cid+int(r-lo)]; old == 0 || worse(old) && !worse(r) {
					table[cid+int(r-lo)] = r
				}
			}
		}
	}
}

// worse are the forms of a character that text does not use: radicals,
// compatibility and vertical forms.
func worse(r rune) bool {
	return r >= 0x2e80 && r < 0x2fe0 || r >= 0xf900 && r < 0xfb00 || r >= 0xfe10 && r < 0xfe50 || r >= 0xe000 && r < 0xf900 || r >= 0x2f800 && r < 0x2fa20
}

func codepoint(hex string) rune {
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		log.Fatal(err)
	}
	if len(hex) == 8 {
		return utf16.DecodeRune(rune(n>>16), rune(n&0xffff))
	}
	return rune(n)
}

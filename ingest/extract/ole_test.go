package extract_test

import (
	"bytes"
	"crypto/md5"
	"crypto/rc4"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/richardlehane/mscfb"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
)

var le = binary.LittleEndian

// makeOLE writes a compound file (MS-CFB) of the streams, by path with "/". Small
// streams lie in sectors of 64 bytes, others in such of 512.
func makeOLE(streams map[string][]byte) []byte {
	const free, end, fatMark = 0xffffffff, 0xfffffffe, 0xfffffffd
	type entry struct {
		name          string
		kind          byte // 1 storage, 2 stream, 5 root
		sibling, down uint32
		start, size   uint32
	}
	entries := []entry{{name: "Root Entry", kind: 5, sibling: free, down: free}}
	storages := map[string]int{"": 0}
	add := func(parent int, e entry) int {
		e.sibling = entries[parent].down // siblings in a row, not a balanced tree
		entries = append(entries, e)
		entries[parent].down = uint32(len(entries) - 1)
		return len(entries) - 1
	}
	var sectors [][]byte
	var fat, miniFAT []uint32
	var mini []byte
	chain := func(data []byte) uint32 {
		if len(data) == 0 {
			return end
		}
		first := uint32(len(fat))
		for len(data) > 0 {
			s := make([]byte, 512)
			data = data[copy(s, data):]
			sectors = append(sectors, s)
			next := uint32(len(fat) + 1)
			if len(data) == 0 {
				next = end
			}
			fat = append(fat, next)
		}
		return first
	}
	for _, path := range slices.Sorted(maps.Keys(streams)) {
		dir, name := "", path
		for at := strings.Index(name, "/"); at >= 0; at = strings.Index(name, "/") {
			parent := storages[dir]
			dir += "/" + name[:at]
			if _, ok := storages[dir]; !ok {
				storages[dir] = add(parent, entry{name: name[:at], kind: 1, down: free})
			}
			name = name[at+1:]
		}
		e := entry{name: name, kind: 2, down: free, size: uint32(len(streams[path]))}
		if data := streams[path]; len(data) >= 4096 {
			e.start = chain(data)
		} else {
			e.start = uint32(len(miniFAT))
			for n := (len(data) + 63) / 64; n > 0; n-- {
				next := uint32(len(miniFAT) + 1)
				if n == 1 {
					next = end
				}
				miniFAT = append(miniFAT, next)
			}
			mini = append(mini, data...)
			mini = append(mini, make([]byte, (64-len(data)%64)%64)...)
		}
		add(storages[dir], e)
	}
	entries[0].size = uint32(len(mini))
	entries[0].start = chain(mini)
	table := func(v []uint32) []byte {
		for len(v)%128 != 0 {
			v = append(v, free)
		}
		var b []byte
		for _, n := range v {
			b = le.AppendUint32(b, n)
		}
		return b
	}
	miniStart := chain(table(miniFAT))
	var dir []byte
	for _, e := range entries {
		b := make([]byte, 128)
		name := extract.UTF16Bytes(e.name)
		copy(b, name)
		le.PutUint16(b[64:], uint16(len(name)+2))
		b[66], b[67] = e.kind, 1
		le.PutUint32(b[68:], free)
		le.PutUint32(b[72:], e.sibling)
		le.PutUint32(b[76:], e.down)
		le.PutUint32(b[116:], e.start)
		le.PutUint32(b[120:], e.size)
		dir = append(dir, b...)
	}
	dirStart := chain(dir)
	fats := 1
	for 128*fats < len(fat)+fats {
		fats++
	}
	header := make([]byte, 512)
	copy(header, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	for i, v := range []uint16{0x3e, 3, 0xfffe, 9, 6} {
		le.PutUint16(header[24+2*i:], v)
	}
	le.PutUint32(header[44:], uint32(fats))
	le.PutUint32(header[48:], dirStart)
	le.PutUint32(header[56:], 4096)
	le.PutUint32(header[60:], miniStart)
	le.PutUint32(header[64:], uint32((len(miniFAT)+127)/128))
	le.PutUint32(header[68:], end)
	for i := range 109 {
		at := uint32(free)
		if i < fats {
			at = uint32(len(fat) + i)
		}
		le.PutUint32(header[76+4*i:], at)
	}
	for range fats {
		fat = append(fat, fatMark)
	}
	out := bytes.Join(append([][]byte{header}, sectors...), nil)
	return append(out, table(fat)...)
}

// TestOutlookMessage reads what a message that Outlook saved holds: its fields,
// the thread, what is quoted, files and messages attached.
func TestOutlookMessage(t *testing.T) {
	properties := func(head int, sent time.Time) []byte {
		b := make([]byte, head)
		b = le.AppendUint32(b, 0x00390040)
		b = le.AppendUint32(b, 6)
		return le.AppendUint64(b, uint64(sent.Unix()+11644473600)*1e7)
	}
	sent := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	str := func(under string, tag string) string { return under + "__substg1.0_" + tag + "001F" }
	const file, inner = "__attach_version1.0_#00000000/", "__attach_version1.0_#00000001/__substg1.0_3701000D/"
	data := makeOLE(map[string][]byte{
		"__properties_version1.0":         properties(32, sent),
		str("", "0037"):                   extract.UTF16Bytes("Re: 窑的报价"),
		str("", "0C1A"):                   extract.UTF16Bytes("Ada Ek"),
		str("", "5D01"):                   extract.UTF16Bytes("ada@example.com"),
		str("", "0E04"):                   extract.UTF16Bytes("Bo; Cy"),
		str("", "0E03"):                   extract.UTF16Bytes("Di"),
		str("", "1035"):                   extract.UTF16Bytes("<3@example.com>"),
		str("", "1042"):                   extract.UTF16Bytes("<2@example.com>"),
		str("", "1039"):                   extract.UTF16Bytes("<1@example.com> <2@example.com>"),
		str("", "1000"):                   extract.UTF16Bytes("Yes, the price stands.\r\n\r\n-----Original Message-----\r\nFrom: Bo\r\nSent: Monday\r\n\r\nDoes the price stand?\r\n"),
		file + "__properties_version1.0":  make([]byte, 8),
		str(file, "3707"):                 extract.UTF16Bytes("prices.csv"),
		file + "__substg1.0_37010102":     []byte("kiln,price\nnorth,900\nsouth,750\n" + strings.Repeat("other,1\n", 600)),
		inner + "__properties_version1.0": properties(24, sent.AddDate(0, 0, -1)),
		str(inner, "0037"):                extract.UTF16Bytes("Offer"),
		str(inner, "1000"):                extract.UTF16Bytes("We offer two kilns."),
	})
	docs, err := extract.New(nil).Extract(t.Context(), ingest.Input{Name: "a.bin", Data: data})
	if err != nil {
		t.Fatal(err)
	}
	checkDump(t, dump(docs), []string{
		`title "Re: 窑的报价" media application/vnd.ms-outlook date 2024-05-06T07:08:09`, "cc:Di", "from:Ada Ek <ada@example.com>", "in-reply-to:<2@example.com>", "message-id:<3@example.com>", "thread:<1@example.com>", "to:Bo; Cy",
		"para: From: Ada Ek <ada@example.com>⏎To: Bo; Cy⏎Cc: Di⏎Date: 2024-05-06 07:08 UTC⏎Subject: Re: 窑的报价",
		"para [Re: 窑的报价]: Yes, the price stands.", "quote [Re: 窑的报价]:", "Does the price stand?",
		"== prices.csv", "rows 603 body 1", "1: north,900",
		"== Offer", `title "Offer"`, "date 2024-05-05T07:08:09", "para [Offer]: We offer two kilns.",
	}, nil)
}

// TestPowerPoint97 reads slides in their order, titles, lists, and notes.
func TestPowerPoint97(t *testing.T) {
	record := func(instance, version int, kind uint16, body ...[]byte) []byte {
		all := bytes.Join(body, nil)
		b := le.AppendUint16(nil, uint16(instance<<4|version))
		b = le.AppendUint16(b, kind)
		b = le.AppendUint32(b, uint32(len(all)))
		return append(b, all...)
	}
	text := func(kind uint32, s string) []byte {
		return append(record(0, 0, 3999, le.AppendUint32(nil, kind)), record(0, 0, 4000, extract.UTF16Bytes(s))...)
	}
	bytesText := func(kind uint32, s string) []byte {
		return append(record(0, 0, 3999, le.AppendUint32(nil, kind)), record(0, 0, 4008, []byte(s))...)
	}
	persist := record(0, 0, 1011, make([]byte, 20))
	masters := record(1, 15, 4080, persist, text(0, "Click to edit the master"))
	slides := record(0, 15, 4080, persist, text(0, "窑"), bytesText(1, "Warm it slowly\rNever open it hot"), persist, bytesText(0, "Glazes"), text(1, "Mixed by us."))
	slide := record(0, 15, 1006, record(0, 15, 61453, text(4, "In a box")))
	notes := record(0, 15, 1008, record(0, 15, 61453, text(2, "Say hello.")))
	data := makeOLE(map[string][]byte{"PowerPoint Document": bytes.Join([][]byte{record(0, 15, 1000, masters, slides), slide, notes, record(0, 15, 1016, text(0, "Master"))}, nil), "Current User": make([]byte, 20)})
	docs, err := extract.New(nil).Extract(t.Context(), ingest.Input{Name: "a.bin", Data: data})
	if err != nil {
		t.Fatal(err)
	}
	checkDump(t, dump(docs), []string{
		`title "窑" media application/vnd.ms-powerpoint`, "-- page 1", "heading1 [窑]: 窑", "item [窑]: - Warm it slowly", "item [窑]: - Never open it hot",
		"-- page 2", "heading1 [Glazes]: Glazes", "para [Glazes]: Mixed by us.", "In a box", "quote", "Say hello.",
	}, []string{"Master", "master"})
}

// TestWordWithPassword reads a whole document that is encrypted as Word 97 to 2003
// do by default (MS-OFFCRYPTO 2.3.6): RC4 with a key for each 512 bytes.
func TestWordWithPassword(t *testing.T) {
	plain, err := os.ReadFile("testdata/in/report.doc")
	if err != nil {
		t.Fatal(err)
	}
	r, err := mscfb.New(bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	streams := map[string][]byte{}
	for e, err := r.Next(); err == nil; e, err = r.Next() {
		if len(e.Path) == 0 && e.Size > 0 {
			if streams[e.Name], err = io.ReadAll(e); err != nil {
				t.Fatal(err)
			}
		}
	}
	main := streams["WordDocument"]
	name := "0Table"
	if le.Uint16(main[0x0a:])&0x0200 != 0 {
		name = "1Table"
	}
	salt, verifier := []byte("0123456789abcdef"), []byte("a verifier of 16")
	h := md5.Sum(extract.UTF16Bytes("密码"))
	var all []byte
	for range 16 {
		all = append(append(all, h[:5]...), salt...)
	}
	h = md5.Sum(all)
	crypt := func(b []byte) []byte {
		out := make([]byte, len(b))
		for i := 0; i < len(b); i += 512 {
			key := md5.Sum(le.AppendUint32(bytes.Clone(h[:5]), uint32(i/512)))
			c, err := rc4.NewCipher(key[:])
			if err != nil {
				t.Fatal(err)
			}
			end := min(i+512, len(b))
			c.XORKeyStream(out[i:end], b[i:end])
		}
		return out
	}
	sum := md5.Sum(verifier)
	head := append(append([]byte{1, 0, 1, 0}, salt...), crypt(append(bytes.Clone(verifier), sum[:]...))...)
	// The header stands before the tables, whose places all move by its length.
	le.PutUint16(main[0x0a:], le.Uint16(main[0x0a:])|0x0100)
	le.PutUint32(main[0x0e:], uint32(len(head)))
	for i := range int(le.Uint16(main[0x98:])) {
		if at := main[0x9a+8*i:]; le.Uint32(at[4:]) > 0 {
			le.PutUint32(at, le.Uint32(at)+uint32(len(head)))
		}
	}
	table := crypt(append(bytes.Clone(head), streams[name]...))
	copy(table, head)
	streams[name] = table
	const bare = 68 // bytes of the main stream that stay plain
	streams["WordDocument"] = append(bytes.Clone(main[:bare]), crypt(main)[bare:]...)
	secret := makeOLE(streams)
	if bytes.Contains(secret, []byte("north kiln")) || bytes.Contains(secret, extract.UTF16Bytes("north kiln")) {
		t.Fatal("the text is not encrypted")
	}
	in := ingest.Input{Name: "a.doc", Data: secret}
	if _, err := extract.New(nil).Extract(t.Context(), in); !errors.Is(err, ingest.ErrEncrypted) {
		t.Errorf("without a password: %v", err)
	}
	if _, err := extract.New(&extract.Options{Passwords: []string{"x"}}).Extract(t.Context(), in); !errors.Is(err, ingest.ErrEncrypted) {
		t.Errorf("with a wrong password: %v", err)
	}
	want, err := extract.New(nil).Extract(t.Context(), ingest.Input{Name: "a.doc", Data: plain})
	if err != nil {
		t.Fatal(err)
	}
	got, err := extract.New(&extract.Options{Passwords: []string{"x", "密码"}}).Extract(t.Context(), in)
	if err != nil || dump(got[:1]) != dump(want[:1]) {
		t.Errorf("got %v:\n%s\nwant:\n%s", err, dump(got), dump(want))
	}
}

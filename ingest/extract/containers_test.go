package extract

import (
	"bytes"
	"crypto/aes"
	"crypto/md5"
	"crypto/rc4"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/lore-kb/lore/ingest"
)

var le = binary.LittleEndian

func utf16Bytes(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = le.AppendUint16(b, u)
	}
	return b
}

// bitWriter writes the bits of LZX: words of 16, the highest bit first.
type bitWriter struct {
	b    []byte
	word uint32
	n    int
}

func (w *bitWriter) put(v, n int) {
	for i := n - 1; i >= 0; i-- {
		w.word = w.word<<1 | uint32(v>>i&1)
		if w.n++; w.n == 16 {
			w.b = le.AppendUint16(w.b, uint16(w.word))
			w.word, w.n = 0, 0
		}
	}
}

func (w *bitWriter) align() {
	for w.n != 0 {
		w.put(0, 1)
	}
}

// packLZX codes a text, frame by frame, as blocks of one size of code: a match
// with the text a line back where there is one, else literals. Every frame begins
// an interval of its own. The kinds of blocks take turns.
func packLZX(text []byte) (packed []byte, offsets []int) {
	const elements = lzxLiterals + 8*30 // of a window of 32 KB
	for frame := 0; len(text) > 0; frame++ {
		part := text[:min(len(text), lzxFrame)]
		text = text[len(part):]
		offsets = append(offsets, len(packed))
		w := &bitWriter{}
		w.put(0, 1) // no translation of calls
		switch kind := []int{1, 2, 3}[frame%3]; kind {
		case 3:
			w.put(3, 3)
			w.put(len(part), 24)
			w.align()
			for range 3 {
				w.b = le.AppendUint32(w.b, 1)
			}
			w.b = append(w.b, part...)
			if len(part)%2 == 1 {
				w.b = append(w.b, 0)
			}
		default:
			w.put(kind, 3)
			w.put(len(part), 24)
			if kind == 2 {
				for range lzxAligned {
					w.put(3, 3)
				}
			}
			lengths := func(n, l int) { // n codes of l bits, as differences from none
				for s := range lzxPre {
					if s == 17-l {
						w.put(1, 4)
					} else {
						w.put(0, 4)
					}
				}
				for range n {
					w.put(0, 1)
				}
			}
			lengths(lzxLiterals, 9)
			lengths(elements-lzxLiterals, 9)
			lengths(lzxLengths, 8)
			for i := 0; i < len(part); {
				const back = 1000
				n := 0
				for i >= back && i+n < len(part) && n < 9+200 && part[i+n] == part[i+n-back] {
					n++
				}
				if n < 3 {
					w.put(int(part[i]), 9)
					i++
					continue
				}
				// Slot 19 holds the distances 768 to 1023, counted from 2: eight more bits.
				slot, extra := 19, back+2-768
				head := min(n-lzxMinMatch, 7)
				w.put(lzxLiterals+slot*8+head, 9)
				if head == 7 {
					w.put(n-lzxMinMatch-7, 8)
				}
				if kind == 2 {
					w.put(extra>>3, 5)
					w.put(extra&7, 3)
				} else {
					w.put(extra, 8)
				}
				i += n
			}
			w.align()
		}
		packed = append(packed, w.b...)
	}
	return packed, offsets
}

func TestLZX(t *testing.T) {
	var text []byte
	for i := 0; len(text) < 4*lzxFrame+777; i++ {
		text = append(text, fmt.Sprintf("line %d of a text that repeats itself later\n", 10+i%20)[:40]...)
		if i%20 == 19 {
			text = append(text, strings.Repeat("-", 200)...)
		}
	}
	packed, offsets := packLZX(text)
	d, err := newLZX(1 << 15)
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range offsets {
		d.reset(packed[at:])
		if err := d.frame(min(lzxFrame, len(text)-i*lzxFrame)); err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
	}
	if !bytes.Equal(d.out, text) {
		t.Error("unpacked to something else")
	}
	if len(packed) > len(text)*2/3 {
		t.Errorf("the test's own coder found no matches: %d of %d", len(packed), len(text))
	}
	for _, cut := range []int{1, 20, 300, 900} {
		d.out = nil
		d.reset(packed[:cut])
		if err := d.frame(lzxFrame); err == nil {
			t.Errorf("%d bytes are enough for a frame", cut)
		}
	}
}

// makeCHM writes a help file of pages.
func makeCHM(files [][2]string) []byte {
	enc := func(v int) []byte {
		b := []byte{byte(v & 0x7f)}
		for v >>= 7; v > 0; v >>= 7 {
			b = append([]byte{byte(v&0x7f) | 0x80}, b...)
		}
		return b
	}
	var list, content []byte
	entry := func(name string, section, at, n int) {
		list = append(append(list, enc(len(name))...), name...)
		list = append(append(append(list, enc(section)...), enc(at)...), enc(n)...)
	}
	for _, f := range files {
		entry(f[0], 1, len(content), len(f[1]))
		content = append(content, f[1]...)
	}
	packed, offsets := packLZX(content)
	var plain []byte
	add := func(name string, data []byte) {
		entry(name, 0, len(plain), len(data))
		plain = append(plain, data...)
	}
	const storage = "::DataSpace/Storage/MSCompressed/"
	add("/#SYSTEM", append([]byte{3, 0, 0, 0, 3, 0, 10, 0}, "Pump help\x00"...))
	control := le.AppendUint32(nil, 6)
	control = append(control, "LZXC"...)
	for _, v := range []uint32{2, 1, 1, 0, 0} {
		control = le.AppendUint32(control, v)
	}
	add(storage+"ControlData", control)
	table := le.AppendUint32(nil, 2)
	for _, v := range []uint32{uint32(len(offsets)), 8, 40} {
		table = le.AppendUint32(table, v)
	}
	for _, v := range []uint64{uint64(len(content)), uint64(len(packed)), lzxFrame} {
		table = le.AppendUint64(table, v)
	}
	for _, o := range offsets {
		table = le.AppendUint64(table, uint64(o))
	}
	add(storage+"Transform/{7FC28940-9D31-11D0-9B27-00A0C91E9C7C}/InstanceData/ResetTable", table)
	add(storage+"Content", packed)

	const chunk = 4096
	page := append([]byte("PMGL"), le.AppendUint32(nil, uint32(chunk-20-len(list)))...)
	page = append(append(page, make([]byte, 12)...), list...)
	page = append(page, make([]byte, chunk-len(page))...)
	dir := append([]byte("ITSP"), make([]byte, 0x50)...)
	le.PutUint32(dir[8:], 0x54)
	le.PutUint32(dir[16:], chunk)
	le.PutUint32(dir[44:], 1)
	out := append([]byte("ITSF"), make([]byte, 0x5c)...)
	le.PutUint64(out[0x48:], 0x60)
	le.PutUint64(out[0x58:], uint64(0x60+len(dir)+len(page)))
	return append(append(append(out, dir...), page...), plain...)
}

func sampleCHM() []byte {
	return makeCHM([][2]string{
		{"/b.htm", "<html><head><title>B</title></head><body><h1>Oil</h1><p>Change the oil every 500 hours.</p></body></html>"},
		{"/a.htm", "<html><body><p>Start the pump with the green key.</p><table><tr><th>Key</th><th>Use</th></tr><tr><td>red</td><td>stop</td></tr></table></body></html>"},
		{"/toc.hhc", `<ul><li><object type="text/sitemap"><param name="Name" value="First steps"><param name="Local" value="A.htm"></object>
			<ul><li><object type="text/sitemap"><param name="Name" value="Oil change"><param name="Local" value="b.htm#x"></object></ul></ul>`},
		{"/c.html", "<html><head><title>Left over</title></head><body><p>Not in the contents.</p>" + strings.Repeat("<p>More of it, to fill a frame.</p>", 3000) + "</body></html>"},
	})
}

func TestCHM(t *testing.T) {
	docs, err := New(nil).Extract(t.Context(), ingest.Input{Name: "x.bin", Data: sampleCHM()})
	if err != nil {
		t.Fatal(err)
	}
	d := docs[0]
	if d.Title != "Pump help" || !strings.HasPrefix(d.Text, "Start the pump with the green key.\n\nKey | Use\nred | stop\n\nOil\n\nChange the oil") || !strings.Contains(d.Text, "Not in the contents.") {
		t.Errorf("%q: %.200q", d.Title, d.Text)
	}
	if s := strings.Join(d.Blocks[0].Section, "/"); s != "First steps" {
		t.Errorf("section %q", s)
	}
	for _, b := range d.Blocks {
		if strings.HasPrefix(d.Text[b.Start:b.End], "Change") && strings.Join(b.Section, "/") != "First steps/Oil change/Oil" {
			t.Errorf("section %q", b.Section)
		}
	}
}

func TestSevenZip(t *testing.T) {
	files, err := filepath.Glob("testdata/sevenzip/*.7z")
	if err != nil || len(files) != 9 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		in := ingest.Input{Name: "a.dat", Data: data}
		docs, err := New(&Options{Passwords: []string{"wrong", "secret"}}).Extract(t.Context(), in)
		if filepath.Base(file) == "ppmd.7z" {
			if !errors.Is(err, ingest.ErrUnsupported) || !strings.Contains(err.Error(), "PPMd") {
				t.Errorf("%s: %v", file, err)
			}
			continue
		}
		if err != nil || len(docs) != 4 {
			t.Errorf("%s: %d documents, %v", file, len(docs), err)
			continue
		}
		for i, want := range []string{"- in/a.txt", "hello seven zip world", "第二个文件", "1\n2\n3"} {
			if !strings.HasPrefix(docs[i].Text, want) {
				t.Errorf("%s: document %d is %.40q", file, i, docs[i].Text)
			}
		}
		_, err = New(&Options{Passwords: []string{"wrong"}}).Extract(t.Context(), in)
		if strings.Contains(file, "enc") != (err != nil) {
			t.Errorf("%s with a wrong password: %v", file, err)
		}
	}
}

// pstBuilder writes a store of 64 bits: blocks and nodes, each tree one page.
type pstBuilder struct {
	data          []byte
	blocks, nodes [][]byte
	next          uint64
}

func (p *pstBuilder) block(data []byte, inner bool) uint64 {
	p.next += 4
	id := p.next
	if inner {
		id |= 2
	} else {
		back := [256]byte{}
		for i, c := range pstCode {
			back[c] = byte(i)
		}
		data = bytes.Clone(data)
		for i, c := range data {
			data[i] = back[c]
		}
	}
	e := le.AppendUint64(nil, id)
	e = le.AppendUint64(e, uint64(len(p.data)))
	e = le.AppendUint16(e, uint16(len(data)))
	p.blocks = append(p.blocks, append(e, make([]byte, 6)...))
	p.data = append(p.data, data...)
	return id
}

// heap writes a heap of one block: the properties, then their values.
func (p *pstBuilder) heap(props []any) uint64 {
	var records []byte
	allocs := [][]byte{{0xb5, 2, 6, 0, 0x40, 0, 0, 0}, nil} // the tree is allocation 2
	for i := 0; i < len(props); i += 3 {
		records = le.AppendUint16(records, uint16(props[i].(int)))
		records = le.AppendUint16(records, uint16(props[i+1].(int)))
		switch v := props[i+2].(type) {
		case uint32:
			records = le.AppendUint32(records, v)
		case []byte:
			allocs = append(allocs, v)
			records = le.AppendUint32(records, uint32(len(allocs))<<5)
		}
	}
	allocs[1] = records
	b := []byte{0, 0, 0xec, 0xbc, 0x20, 0, 0, 0, 0, 0, 0, 0}
	var table []byte
	for _, a := range allocs {
		table = le.AppendUint16(table, uint16(len(b)))
		b = append(b, a...)
	}
	le.PutUint16(b, uint16(len(b)))
	table = le.AppendUint16(table, uint16(int(le.Uint16(b))))
	b = le.AppendUint16(b, uint16(len(allocs)))
	b = append(append(b, 0, 0), table...)
	return p.block(b, false)
}

func (p *pstBuilder) node(id, parent uint32, data, sub uint64) {
	e := le.AppendUint64(nil, uint64(id))
	e = le.AppendUint64(le.AppendUint64(e, data), sub)
	p.nodes = append(p.nodes, append(le.AppendUint32(e, parent), 0, 0, 0, 0))
}

func (p *pstBuilder) page(entries [][]byte, kind byte) uint64 {
	at := uint64(len(p.data))
	page := make([]byte, 512)
	for i, e := range entries {
		copy(page[i*len(e):], e)
	}
	page[488], page[490], page[496], page[497] = byte(len(entries)), byte(len(entries[0])), kind, kind
	p.data = append(p.data, page...)
	return at
}

func samplePST() []byte {
	p := &pstBuilder{data: make([]byte, 564)}
	p.node(0x122, 0x122, p.heap([]any{0x3001, 0x1f, utf16Bytes("Root")}), 0)
	p.node(0x8022, 0x122, p.heap([]any{0x3001, 0x1f, utf16Bytes("Inbox/2024")}), 0)
	attachment := p.heap([]any{0x3707, 0x1f, utf16Bytes("list.txt"), 0x3701, 0x102, []byte("bolts and nuts")})
	inner := p.heap([]any{0x0037, 0x1f, utf16Bytes("Inner"), 0x1000, 0x1f, utf16Bytes("A mail within the mail.")})
	innerSub := append([]byte{2, 0, 1, 0, 0, 0, 0, 0}, le.AppendUint64(le.AppendUint64(le.AppendUint64(nil, 0x10024), inner), 0)...)
	carried := p.heap([]any{0x3701, 0x0d, []byte{0x24, 0, 1, 0, 9, 0, 0, 0}})
	subs := append([]byte{2, 0, 2, 0, 0, 0, 0, 0}, le.AppendUint64(le.AppendUint64(le.AppendUint64(nil, 0x8025), attachment), 0)...)
	subs = append(subs, le.AppendUint64(le.AppendUint64(le.AppendUint64(nil, 0x8045), carried), p.block(innerSub, true))...)
	message := p.heap([]any{
		0x0037, 0x1f, utf16Bytes("\x01\x05Re: 订单"), 0x0c1a, 0x1f, utf16Bytes("Ann"), 0x0c1f, 0x1e, []byte("ann@example.com"),
		0x1000, 0x1f, utf16Bytes("The order is on its way.\r\n\r\n-----Original Message-----\r\nFrom: Bo\r\nWhere is it?"),
		0x0039, 0x40, le.AppendUint64(nil, 133540000000000000),
	})
	p.node(0x200024, 0x8022, message, p.block(subs, true))
	blocks := p.page(p.blocks, 0x80)
	nodes := p.page(p.nodes, 0x81)
	copy(p.data, "!BDN")
	le.PutUint16(p.data[10:], 23)
	le.PutUint64(p.data[224:], nodes)
	le.PutUint64(p.data[240:], blocks)
	p.data[513] = 1
	return p.data
}

func TestPST(t *testing.T) {
	docs, err := New(nil).Extract(t.Context(), ingest.Input{Name: "mail.txt", Data: samplePST()})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range docs {
		got = append(got, d.Member+": "+strings.ReplaceAll(d.Text, "\n", "⏎"))
	}
	want := []string{
		": - 2024-03-04 Ann <ann@example.com>: Re: 订单",
		"Root/Inbox_2024/Re: 订单: From: Ann <ann@example.com>⏎Date: 2024-03-04 04:26 UTC⏎Subject: Re: 订单⏎⏎The order is on its way.⏎⏎-----Original Message-----⏎From: Bo⏎Where is it?",
		"Root/Inbox_2024/Re: 订单!/list.txt: bolts and nuts",
		"Root/Inbox_2024/Re: 订单!/Inner: Subject: Inner⏎⏎A mail within the mail.",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for i := range docs[1].Blocks {
		b := docs[1].Blocks[i]
		if quoted := strings.Contains(docs[1].Text[b.Start:b.End], "Where is it?"); quoted != (b.Kind == ingest.Quote) {
			t.Errorf("block %d: kind %d", i, b.Kind)
		}
	}
}

func hwpRecord(tag int, body []byte) []byte {
	if len(body) < 0xfff {
		return append(le.AppendUint32(nil, uint32(tag|len(body)<<20)), body...)
	}
	return append(le.AppendUint32(le.AppendUint32(nil, uint32(tag|0xfff<<20)), uint32(len(body))), body...)
}

func TestHWPText(t *testing.T) {
	body := append(append(utf16Bytes("첫째"), append([]byte{2, 0}, make([]byte, 14)...)...), utf16Bytes(" 문단\r")...)
	long := utf16Bytes(strings.Repeat("가", 3000))
	var got []string
	hwpRecords(append(append(hwpRecord(66, make([]byte, 22)), hwpRecord(hwpParaText, body)...), hwpRecord(hwpParaText, long)...), func(tag int, b []byte) {
		if tag == hwpParaText {
			got = append(got, hwpText(b))
		}
	})
	if len(got) != 2 || got[0] != "첫째 문단\n" || len(got[1]) != 9000 {
		t.Errorf("%.100q", got)
	}
}

func TestHWPForDistribution(t *testing.T) {
	// The record hides its key by the random numbers of the seed it begins with.
	plain := make([]byte, 256)
	le.PutUint32(plain, 12345)
	key := []byte("0123456789abcdef")
	copy(plain[4+int(uint32(12345)&0xf):], key)
	state, mask := uint32(12345), byte(0)
	random := func() uint32 { state = state*214013 + 2531011; return state >> 16 & 0x7fff }
	for i, n := 0, 0; i < 256; i, n = i+1, n-1 {
		if n == 0 {
			mask, n = byte(random()), 0
			n = int(random()&0xf) + 1
		}
		if i >= 4 {
			plain[i] ^= mask
		}
	}
	c, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	text := []byte("sixteen bytes ok")
	secret := make([]byte, 16)
	c.Encrypt(secret, text)
	if got := hwpOpen(append(hwpRecord(hwpKeyRecord, plain), secret...)); !bytes.Equal(got, text) {
		t.Errorf("%q", got)
	}
}

// oneSet writes a set of properties of OneNote: identifier and value in turn.
func oneSet(props ...any) []byte {
	b := le.AppendUint16(nil, uint16(len(props)/2))
	var data []byte
	for i := 0; i < len(props); i += 2 {
		b = le.AppendUint32(b, uint32(props[i].(int)))
		data = append(data, props[i+1].([]byte)...)
	}
	return append(b, data...)
}

func sampleOneNote() []byte {
	sized := func(b []byte) []byte { return append(le.AppendUint32(nil, uint32(len(b))), b...) }
	text := oneSet(0x14001c00, []byte{1, 2, 3, 4}, 0x08001c04, []byte(nil), oneTextUnicode, sized(utf16Bytes("The meeting is on 星期五.\x00")), 0x10001c05, []byte{9, 9})
	return bytes.Join([][]byte{
		[]byte(oneMagic), make([]byte, 1000),
		oneSet(oneTitle, sized(utf16Bytes("Minutes\x00"))), make([]byte, 50), text, make([]byte, 20), text,
		make([]byte, 30), oneSet(0x1c001c99, sized([]byte("skipped")), oneTextBytes, sized([]byte("plain bytes\x00"))),
	}, []byte{0xff})
}

func TestOneNote(t *testing.T) {
	docs, err := New(nil).Extract(t.Context(), ingest.Input{Name: "a.txt", Data: sampleOneNote()})
	if err != nil {
		t.Fatal(err)
	}
	if want := "Minutes\n\nThe meeting is on 星期五.\n\nplain bytes"; docs[0].Text != want {
		t.Errorf("%q; want %q", docs[0].Text, want)
	}
}

func protoBytes(field int, b []byte) []byte {
	out := binary.AppendUvarint(nil, uint64(field<<3|2))
	return append(binary.AppendUvarint(out, uint64(len(b))), b...)
}

func protoInt(field int, v uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(nil, uint64(field<<3)), v)
}

func iwaObject(kind uint64, body []byte) []byte {
	info := append(protoInt(1, kind), protoInt(3, uint64(len(body)))...)
	head := append(protoInt(1, 7), protoBytes(2, info)...)
	return append(append(binary.AppendUvarint(nil, uint64(len(head))), head...), body...)
}

// snappy packs with literals and one copy of each kind of tag.
func snappy(b []byte) []byte {
	out := binary.AppendUvarint(nil, uint64(len(b)+4+3))
	out = append(out, byte(59+1)<<2, byte(len(b)-1))
	out = append(out, b...)
	out = append(out, 1, byte(len(b)))      // four bytes from the start
	out = append(out, 2<<2|2, byte(4+3), 0) // three more
	return append([]byte{0, byte(len(out)), byte(len(out) >> 8), 0}, out...)
}

func TestIWork(t *testing.T) {
	storage := iwaObject(iwaStorage, protoBytes(3, []byte("Goals for 2025\nMore pumps")))
	list := iwaObject(iwaDataList, protoBytes(3, append(protoInt(1, 4), protoBytes(3, []byte("North region"))...)))
	data := unsnappy(&job{ctx: t.Context(), unpackLeft: 1 << 20}, snappy(append(storage, list...)))
	b := fuzzJob(t).newBuilder()
	iwaTexts(b, data)
	if d := b.done(); d.Text != "Goals for 2025\n\nMore pumps\n\n- North region" {
		t.Errorf("%q", d.Text)
	}

	b = fuzzJob(t).newBuilder()
	(&iworkXML{b: b, x: newXML([]byte(`<ls:document><sf:stylesheet><sf:p>no</sf:p></sf:stylesheet><ls:workspace ls:workspace-name="Sales"/>
		<sf:tabular-model sf:name="By region" sf:num-header-rows="1"><sf:grid><sf:datasource>
		<sf:t sf:ct="0"><sf:ct sfa:s="Region"/></sf:t><sf:t><sf:ct sfa:s="Pumps"/></sf:t>
		<sf:t sf:ct="256"><sf:so><sf:p>North</sf:p></sf:so></sf:t><sf:n sf:v="12"/>
		<sf:f sf:ct="256"><sf:fo sf:fs="=SUM(B)"/><sf:r><sf:rn sf:v="12"/></sf:r></sf:f></sf:datasource></sf:grid></sf:tabular-model>
		<sf:p>A remark.</sf:p></ls:document>`))}).run()
	if d := b.done(); d.Text != "Sales\n\nBy region\n\nRegion | Pumps\nNorth | 12\n12\n\nA remark." {
		t.Errorf("%q", d.Text)
	}
}

func TestOfficeRC4(t *testing.T) {
	// A header as Excel writes it, for the password 密码.
	salt, verifier := []byte("0123456789abcdef"), []byte("a verifier of 16")
	h := md5.Sum(utf16Bytes("密码"))
	var all []byte
	for range 16 {
		all = append(append(all, h[:5]...), salt...)
	}
	h = md5.Sum(all)
	key := func(n uint32) []byte { k := md5.Sum(le.AppendUint32(bytes.Clone(h[:5]), n)); return k[:] }
	crypt := func(n uint32, b []byte) []byte {
		c, err := rc4.NewCipher(key(n))
		if err != nil {
			t.Fatal(err)
		}
		out := make([]byte, len(b))
		c.XORKeyStream(out, b)
		return out
	}
	sum := md5.Sum(verifier)
	both := crypt(0, append(bytes.Clone(verifier), sum[:]...))
	head := append(append([]byte{1, 0, 1, 0}, salt...), both...)
	j := fuzzJob(t)
	if _, err := j.openOfficeRC4(head, 4); !errors.Is(err, ingest.ErrEncrypted) {
		t.Errorf("without password: %v", err)
	}
	j.o.Passwords = []string{"x", "密码"}
	o, err := j.openOfficeRC4(head, 4)
	if err != nil {
		t.Fatal(err)
	}
	text := "twelve bytes and some"
	var secret []byte
	for i := 0; i < len(text); i += 4 {
		secret = append(secret, crypt(uint32(i/4), []byte(text[i:min(i+4, len(text))]))...)
	}
	if got := string(o.stream(secret)); got != text {
		t.Errorf("%q", got)
	}
	for _, bad := range [][]byte{nil, head[:10], {9, 0, 9, 0, 0, 0}, append([]byte{4, 0, 2, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, make([]byte, 100)...)} {
		if _, err := j.openOfficeRC4(bad, 512); err == nil {
			t.Errorf("%x was opened", bad)
		}
	}
}

func TestQuotesWithoutMarks(t *testing.T) {
	for text, quotes := range map[string]int{
		"Yes.\n\n-----Original Message-----\nFrom: a\n\nWhat?":      1,
		"好的。\n\n-----原始邮件-----\n内容":                                 1,
		"Yes.\n\nFrom: A\nSent: Monday\nTo: B\nSubject: x\n\nWhat?": 1,
		"发件人: 甲\n发送时间: 周一\n内容":                                      1,
		"From: here to there\nit is far.":                           0,
		"-- original message --\nno":                                0,
		"The original message was lost.\n--------\nand more":        0,
		"> one\n> two\n\nanswer\n\n> three":                         2,
	} {
		b := fuzzJob(t).newBuilder()
		b.mailText(text)
		n := 0
		for _, bl := range b.done().Blocks {
			if bl.Kind == ingest.Quote {
				n++
			}
		}
		if n != quotes {
			t.Errorf("%q: %d quotes; want %d", text, n, quotes)
		}
	}
}

func FuzzLZX(f *testing.F) {
	packed, _ := packLZX([]byte(strings.Repeat("some text to pack, some more\n", 200)))
	f.Add(packed)
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := newLZX(1 << 15)
		if err != nil {
			t.Fatal(err)
		}
		d.reset(b)
		for range 4 {
			if d.frame(lzxFrame) != nil {
				break
			}
		}
	})
}

func FuzzCHM(f *testing.F) {
	f.Add(sampleCHM())
	f.Fuzz(func(t *testing.T, b []byte) {
		mustNotFail(func() { _, _ = readCHM(fuzzJob(t), ingest.Input{Data: b}) })
	})
}

func FuzzSevenZip(f *testing.F) {
	files, err := filepath.Glob("testdata/sevenzip/*.7z")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		mustNotFail(func() {
			j := fuzzJob(t)
			j.unpackLeft = 1 << 20
			_, _ = read7z(j, ingest.Input{Data: b})
		})
	})
}

func FuzzPST(f *testing.F) {
	f.Add(samplePST())
	f.Fuzz(func(t *testing.T, b []byte) {
		mustNotFail(func() { _, _ = readPST(fuzzJob(t), ingest.Input{Data: b}) })
	})
}

func FuzzOneNote(f *testing.F) {
	f.Add(sampleOneNote())
	f.Fuzz(func(t *testing.T, b []byte) {
		mustNotFail(func() { _, _ = readOneNote(fuzzJob(t), ingest.Input{Data: b}) })
	})
}

func FuzzIWork(f *testing.F) {
	f.Add(snappy(iwaObject(iwaStorage, protoBytes(3, []byte("Goals for 2025")))))
	f.Fuzz(func(t *testing.T, b []byte) {
		mustNotFail(func() {
			j := fuzzJob(t)
			iwaTexts(j.newBuilder(), unsnappy(j, b))
			iwaTexts(j.newBuilder(), b)
			(&iworkXML{b: j.newBuilder(), x: newXML(b)}).run()
		})
	})
}

func FuzzHWP(f *testing.F) {
	f.Add(append(hwpRecord(hwpKeyRecord, make([]byte, 256)), hwpRecord(hwpParaText, utf16Bytes("text"))...))
	f.Fuzz(func(t *testing.T, b []byte) {
		hwpRecords(b, func(_ int, body []byte) { hwpText(body) })
		hwpOpen(b)
		j := fuzzJob(t)
		mustNotFail(func() {
			if o, err := j.openOfficeRC4(b, 1024); err == nil {
				o.workbook(b)
			}
		})
	})
}

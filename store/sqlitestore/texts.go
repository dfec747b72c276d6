package sqlitestore

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/lore-kb/lore/store"
)

// Texts are kept in blocks of this many bytes, so that a passage of a long
// document is read without the rest, and so that rows fill pages: blocks of 16 KiB
// left a tenth of them empty.
const (
	textBlock    = 4 << 10
	earlierBlock = 16 << 10 // of documents with records of formats before 5
)

// blockOf is the size of the blocks of the document with a record.
func blockOf(info []byte) int {
	if bytes.HasPrefix(info, []byte(infoForm)) {
		return textBlock
	}
	return earlierBlock
}

// blockColumn is blockOf in SQL, for documents d.
var blockColumn = fmt.Sprintf("CASE WHEN substr(d.info, 1, %d) = x'%x' THEN %d ELSE %d END", len(infoForm), infoForm, textBlock, earlierBlock)

// place is where a text is: in the rows from key on.
type place struct {
	key           int64
	length, block int
}

// blocks returns how many rows the text takes.
func (p place) blocks() int { return (p.length + p.block - 1) / p.block }

// The first byte of a block says how it is coded.
const (
	methodRaw        = 0
	methodFlate      = 1
	methodVocabulary = 2 // the number of the vocabulary follows
)

var deflaters = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, flate.DefaultCompression) // fails for unknown levels only
	return w
}}

var inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}

// compress codes one block of text with a vocabulary, which may be nil.
func compress(text string, words *vocabulary) []byte {
	if words != nil {
		b := make([]byte, 0, len(text)/2+16) // most texts take less
		b = binary.AppendUvarint(append(b, methodVocabulary), uint64(words.id))
		// A text in a language that the vocabulary does not know takes more.
		if b = words.encode(b, text); 5*len(b) < 3*len(text) {
			return b
		}
	}
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	var buf bytes.Buffer
	buf.WriteByte(methodFlate)
	w.Reset(&buf)
	_, err := io.WriteString(w, text)
	if e := w.Close(); err == nil {
		err = e
	}
	if err != nil || buf.Len() > len(text) {
		return append([]byte{methodRaw}, text...)
	}
	return buf.Bytes()
}

// decompress returns the first size bytes of a block.
func decompress(c *conn, b []byte, size int) ([]byte, error) {
	if len(b) == 0 {
		return nil, errRecord
	}
	switch b[0] {
	case methodRaw:
		if len(b)-1 < size {
			return nil, errRecord
		}
		return b[1 : 1+size], nil
	case methodFlate:
		r := inflaters.Get().(io.ReadCloser)
		defer inflaters.Put(r)
		if err := r.(flate.Resetter).Reset(bytes.NewReader(b[1:]), nil); err != nil {
			return nil, err
		}
		out := make([]byte, size)
		if _, err := io.ReadFull(r, out); err != nil {
			return nil, fmt.Errorf("%w: %w", errRecord, err)
		}
		return out, nil
	case methodVocabulary:
		id, n := binary.Uvarint(b[1:])
		if n <= 0 {
			return nil, errRecord
		}
		words, err := c.words.get(c, int64(id))
		if err != nil {
			return nil, err
		}
		return words.decode(b[1+n:], size)
	}
	return nil, errRecord
}

// text reads bytes [start, end) of a text.
func text(c *conn, p place, start, end int) (string, error) {
	return (&textReader{c: c}).text(p, start, end)
}

// textReader reads passages of texts. It keeps the block that it decoded last:
// those who want several passages of a text ask for the last one first.
type textReader struct {
	c     *conn
	keep  bool   // use c.recent
	row   int64  // of the block; 0 for none
	block []byte // as much of it as was wanted
}

func (t *textReader) text(p place, start, end int) (string, error) {
	if start < 0 || end < start || end > p.length {
		return "", errRecord
	}
	if start == end {
		return "", nil
	}
	first, last := start/p.block, (end-1)/p.block
	var out []byte
	if first < last {
		out = make([]byte, end-start)
	}
	for b := last; b >= first; b-- {
		if err := t.read(p.key+int64(b), min(p.block, end-b*p.block)); err != nil {
			if !errors.Is(err, errMissing) {
				return "", corrupt(t.c.file, err)
			}
			return "", corrupt(t.c.file, fmt.Errorf("block %d of a text is missing", b))
		}
		part := t.block[max(0, start-b*p.block):min(p.block, end-b*p.block)]
		if first == last {
			return string(part), nil
		}
		copy(out[max(0, b*p.block-start):], part)
	}
	return string(out), nil
}

var errMissing = errors.New("row is missing")

// read decodes the first size bytes of a block, at least.
func (t *textReader) read(row int64, size int) error {
	if t.row == row && len(t.block) >= size {
		return nil
	}
	t.row = 0
	if t.keep {
		if b := t.c.recent.block(row, size); b != nil {
			t.row, t.block = row, b
			return nil
		}
	}
	found, err := t.c.one("SELECT data FROM texts WHERE key = ?", func(v []value) error {
		coded, err := unsealed(asBytes(v[0]))
		if err == nil {
			t.block, err = decompress(t.c, coded, size)
		}
		return err
	}, row)
	if err == nil && !found {
		err = errMissing
	}
	if err == nil {
		t.row = row
		if t.keep {
			t.c.recent.keepBlock(row, t.block)
		}
	}
	return err
}

// corrupt says that a file holds what this package never writes.
func corrupt(file string, err error) error {
	if errors.Is(err, store.ErrCorrupt) {
		return err
	}
	return fmt.Errorf("%s: %w (%w); run `lore doctor --repair`, or restore a copy made by `lore backup`", file, store.ErrCorrupt, err)
}

// sealed appends a checksum of a record, and of what belongs to it, to the
// record.
func sealed(b []byte, with ...byte) []byte {
	return binary.LittleEndian.AppendUint32(b, crc32.Update(crc32.Checksum(b, castagnoli), castagnoli, with))
}

// unsealed compares the checksum of a record and takes it off.
func unsealed(b []byte, with ...byte) ([]byte, error) {
	n := len(b) - 4
	if n < 0 || crc32.Update(crc32.Checksum(b[:n], castagnoli), castagnoli, with) != binary.LittleEndian.Uint32(b[n:]) {
		return nil, errRecord
	}
	return b[:n], nil
}

// vocabularies are those of one database, as far as they were needed.
type vocabularies struct {
	mu   sync.Mutex
	byID map[int64]*vocabulary
}

// get returns a vocabulary by its number. Without it no text could be read, so
// there are two copies, the second under the negated number.
func (w *vocabularies) get(c *conn, id int64) (v *vocabulary, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if v := w.byID[id]; v != nil {
		return v, nil
	}
	for _, key := range []int64{id, -id} {
		found := false
		found, err = c.one("SELECT data FROM vocabularies WHERE id = ?", func(row []value) error {
			b, err := unsealed(asBytes(row[0]))
			if err == nil {
				v, err = decodeVocabulary(id, b)
			}
			return err
		}, key)
		if err == nil && !found {
			err = fmt.Errorf("vocabulary %d is missing", id)
		}
		if err == nil {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("vocabulary of texts: %w", err)
	}
	if w.byID == nil {
		w.byID = map[int64]*vocabulary{}
	}
	w.byID[id] = v
	return v, nil
}

// learnFirst is how much text a collection has when it gets its first
// vocabulary; it gets another one each time it has grown by learnGrowth. It is a
// variable for tests.
var learnFirst int64 = 512 << 10

const (
	learnGrowth = 16
	learnPiece  = 16 << 10 // bytes of a document in the sample, at most
)

// vocabularyFor returns the vocabulary to code new documents with, after learning
// one if it is time; nil for a small collection. A vocabulary is committed before
// the first text that needs it.
func (s *Store) vocabularyFor(ctx context.Context, docs []store.Document) (*vocabulary, error) {
	s.learning.Lock()
	defer s.learning.Unlock()
	var stored, id, learned int64
	err := s.read(ctx, func(c *conn) error {
		return c.query("SELECT name, value FROM meta WHERE name IN ('bytes', 'vocabulary', 'vocabulary_bytes')", func(v []value) error {
			switch asText(v[0]) {
			case "bytes":
				stored = asInt(v[1])
			case "vocabulary":
				id = asInt(v[1])
			case "vocabulary_bytes":
				learned = asInt(v[1])
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	for i := range docs {
		stored += int64(len(docs[i].Text))
	}
	if stored < max(learnFirst, learnGrowth*learned) {
		if id == 0 {
			return nil, nil
		}
		if s.words != nil && s.words.id == id {
			return s.words, nil
		}
		err := s.read(ctx, func(c *conn) (err error) {
			s.words, err = c.words.get(c, id)
			return err
		})
		if err != nil {
			return nil, corrupt(s.file, err)
		}
		s.words.encoder()
		return s.words, nil
	}
	samples, err := s.samples(ctx, docs)
	if err != nil {
		return nil, err
	}
	v := learn(samples)
	v.encoder()
	if err := s.keepVocabulary(ctx, v, stored); err != nil {
		return nil, err
	}
	s.words = v
	return v, nil
}

func (s *Store) keepVocabulary(ctx context.Context, v *vocabulary, learned int64) error {
	return s.write(ctx, func(t *txn) error {
		last, err := t.c.int("SELECT max(id) FROM vocabularies")
		if err != nil {
			return err
		}
		v.id = last + 1
		coded := sealed(v.coded())
		for _, key := range []int64{v.id, -v.id} {
			if _, err := t.c.exec("INSERT INTO vocabularies(id, data) VALUES(?, ?)", key, coded); err != nil {
				return err
			}
		}
		for _, kv := range [][2]value{{"vocabulary", v.id}, {"vocabulary_bytes", learned}} {
			if _, err := t.c.exec("INSERT INTO meta(name, value) VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value", kv[0], kv[1]); err != nil {
				return err
			}
		}
		return nil
	})
}

// samples takes pieces of text from all over the collection and from new
// documents.
func (s *Store) samples(ctx context.Context, docs []store.Document) ([]string, error) {
	var out []string
	room := learnSample
	take := func(text string) bool {
		text = text[:min(len(text), learnPiece, room)]
		out = append(out, text)
		room -= len(text)
		return room > 0
	}
	err := s.read(ctx, func(c *conn) error {
		out, room = nil, learnSample
		n, err := c.int("SELECT count(*) FROM documents")
		if err != nil || n == 0 {
			return err
		}
		total, err := c.int("SELECT value FROM meta WHERE name = 'bytes'")
		if err != nil {
			return err
		}
		step := max(1, total/int64(learnSample))
		at := int64(0)
		var chosen []place
		if err := c.query("SELECT d.key, d.bytes, "+blockColumn+" FROM documents d WHERE d.bytes > 0 ORDER BY d.key", func(v []value) error {
			if at++; at%step == 0 {
				chosen = append(chosen, place{asInt(v[0]), int(asInt(v[1])), int(asInt(v[2]))})
			}
			return nil
		}); err != nil {
			return err
		}
		for _, d := range chosen {
			if err := ctx.Err(); err != nil {
				return err
			}
			t, err := text(c, d, 0, min(d.length, learnPiece))
			if err != nil {
				continue // found when it is read
			}
			if !take(t) {
				break
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range docs {
		if room <= 0 {
			break
		}
		take(docs[i].Text)
	}
	return out, nil
}

// recode codes texts again that were coded before the newest vocabulary was
// learned. Only Compact does, which writes all pages anew: shorter rows in old pages
// would make the file no smaller. The caller holds s.writing.
func (s *Store) recode(ctx context.Context) error {
	id, err := s.writer.int("SELECT value FROM meta WHERE name = 'vocabulary'")
	if err != nil || id == 0 {
		return err
	}
	words, err := s.writer.words.get(s.writer, id)
	if err != nil {
		return corrupt(s.file, err)
	}
	words.encoder()
	var rows []place
	if err := s.writer.query("SELECT d.key, d.bytes, "+blockColumn+" FROM documents d WHERE d.bytes > 0 ORDER BY d.key", func(v []value) error {
		rows = append(rows, place{asInt(v[0]), int(asInt(v[1])), int(asInt(v[2]))})
		return nil
	}); err != nil {
		return err
	}
	for some := range slices.Chunk(rows, 500) {
		if err := s.run(ctx, func(t *txn) error {
			for _, d := range some {
				if err := ctx.Err(); err != nil {
					return err
				}
				for b := range d.blocks() {
					if err := t.recode(d.key+int64(b), min(d.block, d.length-b*d.block), words); err != nil {
						return err
					}
				}
			}
			return nil
		}, false); err != nil {
			return err
		}
	}
	return nil
}

func (t *txn) recode(key int64, size int, words *vocabulary) error {
	var coded []byte
	if _, err := t.c.one("SELECT data FROM texts WHERE key = ?", func(v []value) (err error) {
		coded, err = unsealed(asBytes(v[0]))
		return err
	}, key); err != nil {
		return nil // found by whoever reads it
	}
	if len(coded) > 1 && coded[0] == methodVocabulary {
		if id, _ := binary.Uvarint(coded[1:]); int64(id) == words.id {
			return nil
		}
	}
	plain, err := decompress(t.c, coded, size)
	if err != nil {
		return nil // found by whoever reads it
	}
	fresh := compress(string(plain), words)
	if len(fresh) >= len(coded) {
		return nil
	}
	_, err = t.c.exec("UPDATE texts SET data = ? WHERE key = ?", sealed(fresh), key)
	return err
}

// twins looks at both copies of each vocabulary and reports those that cannot
// be read, with a copy that can, nil if neither can.
func twins(c *conn, damaged func(id int64, other []byte) error) error {
	sound, bad := map[int64][]byte{}, map[int64]bool{}
	if err := c.query("SELECT id, data FROM vocabularies", func(v []value) error {
		id, data := asInt(v[0]), bytes.Clone(asBytes(v[1]))
		bad[-id] = bad[-id] || false
		coded, err := unsealed(data)
		if err == nil {
			_, err = decodeVocabulary(id, coded)
		}
		if bad[id] = err != nil; err == nil {
			sound[id] = data
		}
		return nil
	}); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(bad)) {
		if sound[id] == nil {
			if err := damaged(id, sound[-id]); err != nil {
				return err
			}
		}
	}
	return nil
}

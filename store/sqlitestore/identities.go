package sqlitestore

import (
	"encoding/hex"

	"github.com/lore-kb/lore/store"
)

// identities are the identifiers of the points of a segment. Those of a document
// follow from its own identifier and its version, which take their place, unless
// they are others. Formats before 5 have all identifiers.
type identities struct {
	data []byte // 16 bytes a point, or 32 a document where all of its follow
	from []uint32
	// Bit by document: its identifiers follow. nil: there is no such document, and
	// from is nil, too.
	follow []byte
}

// open views the identifiers of documents whose points begin at locals, and
// reports whether they fit.
func (d *identities) open(section []byte, locals []uint32, coded bool) (ok bool) {
	documents := len(locals) - 1
	if documents < 0 {
		return false
	}
	d.data = section
	if !coded {
		return len(section) == 16*int(locals[documents])
	}
	if len(section) < (documents+7)/8 {
		return false
	}
	d.follow, d.data = section[:(documents+7)/8], section[(documents+7)/8:]
	d.from = make([]uint32, documents)
	at := uint32(0) // in units of 16 bytes
	for i := range documents {
		d.from[i] = at
		if d.follows(i) {
			at += 2
		} else {
			at += locals[i+1] - locals[i]
		}
	}
	return len(d.data) == 16*int(at)
}

func (d *identities) follows(document int) bool {
	return d.follow != nil && d.follow[document/8]&(1<<(document&7)) != 0
}

// id returns the identifier of a point.
func (p *pointSegment) id(local uint32) (id [16]byte) {
	if p.ids.follow == nil {
		return [16]byte(p.ids.data[16*local:])
	}
	run := p.run(local)
	at, ordinal := p.ids.data[16*p.ids.from[run]:], local-p.runLocals[run]
	if !p.ids.follows(run) {
		return [16]byte(at[16*ordinal:])
	}
	id, _ = parseUUID(store.PointID(formatUUID(at[:16]), hex.EncodeToString(at[16:32]), int(ordinal)))
	return id
}

// named says whether a point has an identifier.
func (p *pointSegment) named(local uint32, id string) bool {
	own := p.id(local)
	return formatUUID(own[:]) == id
}

// identity is what the identifiers of a document's points follow from, if they do.
func identity(points []store.Point) (id [32]byte, ok bool) {
	if len(points) == 0 {
		return id, false
	}
	first := &points[0].Payload
	document, ok := parseUUID(first.DocumentID)
	version, hashed := parseDigest(first.Version)
	if !ok || !hashed {
		return id, false
	}
	for i := range points {
		if points[i].ID != store.PointID(first.DocumentID, first.Version, i) {
			return id, false
		}
	}
	copy(id[:], document[:])
	copy(id[16:], version[:])
	return id, true
}

// follow puts what the identifiers of the document that was added last follow from
// in their place.
func (b *pointBuilder) follow(id []byte) {
	run := len(b.runLocals) - 1
	for len(b.follows) <= run/8 {
		b.follows = append(b.follows, 0)
	}
	b.follows[run/8] |= 1 << (run & 7)
	b.ids = append(b.ids[:b.idsFrom], id...)
}

// identities returns the section of identifiers.
func (b *pointBuilder) identities() []byte {
	out := make([]byte, (len(b.runKeys)+7)/8, (len(b.runKeys)+7)/8+len(b.ids))
	copy(out, b.follows)
	return append(out, b.ids...)
}

package unigram

import (
	"errors"
	"fmt"
)

// A trie is a double array of 32-bit units with the keys' values in it. The
// child of a node with base b over byte c is unit b^c, if that unit's low byte
// is c. Bit 8 of a unit says that a key ends here. If more keys go on from there,
// bits 9 to 30 are the node's base, and the value is in unit b^0; else bit 31 is
// set and bits 9 to 30 are the value, as they are in a unit b^0.
const (
	unitLeaf  = 1 << 31
	unitEnds  = 1 << 8
	unitShift = 9
	maxUnits  = 1 << 22
)

// buildTrie lays out keys, which must be sorted, distinct, not empty and free of
// the zero byte; values[i] belongs to key i.
func buildTrie(keys []string, values []int) ([]uint32, error) {
	for i, k := range keys {
		if k == "" {
			return nil, errors.New("build trie: empty key")
		}
		if i > 0 && keys[i-1] >= k {
			return nil, fmt.Errorf("build trie: keys %q and %q are not in order", keys[i-1], k)
		}
		for j := 0; j < len(k); j++ {
			if k[j] == 0 {
				return nil, fmt.Errorf("build trie: zero byte in key %q", k)
			}
		}
	}
	b := &trieBuilder{keys: keys, values: values}
	b.grow(512)
	b.used[0] = true // the root
	if len(keys) > 0 {
		if err := b.place(0, 0, len(keys), 0); err != nil {
			return nil, err
		}
	}
	n := len(b.units)
	for n > 1 && !b.used[n-1] {
		n--
	}
	// A walk reads base^c for any byte, so the array ends on a block of 256.
	n = (n + 255) &^ 255
	b.grow(n)
	return b.units[:n], nil
}

type trieBuilder struct {
	keys   []string
	values []int
	units  []uint32
	used   []bool // a node or value lies here
	bases  []bool // some node has this base
	first  int    // no free unit before this one
}

func (b *trieBuilder) grow(n int) {
	for len(b.units) < n {
		b.units = append(b.units, 0)
		b.used = append(b.used, false)
		b.bases = append(b.bases, false)
	}
}

// place gives the node at unit, which stands for the first depth bytes of keys
// from to to, a base and its children.
func (b *trieBuilder) place(unit, from, to, depth int) error {
	ends := len(b.keys[from]) == depth
	if ends && to == from+1 {
		b.units[unit] |= unitLeaf | unitEnds | uint32(b.values[from])<<unitShift
		return nil
	}
	var labels []byte
	var starts []int
	i := from
	if ends {
		labels, starts = append(labels, 0), append(starts, from)
		i++
	}
	for i < to {
		c := b.keys[i][depth]
		labels, starts = append(labels, c), append(starts, i)
		for i < to && b.keys[i][depth] == c {
			i++
		}
	}
	starts = append(starts, to)
	base, err := b.findBase(labels)
	if err != nil {
		return err
	}
	b.bases[base] = true
	b.units[unit] |= uint32(base) << unitShift
	if ends {
		b.units[unit] |= unitEnds
	}
	for _, c := range labels {
		b.used[base^int(c)] = true
		b.units[base^int(c)] = uint32(c)
	}
	for j, c := range labels {
		if c == 0 {
			b.units[base] = unitLeaf | uint32(b.values[from])<<unitShift
			continue
		}
		if err := b.place(base^int(c), starts[j], starts[j+1], depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (b *trieBuilder) findBase(labels []byte) (int, error) {
	for b.first < len(b.used) && b.used[b.first] {
		b.first++
	}
	tries := 0
	for at := b.first; ; at++ {
		if at+512 > len(b.units) {
			b.grow(at + 1024)
		}
		// What lies far behind is given up, else the search is quadratic.
		if tries++; tries > 2048 {
			b.first = max(b.first, at-1024)
		}
		if b.used[at] {
			continue
		}
		base := at ^ int(labels[0])
		if base >= maxUnits-256 {
			return 0, errors.New("build trie: too many keys")
		}
		if base == 0 || b.bases[base] {
			continue
		}
		fits := true
		for _, c := range labels[1:] {
			if b.used[base^int(c)] {
				fits = false
				break
			}
		}
		if fits {
			return base, nil
		}
	}
}

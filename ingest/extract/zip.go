package extract

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"path"
	"sort"
	"strings"

	"github.com/lore-kb/lore/ingest"
)

const (
	zipMagic       = "PK\x03\x04"
	maxZipEntries  = 100_000
	maxMemberBytes = 256 << 20
)

// zipFile is a ZIP archive that documents of several formats are.
type zipFile struct {
	j     *job
	files map[string]*zip.File
	order []*zip.File
}

func (j *job) openZip(data []byte) (*zipFile, error) {
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil && r == nil {
		return nil, fmt.Errorf("%w: %w", ingest.ErrDamaged, err)
	}
	if len(r.File) > maxZipEntries {
		return nil, fmt.Errorf("%w: more than %d entries", ingest.ErrTooLarge, maxZipEntries)
	}
	z := &zipFile{j: j, files: make(map[string]*zip.File, len(r.File)), order: r.File}
	for _, f := range r.File {
		name := zipName(f.Name)
		if _, dup := z.files[name]; !dup {
			z.files[name] = f
		}
	}
	return z, nil
}

func (z *zipFile) has(name string) bool { return z.files[name] != nil }

// read unpacks an entry; nil when there is none of that name.
func (z *zipFile) read(name string) ([]byte, error) {
	f := z.files[strings.TrimPrefix(path.Clean("/"+name), "/")]
	if f == nil {
		return nil, nil
	}
	return z.unpack(f)
}

// unpack reads an entry. What its header says of its size is not believed.
func (z *zipFile) unpack(f *zip.File) ([]byte, error) {
	z.j.check()
	if f.Flags&1 != 0 {
		return nil, fmt.Errorf("%w: an entry of the archive, to be unpacked first", ingest.ErrEncrypted)
	}
	rc, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ingest.ErrDamaged, memberName(f.Name), err)
	}
	defer rc.Close()
	limit := min(int64(maxMemberBytes), z.j.unpackLeft)
	data, err := io.ReadAll(io.LimitReader(rc, limit+1))
	z.j.spendUnpacked(int64(len(data)))
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%w: an entry unpacks to more than %d MB", ingest.ErrTooLarge, limit>>20)
	}
	if err != nil && len(data) == 0 {
		return nil, fmt.Errorf("%w: %s: %w", ingest.ErrDamaged, memberName(f.Name), err)
	}
	return data, nil
}

// names are the entries under a folder, in order of name.
func (z *zipFile) names(prefix string) []string {
	var out []string
	for n := range z.files {
		if strings.HasPrefix(n, prefix) && !strings.HasSuffix(n, "/") {
			out = append(out, n)
		}
	}
	sort.Slice(out, func(a, b int) bool { return naturalLess(out[a], out[b]) })
	return out
}

// naturalLess orders names with numbers as people do: 2 before 10.
func naturalLess(a, b string) bool {
	for a != "" && b != "" {
		da, db := digits(a), digits(b)
		if da > 0 && db > 0 {
			na, nb := strings.TrimLeft(a[:da], "0"), strings.TrimLeft(b[:db], "0")
			if len(na) != len(nb) {
				return len(na) < len(nb)
			}
			if na != nb {
				return na < nb
			}
			a, b = a[da:], b[db:]
			continue
		}
		if a[0] != b[0] {
			return a[0] < b[0]
		}
		a, b = a[1:], b[1:]
	}
	return len(a) < len(b)
}

func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// embedded reads the entries under the folders as members.
func (z *zipFile) embedded(docs []ingest.Document, folders ...string) []ingest.Document {
	for _, folder := range folders {
		for _, n := range z.names(folder) {
			if strings.HasSuffix(n, ".rels") {
				continue
			}
			data, err := z.read(n)
			if err != nil {
				docs[0].Warnings = appendWarning(docs[0].Warnings, path.Base(n)+": "+err.Error())
				continue
			}
			name := path.Base(n)
			if isOLE(data) {
				if inner, innerName := oleNative(data); inner != nil {
					data, name = inner, innerName
				}
			}
			found, warnings := z.j.member(name, data)
			for _, w := range warnings {
				docs[0].Warnings = appendWarning(docs[0].Warnings, w)
			}
			docs = append(docs, found...)
		}
	}
	return docs
}

// rels reads the relationships of an Office part: target by ID, and targets by
// the last word of their type.
func (z *zipFile) rels(part string) (byID map[string]string, byType map[string][]string) {
	byID, byType = map[string]string{}, map[string][]string{}
	data, err := z.read(path.Dir(part) + "/_rels/" + path.Base(part) + ".rels")
	if err != nil || data == nil {
		return
	}
	x := newXML(data)
	for {
		switch x.next() {
		case xmlEOF:
			return
		case xmlStart:
			if x.name == "Relationship" && x.attr("TargetMode") != "External" {
				target := x.attr("Target")
				if strings.HasPrefix(target, "/") {
					target = target[1:]
				} else {
					target = path.Join(path.Dir(part), target)
				}
				byID[x.attr("Id")] = target
				kind := path.Base(x.attr("Type"))
				byType[kind] = append(byType[kind], target)
			}
		}
	}
}

// properties reads title, author and date of an Office file.
func (z *zipFile) properties(doc *ingest.Document) {
	data, err := z.read("docProps/core.xml")
	if err != nil || data == nil {
		return
	}
	x := newXML(data)
	for {
		switch x.next() {
		case xmlEOF:
			return
		case xmlStart:
			switch x.name {
			case "title":
				if t := oneLine(x.inner()); plausibleTitle(t) {
					doc.Title = t
				}
			case "creator":
				setLabel(doc, "author", x.inner())
			case "modified":
				doc.Date = parseDate(x.inner())
			case "created":
				if t := parseDate(x.inner()); doc.Date.IsZero() {
					doc.Date = t
				}
			}
		}
	}
}

// setLabel sets a label that is not empty and not absurdly long.
func setLabel(doc *ingest.Document, key, value string) {
	value = oneLine(strings.ToValidUTF8(value, "\uFFFD"))
	if value == "" {
		return
	}
	if len(value) > 300 {
		value = strings.ToValidUTF8(value[:300], "")
	}
	if doc.Labels == nil {
		doc.Labels = map[string]string{}
	}
	doc.Labels[key] = value
}

// zipHas reports whether the archive has an entry of that name. Where only the
// start of a file is at hand, as for [Supported], the headers in it tell.
func (p *probe) zipHas(name string) bool {
	if !p.hasPrefix(zipMagic) {
		return false
	}
	if p.entries == nil {
		p.entries = map[string]bool{}
		r, err := zip.NewReader(bytes.NewReader(p.data), int64(len(p.data)))
		if err == nil || r != nil {
			for i, f := range r.File {
				if i >= maxZipEntries {
					break
				}
				p.entries[zipName(f.Name)] = true
			}
		}
	}
	if len(p.entries) == 0 {
		return bytes.Contains(p.data[:min(len(p.data), 64<<10)], []byte(name))
	}
	return p.entries[name]
}

func zipName(s string) string { return strings.TrimPrefix(strings.ReplaceAll(s, "\\", "/"), "/") }

func isZip(p *probe) bool { return p.hasPrefix(zipMagic) || p.hasPrefix("PK\x05\x06") }

// readZip lists an archive and reads its entries as members.
func readZip(j *job, in ingest.Input) ([]ingest.Document, error) {
	z, err := j.openZip(in.Data)
	if err != nil {
		return nil, err
	}
	b := j.newBuilder()
	b.doc.Title = path.Base(in.Name)
	docs := []ingest.Document{{}}
	var names []string
	for _, f := range z.order {
		if strings.HasSuffix(f.Name, "/") || f.Mode().IsDir() {
			continue
		}
		name := f.Name
		if f.NonUTF8 {
			name = decodeName(name)
		}
		name = memberName(name)
		if hiddenMember(name) {
			continue
		}
		names = append(names, name)
		data, err := z.unpack(f)
		if err != nil {
			b.warn(name + ": " + err.Error())
			continue
		}
		found, warnings := j.member(name, data)
		for _, w := range warnings {
			b.warn(w)
		}
		docs = append(docs, found...)
	}
	listing(b, names)
	docs[0] = b.done()
	return docs, nil
}

// listing writes the names that a container holds.
func listing(b *builder, names []string) {
	for _, n := range names {
		b.item(0, "-", n)
	}
}

// hiddenMember are entries that systems put into archives by themselves.
func hiddenMember(name string) bool {
	return strings.HasPrefix(name, "__MACOSX/") || strings.HasSuffix(name, ".DS_Store") || strings.HasSuffix(name, "Thumbs.db")
}

// mostlyKana reports whether of the letters beyond ASCII in a text more than a
// third are kana of full width, and none is unlikely in a name.
func mostlyKana(s string) bool {
	kana, other := 0, 0
	for _, r := range s {
		switch {
		case r < 0x80:
		case r >= 0x3041 && r <= 0x30ff:
			kana++
		case r == 0xfffd || r >= 0xff61 && r <= 0xff9f || r >= 0xe000 && r < 0xf900:
			return false
		default:
			other++
		}
	}
	return kana*2 > other
}

// decodeName decodes a name in an archive that does not say its charset.
func decodeName(name string) string {
	cs := detectCharset([]byte(name), false)
	if s, _ := decode([]byte(name), csSJIS); cs != csUTF8 && mostlyKana(s) {
		return s // few letters are at hand, and bytes of kana look like Hangul
	}
	if cs == "" {
		return name
	}
	s, _ := decode([]byte(name), cs)
	return s
}

package extract

import (
	"bytes"
	"fmt"
	"net/url"
	"path"
	"strings"

	"golang.org/x/net/html"

	"github.com/lore-kb/lore/ingest"
)

func isEPUB(p *probe) bool {
	return p.hasPrefix(zipMagic) && bytes.Contains(p.data[:min(len(p.data), 200)], []byte("mimetypeapplication/epub+zip")) ||
		p.named(".epub") && p.zipHas("META-INF/container.xml")
}

// readEPUB reads the chapters of a book in the order of its spine.
func readEPUB(j *job, in ingest.Input) ([]ingest.Document, error) {
	z, err := j.openZip(in.Data)
	if err != nil {
		return nil, err
	}
	container, err := z.read("META-INF/container.xml")
	if err != nil {
		return nil, err
	}
	pkg := ""
	for x := newXML(container); ; {
		k := x.next()
		if k == xmlEOF {
			break
		}
		if k == xmlStart && x.name == "rootfile" && pkg == "" {
			pkg = x.attr("full-path")
		}
	}
	data, err := z.read(pkg)
	if err != nil || data == nil {
		return nil, fmt.Errorf("%w: its table of contents is missing", ingest.ErrDamaged)
	}
	b := j.newBuilder()
	items, spine := map[string]string{}, []string{}
	for x := newXML(data); ; {
		k := x.next()
		if k == xmlEOF {
			break
		}
		if k != xmlStart {
			continue
		}
		switch x.name {
		case "title":
			if t := oneLine(x.inner()); b.doc.Title == "" {
				b.doc.Title = t
			}
		case "creator":
			if b.doc.Labels["author"] == "" {
				setLabel(&b.doc, "author", x.inner())
			}
		case "date":
			if t := parseDate(oneLine(x.inner())); b.doc.Date.IsZero() {
				b.doc.Date = t
			}
		case "item":
			if media := x.attr("media-type"); strings.Contains(media, "html") || strings.Contains(media, "xml") && !strings.Contains(media, "ncx") && !strings.Contains(media, "svg") {
				items[x.attr("id")] = x.attr("href")
			}
		case "itemref":
			if x.attr("linear") != "no" {
				spine = append(spine, x.attr("idref"))
			}
		}
	}
	for _, id := range spine {
		href, ok := items[id]
		if !ok {
			continue
		}
		j.check()
		if u, err := url.PathUnescape(href); err == nil {
			href = u
		}
		chapter, err := z.read(path.Join(path.Dir(pkg), href))
		if err != nil || chapter == nil {
			b.warn("chapter " + href + " could not be read")
			continue
		}
		page := decodeHTML(chapter)
		root, err := html.Parse(strings.NewReader(page))
		if err != nil {
			b.plainHTML(page)
			continue
		}
		b.open(1, "")
		w := &htmlWalk{b: b}
		w.walk(prune(root), 0)
		w.flush()
	}
	return []ingest.Document{b.done()}, nil
}

package extract

import (
	"archive/tar"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/lore-kb/lore/ingest"
)

func isTar(p *probe) bool { return len(p.data) > 262 && string(p.data[257:262]) == "ustar" }

// readTar lists an archive and reads its regular files as members.
func readTar(j *job, in ingest.Input) ([]ingest.Document, error) {
	b := j.newBuilder()
	b.doc.Title = path.Base(in.Name)
	docs := []ingest.Document{{}}
	var names []string
	for r, n := tar.NewReader(bytes.NewReader(in.Data)), 0; ; n++ {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if n == 0 {
				return nil, fmt.Errorf("%w: %w", ingest.ErrDamaged, err)
			}
			b.warn("the archive breaks off: " + err.Error())
			break
		}
		if n > maxZipEntries {
			return nil, fmt.Errorf("%w: more than %d entries", ingest.ErrTooLarge, maxZipEntries)
		}
		name := memberName(h.Name)
		if h.Typeflag != tar.TypeReg || hiddenMember(name) {
			continue
		}
		// Entries are slices of the archive, except for sparse ones, whose
		// holes take no room in it.
		data, err := io.ReadAll(io.LimitReader(r, int64(len(in.Data))))
		if err != nil {
			b.warn(name + ": " + err.Error())
			continue
		}
		names = append(names, name)
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

func isGzip(p *probe) bool { return p.hasPrefix("\x1f\x8b\x08") }

// readGzip reads what a gzip file holds in place of it.
func readGzip(j *job, in ingest.Input) ([]ingest.Document, error) {
	r, err := gzip.NewReader(bytes.NewReader(in.Data))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ingest.ErrDamaged, err)
	}
	return j.unpacked(r, in.Name, r.Name, ".gz")
}

func isBzip2(p *probe) bool {
	return p.hasPrefix("BZh") && len(p.data) > 10 && string(p.data[4:10]) == "1AY&SY"
}

func readBzip2(j *job, in ingest.Input) ([]ingest.Document, error) {
	return j.unpacked(bzip2.NewReader(bytes.NewReader(in.Data)), in.Name, "", ".bz2")
}

func isZstd(p *probe) bool { return p.hasPrefix("\x28\xb5\x2f\xfd") }

func readZstd(j *job, in ingest.Input) ([]ingest.Document, error) {
	r, err := newZstd(in.Data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ingest.ErrDamaged, err)
	}
	defer r.Close()
	return j.unpacked(r, in.Name, "", ".zst")
}

func (j *job) unpacked(r io.Reader, name, inner, ext string) ([]ingest.Document, error) {
	if j.depth+1 > j.o.MaxDepth {
		return nil, fmt.Errorf("%w: containers nested deeper than %d", ingest.ErrTooLarge, j.o.MaxDepth)
	}
	limit := min(int64(maxMemberBytes), j.unpackLeft)
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%w: unpacks to more than %d bytes", ingest.ErrTooLarge, limit)
	}
	if err != nil && len(data) == 0 {
		return nil, fmt.Errorf("%w: %w", ingest.ErrDamaged, err)
	}
	j.spendUnpacked(int64(len(data)))
	lower := strings.ToLower(name)
	switch {
	case inner != "":
		name = memberName(inner)
	case strings.HasSuffix(lower, ".tgz"):
		name = name[:len(name)-4] + ".tar"
	case strings.HasSuffix(lower, ext):
		name = name[:len(name)-len(ext)]
	}
	j.depth++
	docs, readErr := j.read(ingest.Input{Name: name, Data: data})
	j.depth--
	if readErr == nil && err != nil {
		docs[0].Warnings = appendWarning(docs[0].Warnings, "the file breaks off: "+err.Error())
	}
	return docs, readErr
}

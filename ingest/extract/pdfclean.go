package extract

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/ledongthuc/pdf"

	"github.com/lore-kb/lore/ingest"
)

// pdfKey is the private key by which objects of the clean copy name themselves
// in the file they come from.
const pdfKey = "LoreObject"

// pdfDoc is a PDF file as an object graph. The graph is read by package pdf from
// a clean copy of the file: plain cross-reference table, no encryption, no
// object streams, only objects that text depends on. Streams are empty there;
// [pdfDoc.stream] reads their data through our filters, with limits.
type pdfDoc struct {
	*pdfFile
	root pdf.Value
	refs []pdfRef // by the value of pdfKey
}

// unwanted are keys that lead to objects without text.
var unwanted = map[pdfName]bool{
	"StructTreeRoot": true, "Metadata": true, "PieceInfo": true, "Thumb": true, "SpiderInfo": true, "OCProperties": false,
	"Parent": true, "P": true, "StructParents": true, "Prev": false, "B": true, "AA": true, "OpenAction": true,
	"ExtGState": true, "ColorSpace": true, "Pattern": true, "Shading": true, "Halftone": true, "Threads": true,
	"LastModified": true, "OutputIntents": true, "MarkInfo": true, "ViewerPreferences": true,
}

// namesObjects reports whether a dictionary is a table from names of the file's
// choosing to objects, such as its fonts: a font may well be called P.
func namesObjects(d pdfDict) bool {
	for _, v := range d {
		switch v.(type) {
		case pdfRef, pdfDict:
		default:
			return false
		}
	}
	return true
}

// clean writes the copy and opens it.
func (f *pdfFile) clean() (doc *pdfDoc, err error) {
	d := &pdfDoc{pdfFile: f}
	number := map[int]int{} // from object numbers of the file to those of the copy
	var queue []any
	add := func(o any) pdfRef {
		if ref, ok := o.(pdfRef); ok {
			if n, ok := number[ref.id]; ok {
				return pdfRef{id: n}
			}
			number[ref.id] = len(queue) + 1
			d.refs = append(d.refs, ref)
		} else {
			d.refs = append(d.refs, pdfRef{})
		}
		queue = append(queue, o)
		return pdfRef{id: len(queue)}
	}
	root := add(f.trailer["Root"])
	trailer := pdfDict{"Root": root}
	if info, ok := f.trailer["Info"]; ok {
		trailer["Info"] = add(info)
	}

	var copyOf func(o any, depth int) any
	copyOf = func(o any, depth int) any {
		if depth > maxPDFDepth {
			return nil
		}
		switch v := o.(type) {
		case pdfRef:
			target := f.get(v)
			switch target.(type) {
			case pdfDict, pdfArr, *pdfStream:
				return add(v)
			}
			return target
		case pdfArr:
			out := make(pdfArr, 0, len(v))
			for _, e := range v {
				out = append(out, copyOf(e, depth+1))
			}
			return out
		case pdfDict:
			out := make(pdfDict, len(v))
			all := namesObjects(v) || v["Type"] == pdfName("OCMD")
			for _, k := range sortedKeys(v) {
				if e := v[k]; e != nil && (all || !unwanted[k]) {
					out[k] = copyOf(e, depth+1)
				}
			}
			return out
		case *pdfStream:
			return nil
		}
		return o
	}

	out := []byte("%PDF-1.7\n")
	var offsets []int
	for i := 0; i < len(queue); i++ {
		if len(queue) > maxPDFObjects {
			return nil, fmt.Errorf("%w: more than %d objects in this PDF", ingest.ErrTooLarge, maxPDFObjects)
		}
		if i%256 == 0 {
			f.j.check()
		}
		o := f.get(queue[i])
		offsets = append(offsets, len(out))
		out = strconv.AppendInt(out, int64(i+1), 10)
		out = append(out, " 0 obj\n"...)
		stream := false
		if s, ok := o.(*pdfStream); ok {
			stream = true
			if s.dict["Subtype"] == pdfName("Image") {
				o = pdfDict{"Subtype": pdfName("Image"), "Width": f.get(s.dict["Width"]), "Height": f.get(s.dict["Height"])}
			} else {
				o = s.dict
			}
		}
		o = copyOf(o, 0)
		if dict, ok := o.(pdfDict); ok {
			dict[pdfKey] = int64(i)
			if stream {
				for _, k := range []pdfName{"Filter", "F", "DecodeParms", "DP"} {
					delete(dict, k)
				}
				dict["Length"] = int64(0)
			}
		}
		out = appendPDF(out, o)
		if stream {
			out = append(out, "\nstream\n\nendstream"...)
		}
		out = append(out, "\nendobj\n"...)
		if len(out) > 1<<30 {
			return nil, fmt.Errorf("%w: the objects of this PDF take more than 1 GB", ingest.ErrTooLarge)
		}
	}
	xref := len(out)
	trailer["Size"] = int64(len(offsets) + 1)
	out = fmt.Appendf(out, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, at := range offsets {
		out = fmt.Appendf(out, "%010d 00000 n \n", at)
	}
	out = append(out, "trailer\n"...)
	out = appendPDF(out, trailer)
	out = fmt.Appendf(out, "\nstartxref\n%d\n%%%%EOF\n", xref)

	defer func() {
		if r := recover(); r != nil {
			if s, ok := r.(stop); ok {
				panic(s)
			}
			doc, err = nil, fmt.Errorf("%w: %v", ingest.ErrDamaged, r)
		}
	}()
	r, err := pdf.NewReader(bytes.NewReader(out), int64(len(out)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ingest.ErrDamaged, err)
	}
	d.root = r.Trailer()
	return d, nil
}

func sortedKeys(d pdfDict) []pdfName {
	keys := make([]pdfName, 0, len(d))
	for k := range d {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// id is what an object of the graph is known by, -1 for direct objects.
func (d *pdfDoc) id(v pdf.Value) int {
	k := v.Key(pdfKey)
	if k.Kind() != pdf.Integer {
		return -1
	}
	return int(k.Int64())
}

// stream returns the decoded data of a stream of the graph. Data that breaks off
// is returned as far as it goes; more than limit bytes end the reading.
func (d *pdfDoc) stream(v pdf.Value, limit int) []byte {
	if v.Kind() != pdf.Stream {
		return nil
	}
	id := d.id(v)
	if id < 0 || id >= len(d.refs) {
		return nil
	}
	s, _ := d.get(d.refs[id]).(*pdfStream)
	if s == nil {
		return nil
	}
	data, err := d.decode(s, limit)
	if errors.Is(err, ingest.ErrTooLarge) {
		panic(stop{err})
	}
	return data
}

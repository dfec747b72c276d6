package extract

import "github.com/ledongthuc/pdf"

// Layers that a file switches off (optional content) hold text that its pages do
// not show: other languages, drafts, notes for the printer.

// layersOff are the numbers of the groups that are off when the file is opened.
func (d *pdfDoc) layersOff() map[int]bool {
	properties := d.root.Key("Root").Key("OCProperties")
	if properties.Kind() != pdf.Dict {
		return nil
	}
	off := map[int]bool{}
	mark := func(groups pdf.Value, is bool) {
		for i := range min(groups.Len(), 10_000) {
			if id := d.id(groups.Index(i)); id >= 0 {
				off[id] = is
			}
		}
	}
	config := properties.Key("D")
	if config.Key("BaseState").Name() == "OFF" {
		mark(properties.Key("OCGs"), true)
		mark(config.Key("ON"), false)
	}
	mark(config.Key("OFF"), true)
	return off
}

// layerOff reports whether content that belongs to v, a group or a condition over
// groups, is off.
func (r *pdfReader) layerOff(v pdf.Value) bool {
	if len(r.off) == 0 || v.Kind() != pdf.Dict {
		return false
	}
	if v.Key("Type").Name() != "OCMD" {
		return r.off[r.id(v)]
	}
	groups := v.Key("OCGs")
	if groups.Kind() == pdf.Dict {
		return r.off[r.id(groups)]
	}
	on, off := 0, 0
	for i := range min(groups.Len(), 10_000) {
		if r.off[r.id(groups.Index(i))] {
			off++
		} else {
			on++
		}
	}
	if on+off == 0 {
		return false
	}
	switch v.Key("P").Name() {
	case "AllOn":
		return off > 0
	case "AnyOff":
		return off == 0
	case "AllOff":
		return on > 0
	}
	return on == 0
}

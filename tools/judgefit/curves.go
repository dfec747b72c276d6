package main

import (
	"bytes"
	"fmt"
	"html"
	"slices"
)

// curves draws what is refused of the unanswerable questions, by type, against what
// is refused of the answerable ones, as a threshold rises; the odd questions of all
// files together.
func curves(all []sample, title string, of func(sample) float64) []byte {
	const width, height, left, top, plot = 460, 430, 60, 40, 320
	var yes []float64
	kinds := map[string][]float64{}
	for _, s := range all {
		switch {
		case !s.report:
		case s.answerable:
			yes = append(yes, of(s))
		default:
			kinds[s.kind] = append(kinds[s.kind], of(s))
			if s.kind != "" {
				kinds[""] = append(kinds[""], of(s))
			}
		}
	}
	slices.Sort(yes)
	colours := []string{"#222222", "#0b62a4", "#b5541c", "#2f7d32", "#7b3fa0"}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text x="%d" y="22" font-size="14">%s</text>`+"\n", left, html.EscapeString(title))
	for i := 0; i <= 5; i++ {
		v := float64(i) / 5
		x, y := left+int(v*plot), top+plot-int(v*plot)
		fmt.Fprintf(&b, `<path d="M%d %dV%dM%d %dH%d" stroke="#dddddd" fill="none"/>`+"\n", x, top, top+plot, left, y, left+plot)
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">%.1f</text><text x="%d" y="%d" text-anchor="end">%.1f</text>`+"\n", x, top+plot+16, v*0.5, left-6, y+4, v)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">refused of answerable questions</text>`+"\n", left+plot/2, top+plot+36)
	fmt.Fprintf(&b, `<text transform="translate(18 %d) rotate(-90)" text-anchor="middle">refused of unanswerable questions</text>`+"\n", top+plot/2)
	for i, kind := range sorted(kinds) {
		if len(yes) == 0 {
			break
		}
		path := ""
		for step := 0; step <= 100; step++ {
			wrong := float64(step) / 200
			t := yes[min(len(yes)-1, int(wrong*float64(len(yes))))]
			path += fmt.Sprintf("%s%.1f %.1f", map[bool]string{true: "M", false: "L"}[step == 0], left+wrong*2*plot, top+plot-below(kinds[kind], t)*plot)
		}
		name := kind
		if name == "" {
			name = "all"
		}
		colour := colours[i%len(colours)]
		fmt.Fprintf(&b, `<path d="%s" stroke="%s" stroke-width="2" fill="none"/>`+"\n", path, colour)
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="%s">%s, AUROC %.3f</text>`+"\n", left+plot-190, top+plot-14*(len(kinds)-i), colour, html.EscapeString(name), auroc(yes, kinds[kind]))
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

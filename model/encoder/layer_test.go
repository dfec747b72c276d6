//go:build !noencoder

package encoder

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lore-kb/lore/model"
)

// profile has the time that each kind of work takes for one passage: what it took
// so far for this one, and the least of all.
type profile struct{ parts, least map[string]time.Duration }

// next ends a passage.
func (p *profile) next() {
	for part, d := range p.parts {
		if least, seen := p.least[part]; !seen || d < least {
			p.least[part] = d
		}
	}
	clear(p.parts)
}

// watch runs f and adds its time to a part.
func (p *profile) watch(part string, f func()) {
	start := time.Now()
	f()
	p.parts[part] += time.Since(start)
}

// watched is an encoder whose kernel tells p how long its work takes.
func watched(e *Encoder, p *profile) {
	k := *e.net.k
	inner := k
	w := e.net.w
	k.quantise = func(a *activations, x, spread []float32, rows, n int) {
		p.watch("quantise", func() { inner.quantise(a, x, spread, rows, n) })
	}
	k.linear = func(out []float32, stride int, panel []byte, bias []float32, a *activations, rows, in int, wide []byte) {
		part := map[int]string{3 * headSize: "linear qkv", w.Hidden: "linear output", w.Inner: "linear expand"}[stride]
		if in == w.Inner {
			part = "linear contract"
		}
		p.watch(part, func() { inner.linear(out, stride, panel, bias, a, rows, in, wide) })
	}
	k.attend = func(out []float32, outStride int, qkv []float32, stride, keyAt, valueAt, tokens int, scratch []float32) {
		p.watch("attention, softmax", func() { inner.attend(out, outStride, qkv, stride, keyAt, valueAt, tokens, scratch) })
	}
	k.addNorm = func(x, y, scale, shift []float32, rows, n int) {
		part := "norm, residual"
		if rows == 1 {
			part = "look-up" // the first, row by row
		}
		p.watch(part, func() { inner.addNorm(x, y, scale, shift, rows, n) })
	}
	k.gelu = func(x []float32) { p.watch("gelu", func() { inner.gelu(x) }) }
	e.net.k = &k
}

// reach measures how many operations a second a peak function reaches, the best
// of a few tries.
func reach(f func(int), operations float64) float64 {
	best := 0.0
	for range 9 {
		const turns = 200_000
		start := time.Now()
		f(turns)
		best = max(best, operations*turns/time.Since(start).Seconds())
	}
	return best
}

// BenchmarkLayer embeds a passage of 200 tokens on one thread and reports, for each
// kind of work, its time in a layer (all twelve have one shape) and its share of
// the whole, both the least of all passages; for products also their speed and the
// share of what the processor reaches with the same instructions on registers
// alone. Look-up and tokenizer are per passage.
func BenchmarkLayer(b *testing.B) {
	text := strings.Repeat("The store keeps what was read, and gives it back when asked. ", 13)
	for _, name := range Kernels() {
		b.Run(name, func(b *testing.B) {
			e := newEncoder(b, Options{Kernel: name, Threads: 1})
			w := e.net.w
			p := &profile{map[string]time.Duration{}, map[string]time.Duration{}}
			watched(e, p)
			tokens := e.Tokens(model.TaskPassage, text)
			embed(b, e, model.TaskPassage, text)
			clear(p.parts)
			row := make([]float32, w.Hidden)
			for b.Loop() {
				start := time.Now()
				embed(b, e, model.TaskPassage, text)
				all := time.Since(start)
				for _, d := range p.parts {
					all -= d
				}
				p.parts["rest"] = all // the tokenizer is in it
				delete(p.parts, "look-up")
				p.watch("tokenizer", func() { e.Tokens(model.TaskPassage, text) })
				p.watch("look-up", func() {
					for i := range tokens {
						e.net.embed(row, i%w.Pieces, i)
					}
				})
				p.next()
			}
			p.least["rest"] = max(0, p.least["rest"]-p.least["tokenizer"])
			total := time.Duration(0)
			for _, d := range p.least {
				total += d
			}
			t := float64(tokens)
			h, in := float64(w.Hidden), float64(w.Inner)
			operations := map[string]float64{
				"linear qkv": 6 * t * h * h, "linear output": 2 * t * h * h, "linear expand": 2 * t * h * in, "linear contract": 2 * t * h * in,
				"attention, softmax": 4 * t * t * h,
			}
			b.ReportMetric(1/total.Seconds(), "passages/s")
			var report strings.Builder
			top, measured := peaks[name]
			dot, float := 0.0, 0.0
			if measured {
				dot, float = reach(top.dot, top.dotOps), reach(top.float, top.fltOps)
				fmt.Fprintf(&report, "peak %.0f Gop/s in bytes, %.0f in floats", dot/1e9, float/1e9)
			}
			line := func(part, before string) {
				each, of := p.least[part], "passage"
				fmt.Fprintf(&report, "%s%-18s %4.1f %%", before, part, 100*float64(each)/float64(total))
				switch part {
				case "tokenizer", "look-up", "rest":
				default:
					each /= time.Duration(w.Depth)
					of = "layer"
				}
				fmt.Fprintf(&report, " %9v a %s", each.Round(100*time.Nanosecond), of)
				n, limit := operations[part], dot
				if part == "attention, softmax" {
					limit = float
				}
				if n > 0 {
					fmt.Fprintf(&report, ", %.1f Gop/s", n/each.Seconds()/1e9)
				}
				if n > 0 && limit > 0 {
					fmt.Fprintf(&report, ", %.0f %% of the peak", 100*n/each.Seconds()/limit)
				}
			}
			// A benchmark's log may have ten lines.
			for _, part := range []string{"linear qkv", "linear output", "linear expand", "linear contract", "attention, softmax"} {
				line(part, "\n")
			}
			for i, part := range []string{"quantise", "gelu", "norm, residual", "look-up", "tokenizer", "rest"} {
				line(part, []string{"\n", "; ", "; "}[i%3])
			}
			b.Log(report.String())
		})
	}
}

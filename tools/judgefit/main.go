// Judgefit fits one of the judges of lore/ask: a logistic combination of signals
// that says whether passages answer a question.
//
//	lore eval answers DIR --out FILE      # for every set, all of its questions
//	go run ./judgefit -signals unit,context,dense [-han] [-across] FILE ...
//
// It is fitted on the questions at even positions of the files (Newton's method
// with a ridge on standardised signals; answerable and unanswerable questions
// weigh the same in sum), and reported on those at odd positions, by file and by
// type of question. The thresholds of the three cautions are those that refuse the
// shares -at of the answerable questions fitted on. What it prints first is ready
// for ask/judge.go.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// line is one answer of lore eval answers --out.
type line struct {
	Type       string `json:"type"`
	Answerable bool   `json:"answerable"`
	Answer     struct {
		Confidence float64            `json:"confidence"`
		Signals    map[string]float64 `json:"signals"`
	} `json:"answer"`
}

type sample struct {
	file, kind string
	answerable bool
	report     bool
	x          []float64 // 1, then the signals
	confidence float64   // of the program that made the file
}

func main() {
	log.SetFlags(0)
	names := flag.String("signals", "", "the `names` of the signals, by commas")
	han := flag.Bool("han", false, "questions in Chinese")
	across := flag.Bool("across", false, "questions whose passages are in another language; of both languages")
	ridge := flag.Float64("ridge", 1, "strength of the ridge")
	at := flag.String("at", "0.03,0.09,0.2", "`shares` of answerable questions that low, normal and high caution refuse")
	present := flag.Bool("present", false, "report the confidences of the files as they are too")
	svg := flag.String("svg", "", "write the curves of the odd questions to this `file`")
	title := flag.String("title", "", "of the curves")
	draw := flag.Bool("draw", false, "fit nothing: report and draw the files' own confidences, of all questions")
	normal := flag.Float64("threshold", 0.5, "with -draw: report what this confidence refuses")
	flag.Parse()
	if *names == "" && !*draw || flag.NArg() == 0 {
		log.Fatal("usage: judgefit -signals NAME,... [-han] [-across] FILE ...")
	}
	var signals []string
	if !*draw {
		signals = strings.Split(*names, ",")
	}
	var all []sample
	for _, name := range flag.Args() {
		list, err := read(name, signals, *han, *across)
		if err != nil {
			log.Fatal(err)
		}
		all = append(all, list...)
	}
	if *draw {
		for i := range all {
			all[i].report = true
		}
		own := func(s sample) float64 { return s.confidence }
		report(all, *normal, own)
		if *svg != "" {
			if err := os.WriteFile(*svg, curves(all, *title, own), 0o644); err != nil {
				log.Fatal(err)
			}
		}
		return
	}
	var fitted []sample
	for _, s := range all {
		if !s.report {
			fitted = append(fitted, s)
		}
	}
	w, err := fit(fitted, *ridge)
	if err != nil {
		log.Fatal(err)
	}
	var answerable []float64
	for _, s := range fitted {
		if s.answerable {
			answerable = append(answerable, confidence(w, s.x))
		}
	}
	slices.Sort(answerable)
	var thresholds []float64
	for _, field := range strings.Split(*at, ",") {
		share, err := strconv.ParseFloat(field, 64)
		if err != nil || share < 0 || share >= 1 {
			log.Fatalf("-at: %q is no share", field)
		}
		thresholds = append(thresholds, math.Round(100*answerable[int(share*float64(len(answerable)))])/100)
	}
	fmt.Print("judge{weights: [signalCount]float64{\n\tsignalBias: ", round(w[0]))
	for i, name := range signals {
		fmt.Printf(", signal%s: %v", camel(name), round(w[i+1]))
	}
	fmt.Printf(",\n}, thresholds: [3]float64{")
	for i, t := range thresholds {
		if i > 0 {
			fmt.Print(", ")
		}
		fmt.Print(t)
	}
	fmt.Println("}}")
	middle := thresholds[min(1, len(thresholds)-1)]
	report(all, middle, func(s sample) float64 { return confidence(w, s.x) })
	if *present {
		fmt.Println("the program that made the files:")
		report(all, middle, func(s sample) float64 { return s.confidence })
	}
	if *svg != "" {
		if err := os.WriteFile(*svg, curves(all, *title, func(s sample) float64 { return confidence(w, s.x) }), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}

func round(v float64) float64 { return math.Round(100*v) / 100 }

func camel(name string) string {
	var b strings.Builder
	for _, part := range strings.Split(name, "_") {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}

func read(name string, signals []string, han, across bool) ([]sample, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []sample
	d := json.NewDecoder(bufio.NewReaderSize(f, 1<<20))
	for n := 0; d.More(); n++ {
		var l line
		if err := d.Decode(&l); err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", name, n+1, err)
		}
		v := l.Answer.Signals
		if v == nil {
			return nil, fmt.Errorf("%s, line %d: no signals", name, n+1)
		}
		if across != (v["across"] == 1) || !across && han != (v["han"] == 1) {
			continue
		}
		s := sample{
			file: strings.TrimSuffix(filepath.Base(name), ".jsonl"), kind: l.Type, answerable: l.Answerable, report: n%2 == 1,
			x: []float64{1}, confidence: l.Answer.Confidence,
		}
		for _, name := range signals {
			value, ok := v[name]
			if !ok {
				return nil, fmt.Errorf("%s, line %d: no signal %q", name, n+1, name)
			}
			s.x = append(s.x, value)
		}
		out = append(out, s)
	}
	return out, nil
}

func confidence(w, x []float64) float64 {
	z := 0.0
	for i, v := range x {
		z += w[i] * v
	}
	return 1 / (1 + math.Exp(-z))
}

// fit returns the weights, for signals as they are.
func fit(samples []sample, ridge float64) ([]float64, error) {
	var yes, no float64
	for _, s := range samples {
		if s.answerable {
			yes++
		} else {
			no++
		}
	}
	if yes == 0 || no == 0 {
		return nil, fmt.Errorf("%v answerable and %v unanswerable questions at even positions", yes, no)
	}
	d := len(samples[0].x)
	mean, spread := make([]float64, d), make([]float64, d)
	for _, s := range samples {
		for i, v := range s.x {
			mean[i] += v / float64(len(samples))
		}
	}
	for _, s := range samples {
		for i, v := range s.x {
			spread[i] += (v - mean[i]) * (v - mean[i]) / float64(len(samples))
		}
	}
	for i := range spread {
		spread[i] = math.Sqrt(spread[i]) + 1e-9
	}
	mean[0], spread[0] = 0, 1
	w := make([]float64, d)
	for range 50 {
		gradient := make([]float64, d)
		hessian := make([][]float64, d)
		for i := range hessian {
			hessian[i] = make([]float64, d)
			hessian[i][i] = ridge
			gradient[i] = -ridge * w[i]
		}
		hessian[0][0], gradient[0] = 1e-3, -1e-3*w[0]
		z := make([]float64, d)
		for _, s := range samples {
			weight, y := 1.0, 0.0
			if s.answerable {
				weight, y = no/yes, 1
			}
			for i, v := range s.x {
				z[i] = (v - mean[i]) / spread[i]
			}
			p := confidence(w, z)
			for i := range z {
				gradient[i] += weight * (y - p) * z[i]
				for j := range z {
					hessian[i][j] += weight * p * (1 - p) * z[i] * z[j]
				}
			}
		}
		step, err := solve(hessian, gradient)
		if err != nil {
			return nil, err
		}
		most := 0.0
		for i := range w {
			w[i] += step[i]
			most = math.Max(most, math.Abs(step[i]))
		}
		if most < 1e-7 {
			break
		}
	}
	for i := 1; i < d; i++ {
		w[i] /= spread[i]
		w[0] -= w[i] * mean[i]
	}
	return w, nil
}

// solve returns x with a·x = b, by elimination; it changes both.
func solve(a [][]float64, b []float64) ([]float64, error) {
	n := len(b)
	for i := range n {
		p := i
		for k := i + 1; k < n; k++ {
			if math.Abs(a[k][i]) > math.Abs(a[p][i]) {
				p = k
			}
		}
		if a[p][i] == 0 {
			return nil, fmt.Errorf("the signals depend on each other")
		}
		a[i], a[p], b[i], b[p] = a[p], a[i], b[p], b[i]
		for k := i + 1; k < n; k++ {
			f := a[k][i] / a[i][i]
			for j := i; j < n; j++ {
				a[k][j] -= f * a[i][j]
			}
			b[k] -= f * b[i]
		}
	}
	x := make([]float64, n)
	for i := n - 1; i >= 0; i-- {
		x[i] = b[i]
		for j := i + 1; j < n; j++ {
			x[i] -= a[i][j] * x[j]
		}
		x[i] /= a[i][i]
	}
	return x, nil
}

// report prints what of the odd questions a threshold refuses.
func report(all []sample, threshold float64, of func(sample) float64) {
	groups := map[string]map[string][]float64{}
	for _, s := range all {
		if !s.report {
			continue
		}
		kind := s.kind
		if s.answerable {
			kind = ""
		}
		if groups[s.file] == nil {
			groups[s.file] = map[string][]float64{}
		}
		groups[s.file][kind] = append(groups[s.file][kind], of(s))
	}
	for _, file := range sorted(groups) {
		kinds := groups[file]
		yes := kinds[""]
		fmt.Printf("%-12s answerable %4d refused %.3f", file, len(yes), below(yes, threshold))
		var no []float64
		parts := ""
		for _, kind := range sorted(kinds) {
			if kind != "" {
				no = append(no, kinds[kind]...)
				parts += fmt.Sprintf("; %s %d refused %.3f AUROC %.3f", kind, len(kinds[kind]), below(kinds[kind], threshold), auroc(yes, kinds[kind]))
			}
		}
		if len(no) > 0 {
			fmt.Printf("; unanswerable %d refused %.3f AUROC %.3f%s", len(no), below(no, threshold), auroc(yes, no), parts)
		}
		fmt.Println()
	}
}

func sorted[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func below(values []float64, t float64) float64 {
	n := 0
	for _, v := range values {
		if v < t {
			n++
		}
	}
	return float64(n) / math.Max(1, float64(len(values)))
}

// auroc is the probability that one of yes is larger than one of no; ties count half.
func auroc(yes, no []float64) float64 {
	sum := 0.0
	for _, a := range yes {
		for _, b := range no {
			switch {
			case a > b:
				sum++
			case a == b:
				sum += 0.5
			}
		}
	}
	return sum / math.Max(1, float64(len(yes)*len(no)))
}

package encoder

// pooling is the memory of pool.
type pooling struct {
	gram    []float32 // products of the groups' sums
	counts  []float32
	nearest []int // the group that costs least to join, and what it costs
	costs   []float32
	alive   []bool
}

// pool joins rows of rowWidth values and length 1, laid end to end, into at most
// most rows: again and again the two groups whose joining adds least to the
// squared distances from the groups' means (Ward, JASA 58(301), 1963). A group
// becomes the sum of its rows, at length 1, in the place of its first. It changes
// rows and returns those that are left, which stay in order.
func (p *pooling) pool(rows []float32, most int) []float32 {
	n := len(rows) / rowWidth
	if n <= most {
		return rows
	}
	grow(&p.gram, n*n)
	grow(&p.counts, n)
	grow(&p.nearest, n)
	grow(&p.costs, n)
	grow(&p.alive, n)
	row := func(i int) []float32 { return rows[i*rowWidth:][:rowWidth] }
	for i := range n {
		for j := range i + 1 {
			d := product(row(i), row(j))
			p.gram[i*n+j], p.gram[j*n+i] = d, d
		}
		p.counts[i], p.alive[i] = 1, true
	}
	for i := range n {
		p.look(i, n)
	}
	for left := n; left > most; left-- {
		a := -1
		for i := range n {
			if p.alive[i] && (a < 0 || p.costs[i] < p.costs[a]) {
				a = i
			}
		}
		b := p.nearest[a]
		a, b = min(a, b), max(a, b)
		x, y := row(a), row(b)
		for i := range x {
			x[i] += y[i]
		}
		square := p.gram[a*n+a] + 2*p.gram[a*n+b] + p.gram[b*n+b]
		for t := range n {
			d := p.gram[a*n+t] + p.gram[b*n+t]
			p.gram[a*n+t], p.gram[t*n+a] = d, d
		}
		p.gram[a*n+a] = square
		p.counts[a] += p.counts[b]
		p.alive[b] = false
		p.look(a, n)
		for t := range n {
			switch {
			case !p.alive[t] || t == a:
			case p.nearest[t] == a || p.nearest[t] == b:
				p.look(t, n)
			default:
				if c := p.cost(t, a, n); c < p.costs[t] {
					p.nearest[t], p.costs[t] = a, c
				}
			}
		}
	}
	out := rows[:0]
	for i := range n {
		if p.alive[i] {
			out = append(out, row(i)...)
			normalise(out[len(out)-rowWidth:])
		}
	}
	return out
}

// look finds the group that is cheapest to join with group i.
func (p *pooling) look(i, n int) {
	at, least := -1, float32(0)
	for j := range n {
		if j == i || !p.alive[j] {
			continue
		}
		if c := p.cost(i, j, n); at < 0 || c < least {
			at, least = j, c
		}
	}
	p.nearest[i], p.costs[i] = at, least
}

// cost is what joining two groups adds to the squared distances. Of a group of n
// rows of length 1 with the sum s they are n − s²/n.
func (p *pooling) cost(i, j, n int) float32 {
	a, b := p.gram[i*n+i], p.gram[j*n+j]
	return a/p.counts[i] + b/p.counts[j] - (a+2*p.gram[i*n+j]+b)/(p.counts[i]+p.counts[j])
}

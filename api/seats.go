package api

import (
	"context"
	"net/http"
	"sync"
)

// A request that does work takes a place; there are few, and who comes when all
// are taken is told so at once. A stream of events is open for long and works
// little: it takes a place among many, and a turn, which is waited for, only
// until it waits for somebody else.

// errBusy is told when there is no place.
var errBusy = newProblem(http.StatusServiceUnavailable, typeUnavailable, "busy", "the server is busy; try again")

// seat is the place of one request.
type seat struct {
	server *Server
	grant  *grant

	mu     sync.Mutex
	stream bool
	turn   bool
	left   bool
}

// seatOf returns the place of the request that ctx belongs to; nil where none is
// counted. The methods of a nil seat do nothing.
func seatOf(ctx context.Context) *seat {
	place, _ := ctx.Value(seatKey).(*seat)
	return place
}

// sit returns a place for a request, or nil. No token but the server's own takes
// more than three quarters of the places, so that one client cannot keep the
// others out.
func (s *Server) sit(g *grant, stream bool) *seat {
	place := &seat{server: s, grant: g, stream: stream}
	if !s.take(g, stream) {
		return nil
	}
	return place
}

func (s *Server) take(g *grant, stream bool) bool {
	places, busy := s.slots, s.busy
	if stream {
		places, busy = s.streams, s.streaming
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if g.id != "" && busy[g.id] >= max(1, cap(places)*3/4) {
		return false
	}
	select {
	case places <- struct{}{}:
	default:
		return false
	}
	if g.id != "" {
		busy[g.id]++
	}
	return true
}

func (s *Server) giveBack(g *grant, stream bool) {
	places, busy := s.slots, s.busy
	if stream {
		places, busy = s.streams, s.streaming
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	<-places
	if g.id != "" {
		if busy[g.id]--; busy[g.id] == 0 {
			delete(busy, g.id)
		}
	}
}

// work changes the place for one of a stream, and waits for its turn to work, in
// the order in which they came. It returns errBusy when there is no place, and
// the error of ctx.
func (p *seat) work(ctx context.Context) error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stream {
		if !p.server.take(p.grant, true) {
			return errBusy
		}
		p.server.giveBack(p.grant, false)
		p.stream = true
	}
	if p.turn {
		return nil
	}
	select {
	case p.server.turns <- struct{}{}:
		p.turn = true
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// rest gives the turn back: the stream now waits for others.
func (p *seat) rest() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.turn {
		<-p.server.turns
		p.turn = false
	}
}

// leave gives the place back.
func (p *seat) leave() {
	p.rest()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.left {
		p.left = true
		p.server.giveBack(p.grant, p.stream)
	}
}

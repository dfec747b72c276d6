package api

import (
	"net/netip"
	"syscall"
)

// Patterns are those of all routes but the page's.
func (s *Server) Patterns() []string { return s.routes }

// PublicAddress is publicAddress.
func PublicAddress(a netip.Addr) bool { return publicAddress(a) }

// AllowDial lets the test's own server be reached until the returned function is
// called.
func AllowDial(address string) (restore func()) {
	strict := dialPublic
	dialPublic = func(network, to string, c syscall.RawConn) error {
		if to == address {
			return nil
		}
		return strict(network, to, c)
	}
	return func() { dialPublic = strict }
}

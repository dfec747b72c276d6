package main

import (
	"crypto/tls"
	"net"
	"os"
	"sync"
	"time"
)

// secure makes a listener speak TLS, HTTP/2 too, with the certificate in two
// files. A certificate that is renewed there counts from the next connection on;
// one that cannot be read leaves the one before.
func secure(listener net.Listener, certFile, keyFile string) (net.Listener, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile}
	if err := c.load(); err != nil {
		return nil, err
	}
	return tls.NewListener(listener, &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			if info, err := os.Stat(c.certFile); err == nil && !info.ModTime().Equal(c.at) {
				_ = c.load()
			}
			return c.loaded, nil
		},
	}), nil
}

// certificate is what two files held when they were read last.
type certificate struct {
	certFile, keyFile string

	mu     sync.Mutex
	loaded *tls.Certificate
	at     time.Time // of certFile
}

func (c *certificate) load() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return usagef("--tls-cert, --tls-key: %w", err)
	}
	info, err := os.Stat(c.certFile)
	if err != nil {
		return usagef("--tls-cert: %w", err)
	}
	c.loaded, c.at = &pair, info.ModTime()
	return nil
}

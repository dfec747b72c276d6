package qdrantstore_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/qdrantstore"
	"github.com/lore-kb/lore/store/qdrantstore/qdranttest"
)

// TestMistakes makes the usual mistakes: each gives one line that names the
// server and the way out.
func TestMistakes(t *testing.T) {
	rest := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(rest.Close)
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := qdranttest.Start(t)
	locked := qdranttest.StartWith(t, qdranttest.Options{APIKey: "secret"})
	encrypted := qdranttest.StartWith(t, qdranttest.Options{TLS: &tls.Config{Certificates: []tls.Certificate{certificate(t)}}})
	silent := listen(t)
	dead := listen(t)
	dead.Close()
	for _, c := range []struct {
		name    string
		options qdrantstore.Options
		want    string
	}{
		{"REST port", qdrantstore.Options{Address: rest.Listener.Addr().String()}, "REST port"},
		{"nothing there", qdrantstore.Options{Address: dead.Addr().String()}, "start the server"},
		{"no such host", qdrantstore.Options{Address: "nowhere.invalid"}, "correct the address"},
		{"silent", qdrantstore.Options{Address: silent.Addr().String(), Timeout: 200 * time.Millisecond}, "did not answer within"},
		{"no key", qdrantstore.Options{Address: locked.Address()}, "set QDRANT_API_KEY"},
		{"wrong key", qdrantstore.Options{Address: locked.Address(), APIKey: "guess"}, "refuses the API key"},
		{"TLS on a plain port", qdrantstore.Options{Address: "https://" + plain.Address()}, "does not speak TLS"},
		{"plain on a TLS port", qdrantstore.Options{Address: encrypted.Address()}, "https://"},
		{"unknown authority", qdrantstore.Options{Address: "https://" + encrypted.Address()}, "does not trust"},
		{"HTTPS REST port", qdrantstore.Options{Address: "https://" + secure.Listener.Addr().String(), TLSConfig: &tls.Config{InsecureSkipVerify: true}}, "REST port"},
		{"old server", qdrantstore.Options{Address: qdranttest.StartWith(t, qdranttest.Options{Version: "1.7.4"}).Address()}, "too old"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := c.options
			o.Collection, o.Create, o.Backoff = "handbook", true, time.Millisecond
			s, err := qdrantstore.Open(t.Context(), o)
			if err == nil {
				_ = s.Close()
			}
			if !errors.Is(err, store.ErrUnavailable) {
				t.Fatalf("error %v does not wrap ErrUnavailable", err)
			}
			if line := err.Error(); !strings.Contains(line, c.want) || strings.Contains(line, "\n") || len(line) > 300 {
				t.Errorf("%q does not say %q in one line", line, c.want)
			}
		})
	}
}

func TestKeyAndTLS(t *testing.T) {
	cert := certificate(t)
	pool := x509.NewCertPool()
	pool.AddCert(cert.Leaf)
	server := qdranttest.StartWith(t, qdranttest.Options{APIKey: "secret", TLS: &tls.Config{Certificates: []tls.Certificate{cert}}})
	o := options(server)
	o.APIKey, o.TLSConfig = "secret", &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	s := open(t, o)
	put(t, s, document("a", "1", "words"))
	if got := found(t, s, "words", 5); len(got) != 1 {
		t.Errorf("found %q", got)
	}
}

func listen(t *testing.T) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// certificate makes one that signs itself, for 127.0.0.1.
func certificate(t *testing.T) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

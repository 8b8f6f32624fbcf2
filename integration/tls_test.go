//go:build e2e

package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificates makes ca.pem, and cert.pem and key.pem of this machine signed by it, in a directory as --tls takes it.
func certificates(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	var keys [2]*ecdsa.PrivateKey
	for i := range keys {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = key
	}
	key, err := x509.MarshalPKCS8PrivateKey(keys[1])
	if err != nil {
		t.Fatal(err)
	}
	for name, made := range map[string]struct {
		cert   *x509.Certificate
		public *ecdsa.PublicKey
	}{"ca.pem": {ca, &keys[0].PublicKey}, "cert.pem": {leaf, &keys[1].PublicKey}} {
		der, err := x509.CreateCertificate(rand.Reader, made.cert, ca, made.public, keys[0])
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	}
	write(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	return dir
}

// A buildkitd that requires client certificates accepts slim with them, and refuses it without.
func TestEngineTLS(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "tcp://" + listener.Addr().String()
	listener.Close()
	dir := certificates(t)
	startWorker(t, "--addr", address, "--tlscacert", dir+"/ca.pem", "--tlscert", dir+"/cert.pem", "--tlskey", dir+"/key.pem")
	ref := small(t)
	mustSlim(t, "observe", ref, "--engine", address, "--tls", dir)
	if out := slim(t, "observe", ref, "--engine", address); out.code != 1 || !strings.Contains(out.stderr, address) {
		t.Errorf("without certificates: exit code %d, want 1 and the address:\n%s", out.code, tail(out.stderr, 5))
	}
	if out := slim(t, "observe", ref, "--engine", address, "--tls", t.TempDir()); out.code != 1 || !strings.Contains(out.stderr, "ca.pem") {
		t.Errorf("without files: exit code %d, want 1 and what is missing:\n%s", out.code, tail(out.stderr, 5))
	}
}

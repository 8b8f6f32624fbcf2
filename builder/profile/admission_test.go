package profile

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// newKey makes a public key in PEM.
func newKey(t *testing.T) string {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// admissionPolicy has what is looked at of both kinds of policy.
type admissionPolicy struct {
	Kind string
	Spec struct {
		Rules []struct {
			VerifyImages []struct {
				ImageReferences []string `yaml:"imageReferences"`
				Required        bool
				Attestors       []struct {
					Entries []struct {
						Keys struct {
							PublicKeys string `yaml:"publicKeys"`
						}
					}
				}
				Attestations []struct{ Type string }
			} `yaml:"verifyImages"`
		}
		Images      []struct{ Glob string }
		Authorities []struct {
			Key          struct{ Data string }
			Attestations []struct {
				PredicateType string `yaml:"predicateType"`
			}
		}
	}
}

func TestAdmission(t *testing.T) {
	key, m := newKey(t), From(nil, nil, "web:1")
	m.Predicates = []string{"https://cyclonedx.org/bom"}
	data, err := Admission(m, []byte("a comment\n"+key))
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(data)))
	var kyverno, controller admissionPolicy
	if err := decoder.Decode(&kyverno); err != nil {
		t.Fatal(err)
	}
	if err := decoder.Decode(&controller); err != nil {
		t.Fatal(err)
	}
	verify := kyverno.Spec.Rules[0].VerifyImages[0]
	if kyverno.Kind != "ClusterPolicy" || !verify.Required || verify.Attestors[0].Entries[0].Keys.PublicKeys != key ||
		verify.Attestations[0].Type != m.Predicates[0] ||
		!cmp.Equal(verify.ImageReferences, []string{"docker.io/library/web:*", "docker.io/library/web@*"}) {
		t.Errorf("kyverno: %+v", kyverno)
	}
	authority := controller.Spec.Authorities[0]
	if controller.Kind != "ClusterImagePolicy" || authority.Key.Data != key || authority.Attestations[0].PredicateType != m.Predicates[0] ||
		controller.Spec.Images[0].Glob != "index.docker.io/library/web:*" {
		t.Errorf("policy-controller: %+v", controller)
	}
}

func TestAdmissionRefuses(t *testing.T) {
	m := From(nil, nil, "web:1")
	for name, key := range map[string]string{
		"nothing": "", "no PEM": "ssh-rsa AAAA", "no key": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
		"private": "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n",
	} {
		if _, err := Admission(m, []byte(key)); err == nil {
			t.Errorf("%s: taken as a key", name)
		}
	}
	m.Image = "web\n*"
	if _, err := Admission(m, []byte(newKey(t))); err == nil {
		t.Error("an image with a newline was taken")
	}
}

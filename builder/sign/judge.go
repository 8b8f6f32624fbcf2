package sign

import (
	"bytes"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Kinds of problems.
const (
	KindBytes     = "bytes"     // of a layer, a config, a signature or an attestation: they are not those of their digest
	KindPayload   = "payload"   // what was signed was changed
	KindSignature = "signature" // the signature was changed, or it is not by this key
	KindKey       = "key"       // it is by another key
	KindSubject   = "subject"   // it is about another image
	KindMissing   = "missing"   // there is no signature
	KindPolicy    = "policy"    // the policy asks for more
	KindRebuild   = "rebuild"   // the rebuilt image is another one
)

// judge returns the problem of a signed object of a subject as a kind and a clause, "" without a problem.
func (k *PublicKey) judge(f *found, s *subject) (kind, why string) {
	if f.broken != nil {
		return KindBytes, f.broken.Error()
	}
	for _, signature := range f.sigs {
		if k.verify(f.message, signature) == nil {
			if f.about(s.digest) {
				return "", ""
			}
			return KindSubject, fmt.Sprintf("it is about %s, not about %s", f.names, s.digest)
		}
	}
	ours, others := k.makers(f)
	switch {
	case len(f.sigs) == 0:
		return KindSignature, "it has no signature"
	case !ours && len(others) > 0:
		return KindKey, "it was made by " + strings.Join(others, ", ")
	case f.claimed != "" && f.claimed != payloadDigest(f.payload):
		return KindPayload, "its payload was changed after it was signed"
	case f.claimed != "" && ours:
		return KindSignature, "its signature was changed"
	case ours:
		return KindSignature, "its signature or its payload was changed"
	}
	return KindSignature, "it was made by another key, or was changed"
}

// makers reports whether one of the signatures names the key, and lists the other names.
func (k *PublicKey) makers(f *found) (ours bool, others []string) {
	for _, id := range f.keys {
		switch id {
		case "":
		case k.id, k.hint():
			ours = true
		default:
			others = append(others, "the key "+id)
		}
	}
	return ours, others
}

func payloadDigest(payload []byte) string {
	digest, _, err := v1.SHA256(bytes.NewReader(payload))
	if err != nil {
		return "" // reading memory does not fail
	}
	return digest.String()
}

package analyzer

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// ErrSeal says that evidence was not written by the agent of the run that it claims to be from.
var ErrSeal = errors.New("the evidence was not sealed by this run's agent: the application may have written it")

// ExitUnsealed is the agent's exit code for evidence without the seal of this build. BuildKit may have it from a run of another build.
const ExitUnsealed = 4

// Seal authenticates the evidence of a run: the agent alone knows the build's token, and writes evidence only when the application stands
// still. token and runID are the values of TokenEnv and RunIDEnv.
func Seal(token, runID string, evidence []byte) string {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte(runID + "\x00"))
	mac.Write(evidence)
	return hex.EncodeToString(mac.Sum(nil))
}

// CheckSeal returns ErrSeal if a seal is not that of the evidence, or if there is no token.
func CheckSeal(seal, token, runID string, evidence []byte) error {
	if token == "" || !hmac.Equal([]byte(seal), []byte(Seal(token, runID, evidence))) {
		return ErrSeal
	}
	return nil
}

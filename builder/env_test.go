package builder

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/session/secrets"

	"github.com/slimimage/slim/analyzer"
)

type userSecrets map[string]string

func (u userSecrets) GetSecret(_ context.Context, id string) ([]byte, error) {
	if value, ok := u[id]; ok {
		return []byte(value), nil
	}
	return nil, secrets.ErrNotFound
}

// TestAttackEnvSecret asks for the values of --env as a step of the Dockerfile does, which knows the identifier but not the build's number.
func TestAttackEnvSecret(t *testing.T) {
	env := []string{"TOKEN=hunter2", "B=c"}
	gate := &envGate{}
	store := secretStore{env: env, runID: "1234", gate: gate}
	if data, err := store.GetSecret(t.Context(), envSecret); !errors.Is(err, secrets.ErrNotFound) {
		t.Errorf("before the observation GetSecret() = %q, %v, want ErrNotFound", data, err)
	}
	first, second := gate.open(), gate.open() // two runs at once
	first()
	data, err := store.GetSecret(t.Context(), envSecret)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "hunter2") {
		t.Errorf("GetSecret() = %q has the value", data)
	}
	if got, err := analyzer.OpenEnv(data, "1234"); err != nil || !slices.Equal(got, env) {
		t.Errorf("OpenEnv() = %q, %v, want %q", got, err, env)
	}
	for _, id := range []string{"", "12345"} {
		if got, err := analyzer.OpenEnv(data, id); err == nil {
			t.Errorf("OpenEnv() with the number %q = %q, want an error", id, got)
		}
	}
	if got, err := analyzer.OpenEnv(data[:5], "1234"); err == nil {
		t.Errorf("OpenEnv() of a part = %q, want an error", got)
	}
	second()
	if data, err := store.GetSecret(t.Context(), envSecret); !errors.Is(err, secrets.ErrNotFound) {
		t.Errorf("after the observation GetSecret() = %q, %v, want ErrNotFound", data, err)
	}
	store.users = userSecrets{envSecret: "the user's own"}
	if data, err := store.GetSecret(t.Context(), envSecret); err != nil || string(data) != "the user's own" {
		t.Errorf("GetSecret() of a user's secret of the same name = %q, %v", data, err)
	}
}

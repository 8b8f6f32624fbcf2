package analyzer

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRunSpoke(t *testing.T) {
	run := Run{Answers: []Answer{
		{Probe: "GET http://127.0.0.1:80/", Protocol: "http", OK: true, Status: 200}, {Probe: "GET http://127.0.0.1:80/a", Protocol: "http",
			Status: 500},
		{Probe: "ssh [::1]:22", Protocol: "ssh", OK: true}, {Probe: "dns 127.0.0.1:53/udp", Protocol: "dns", OK: true},
		{Probe: "websocket 127.0.0.1:80/chat", Protocol: "websocket", OK: true}, {Probe: "postgresql /run/.s.PGSQL.5432",
			Protocol: "postgresql", OK: true},
		{Probe: "connect 127.0.0.1:9999", Connected: true, OK: true}, {Probe: "connect 127.0.0.1:99", Connected: true, OK: true},
		{Probe: "connect 127.0.0.1:7", Connected: true, Error: "refused"}, {Probe: "exec: id", OK: true}, {Probe: "output", OK: true},
	}}
	spoken, connected := run.Spoke()
	if diff := cmp.Diff([]string{"dns on 53/udp", "http on 80", "postgresql on /run/.s.PGSQL.5432", "ssh on 22", "websocket on 80"},
		spoken); diff != "" {
		t.Errorf("spoken (-want +got):\n%s", diff)
	}
	if got := run.Answered(); got != 7 {
		t.Errorf("Answered() = %d, want 7", got)
	}
	want := "spoke dns on 53/udp, http on 80, postgresql on /run/.s.PGSQL.5432, ssh on 22, websocket on 80; connected only: 99, 9999"
	if got := run.Protocols(); got != want {
		t.Errorf("Protocols() = %q, want %q", got, want)
	}
	if diff := cmp.Diff([]string{"99", "9999"}, connected); diff != "" {
		t.Errorf("connected (-want +got):\n%s", diff)
	}
}

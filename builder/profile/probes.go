package profile

import "slices"

// probes are the startup, liveness and readiness probes by their field names: readiness asks for an answer, liveness only for a
// connection, so that a slow answer takes a pod out of service and does not kill it. Empty if the image has nothing to probe.
func (m Model) probes() map[string]object {
	live, ready := m.tcpProbe(), m.httpProbe()
	if len(m.Health) > 0 {
		ready = object{"exec": object{"command": m.Health}}
	}
	if ready == nil {
		ready = live
	}
	if live == nil {
		live = ready
	}
	if live == nil || !m.Server {
		return nil
	}
	return map[string]object{
		"startupProbe":   timed(ready, 2, 60),
		"livenessProbe":  timed(live, 20, 3),
		"readinessProbe": timed(ready, 10, 3),
	}
}

// timed adds how often a probe is made, in seconds, and after how many failures it counts.
func timed(probe object, period, failures int) object {
	full := object{"periodSeconds": period, "failureThreshold": failures, "timeoutSeconds": 5}
	for key, value := range probe {
		full[key] = value
	}
	return full
}

// httpPort is the first port that answered an HTTP request well, nil when none did.
func (m Model) httpPort() *Port {
	ports := m.served()
	if i := slices.IndexFunc(ports, func(p Port) bool { return p.Path != "" }); i >= 0 {
		return &ports[i]
	}
	return nil
}

func (m Model) httpProbe() object {
	p := m.httpPort()
	if p == nil {
		return nil
	}
	return object{"httpGet": object{"path": p.Path, "port": p.name(), "scheme": p.Scheme}}
}

func (m Model) tcpProbe() object {
	for _, p := range m.served() {
		if p.Network == "tcp" {
			return object{"tcpSocket": object{"port": p.name()}}
		}
	}
	return nil
}

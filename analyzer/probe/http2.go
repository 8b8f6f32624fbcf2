package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/slimimage/slim/analyzer"
)

// speakHTTP2 is the probe of a port that speaks HTTP/2 alone: with prior knowledge (RFC 9113, 3.3), or inside TLS where it accepts no
// other. It asks for the first page, and where gRPC answers for health and for the list of services.
func (d *driver) speakHTTP2(ctx context.Context, p *port) bool {
	for _, scheme := range []string{"http", "https"} {
		client := d.http2Client(scheme)
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.root(scheme).String(), nil)
		if err != nil {
			return false
		}
		request.Host = "localhost"
		request.Header.Set("User-Agent", userAgent)
		response, err := client.Do(request)
		if err != nil {
			client.CloseIdleConnections()
			continue
		}
		name := "http2"
		if scheme == "https" {
			name += "+tls"
		}
		a := analyzer.Answer{Probe: name + " " + p.address(), Protocol: name, OK: true, Status: response.StatusCode,
			Header: keptHeader(response.Header)}
		d.readBody(&a, response.Body)
		response.Body.Close()
		d.add(a, strconv.Itoa(a.Status))
		if notes := d.grpc(ctx, client, p.root(scheme).String()); notes != "" {
			d.add(spokenAnswer(strings.Replace(name, "http2", "grpc", 1), p.address(), notes), "answered")
		}
		client.CloseIdleConnections()
		return true
	}
	return false
}

func (d *driver) http2Client(scheme string) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(scheme == "http")
	protocols.SetHTTP2(scheme == "https")
	return &http.Client{
		Timeout:       d.request,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Protocols: protocols, DisableCompression: true, TLSHandshakeTimeout: handshakeTime, MaxResponseHeaderBytes: maxHeader,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "localhost", NextProtos: []string{"h2"}},
			DialContext:     d.dial,
		},
	}
}

// grpcCalls are calls that change nothing: the health of the server as a whole (gRPC Health Checking Protocol), and the list of its
// services (gRPC Server Reflection Protocol, list_services, field 7), in both versions.
var grpcCalls = []struct {
	method  string
	message []byte
	read    func([]byte) string
}{
	{"grpc.health.v1.Health/Check", nil, readHealth},
	{"grpc.reflection.v1.ServerReflection/ServerReflectionInfo", []byte{7<<3 | 2, 0}, readServices},
	{"grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", []byte{7<<3 | 2, 0}, readServices},
}

// grpc makes grpcCalls and returns their answers; "" where the server does not speak gRPC.
func (d *driver) grpc(ctx context.Context, client *http.Client, root string) string {
	var notes strings.Builder
	for _, call := range grpcCalls {
		frame := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(call.message))), call.message...)
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, root+call.method, bytes.NewReader(frame))
		if err != nil {
			return ""
		}
		request.Host = "localhost"
		request.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}, "User-Agent": {userAgent}}
		response, err := client.Do(request)
		if err != nil {
			break
		}
		body, err := io.ReadAll(io.LimitReader(response.Body, maxReply))
		response.Body.Close()
		if err != nil || !strings.HasPrefix(response.Header.Get("Content-Type"), "application/grpc") {
			break
		}
		status := response.Trailer.Get("Grpc-Status")
		if status == "" {
			status = response.Header.Get("Grpc-Status")
		}
		fmt.Fprintf(&notes, "%s status %q", call.method, status)
		if len(body) > 5 {
			fmt.Fprintf(&notes, " %s", call.read(body[5:]))
		}
		notes.WriteByte('\n')
	}
	return notes.String()
}

// readHealth is HealthCheckResponse: status, field 1.
func readHealth(m []byte) string {
	for number, value := range protoFields(m) {
		if number == 1 {
			return "serving status " + strconv.FormatUint(value.number, 10)
		}
	}
	return "serving status 0"
}

// readServices is ServerReflectionResponse: list_services_response, field 6, with service, field 1, with name, field 1.
func readServices(m []byte) string {
	var names []string
	for number, list := range protoFields(m) {
		if number != 6 {
			continue
		}
		for _, service := range protoFields(list.bytes) {
			for _, name := range protoFields(service.bytes) {
				names = append(names, fmt.Sprintf("%q", name.bytes))
			}
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// protoValue is a field's value: a number, or bytes.
type protoValue struct {
	number uint64
	bytes  []byte
}

// protoFields are the fields of a message up to one of a kind that is not read (Protocol Buffers, Encoding).
func protoFields(m []byte) func(func(uint64, protoValue) bool) {
	return func(yield func(uint64, protoValue) bool) {
		for len(m) > 0 {
			tag, n := binary.Uvarint(m)
			if n <= 0 {
				return
			}
			m = m[n:]
			value, n := binary.Uvarint(m)
			if n <= 0 {
				return
			}
			m = m[n:]
			v := protoValue{number: value}
			switch tag & 7 {
			case 0:
			case 2:
				if value > uint64(len(m)) {
					return
				}
				v.bytes, m = m[:value], m[value:]
			default:
				return
			}
			if !yield(tag>>3, v) {
				return
			}
		}
	}
}

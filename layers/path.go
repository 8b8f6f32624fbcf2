package layers

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Path is a place in a root filesystem: slash-separated, clean, without a leading slash; the root is ".".
// Linux names are bytes, JSON strings are Unicode: as text a Path has a leading slash, and each byte that is not
// part of valid UTF-8, each control character and each backslash is written \xNN, so every name survives a round trip.
type Path string

// CleanPath converts a slash path with or without a leading slash into a Path. It removes ".." lexically and never climbs above the
// root. Use it for names in an archive or on a command line, never for symlink targets (see Resolve).
func CleanPath(name string) Path {
	clean := path.Clean("/" + name)
	if clean == "/" {
		return "."
	}
	return Path(clean[1:])
}

// String is the path as it is printed: with a leading slash and with odd bytes escaped.
func (p Path) String() string {
	if p == "." || p == "" {
		return "/"
	}
	return "/" + escapePath(string(p))
}

// MarshalText is String as bytes.
func (p Path) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText wrote. It refuses a path that is not clean or climbs above the root.
func (p *Path) UnmarshalText(text []byte) error {
	raw, err := unescapePath(string(text))
	if err != nil {
		return fmt.Errorf("path %q: %w", text, err)
	}
	if !strings.HasPrefix(raw, "/") || path.Clean(raw) != raw || strings.IndexByte(raw, 0) >= 0 {
		return fmt.Errorf("path %q is not a clean absolute path", text)
	}
	*p = CleanPath(raw)
	return nil
}

func escapePath(s string) string {
	plain := true
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c == '\\' || c >= 0x7f {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 || r < 0x20 || r == 0x7f || r == '\\' {
			fmt.Fprintf(&b, `\x%02x`, s[0])
			n = 1
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

func unescapePath(s string) (string, error) {
	if strings.IndexByte(s, '\\') < 0 {
		return s, nil
	}
	var b strings.Builder
	for len(s) > 0 {
		if s[0] != '\\' {
			b.WriteByte(s[0])
			s = s[1:]
			continue
		}
		if len(s) < 4 || s[1] != 'x' {
			return "", fmt.Errorf(`a backslash is written \x5c`)
		}
		v, err := strconv.ParseUint(s[2:4], 16, 8)
		if err != nil {
			return "", fmt.Errorf("bad escape %q", s[:4])
		}
		b.WriteByte(byte(v))
		s = s[4:]
	}
	return b.String(), nil
}

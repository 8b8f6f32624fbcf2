package vuln

import (
	"fmt"
	"slices"

	"github.com/google/osv-scalibr/semantic"
)

// maxVersion is the length of a version that is compared, in bytes; comparing long digit strings takes more than linear time.
const maxVersion = 256

// compare compares two versions by the rules of an ecosystem.
func compare(ecosystem, a, b string) (int, error) {
	if len(a) > maxVersion || len(b) > maxVersion {
		return 0, fmt.Errorf("version of more than %d bytes", maxVersion)
	}
	if base(ecosystem) == "Azure Linux" {
		ecosystem = "Red Hat" // same format, same rules
	}
	parsed, err := semantic.Parse(a, ecosystem)
	if err != nil {
		return 0, fmt.Errorf("version %q: %w", a, err)
	}
	result, err := parsed.CompareStr(b)
	if err != nil {
		return 0, fmt.Errorf("version %q: %w", b, err)
	}
	return result, nil
}

// affects reports whether a version is affected, and the next version that is not ("" when the record names none). This is the
// evaluation that the OSV schema prescribes; ranges of Git commits are not looked at. An error is a version that cannot be
// compared: nothing is known then, unless the version is listed literally.
func (a *affected) affects(ecosystem, version string) (hit bool, fixed string, err error) {
	ranged := false
	for _, r := range a.Ranges {
		if r.Type == "GIT" {
			continue
		}
		ranged = true
		inside, next, rangeErr := r.contains(ecosystem, version)
		if rangeErr != nil {
			err = rangeErr
			continue
		}
		if inside {
			hit = true
			fixed = earlier(ecosystem, fixed, next)
		}
	}
	if hit {
		return true, fixed, nil
	}
	if slices.Contains(a.Versions, version) {
		return true, a.nextFixed(ecosystem, version), nil
	}
	if ranged {
		return false, "", err
	}
	for _, listed := range a.Versions { // "1.0" is also "1.0.0", where the ecosystem says so
		if order, cmpErr := compare(ecosystem, version, listed); cmpErr == nil && order == 0 {
			return true, "", nil
		}
	}
	return false, "", err
}

// contains walks the events of one range in the order of their versions.
func (r *eventRange) contains(ecosystem, version string) (inside bool, fixed string, err error) {
	if r.Type == "SEMVER" {
		ecosystem = "npm" // compares by the specification of semantic versions
	}
	points, limits, err := r.points(ecosystem)
	if err != nil {
		return false, "", err
	}
	if before, err := beforeLimits(ecosystem, version, limits); err != nil || !before {
		return false, "", err
	}
	for _, p := range points {
		order := 1 // "0" is before every version
		if p.version != "0" || p.kind != introduced {
			if order, err = compare(ecosystem, version, p.version); err != nil {
				return false, "", err
			}
		}
		switch {
		case p.kind == introduced && order >= 0:
			inside = true
		case p.kind == fixedAt && order >= 0, p.kind == lastAffected && order > 0:
			inside = false
		}
		if p.kind == fixedAt && order < 0 && fixed == "" {
			fixed = p.version
		}
	}
	if !inside {
		fixed = ""
	}
	return inside, fixed, nil
}

type eventKind int

const (
	introduced eventKind = iota
	fixedAt
	lastAffected
)

type point struct {
	kind    eventKind
	version string
}

// points lists the events by version; events of one version stay in the record's order.
func (r *eventRange) points(ecosystem string) (points []point, limits []string, err error) {
	for _, e := range r.Events {
		switch {
		case e.Introduced != "":
			points = append(points, point{introduced, e.Introduced})
		case e.Fixed != "":
			points = append(points, point{fixedAt, e.Fixed})
		case e.LastAffected != "":
			points = append(points, point{lastAffected, e.LastAffected})
		case e.Limit != "":
			limits = append(limits, e.Limit)
		}
	}
	slices.SortStableFunc(points, func(a, b point) int {
		aZero, bZero := a.kind == introduced && a.version == "0", b.kind == introduced && b.version == "0"
		switch {
		case aZero && bZero:
			return 0
		case aZero:
			return -1
		case bZero:
			return 1
		}
		order, cmpErr := compare(ecosystem, a.version, b.version)
		if cmpErr != nil {
			err = cmpErr
		}
		return order
	})
	return points, limits, err
}

// beforeLimits reports whether a version is before one of the limits, or there is none.
func beforeLimits(ecosystem, version string, limits []string) (bool, error) {
	for _, limit := range limits {
		if limit == "*" {
			return true, nil
		}
		order, err := compare(ecosystem, version, limit)
		if err != nil {
			return false, err
		}
		if order < 0 {
			return true, nil
		}
	}
	return len(limits) == 0, nil
}

// nextFixed is the earliest fixed version after a version that is affected because it is listed.
func (a *affected) nextFixed(ecosystem, version string) string {
	next := ""
	for _, r := range a.Ranges {
		for _, e := range r.Events {
			if e.Fixed == "" || r.Type == "GIT" {
				continue
			}
			if order, err := compare(ecosystem, version, e.Fixed); err == nil && order < 0 {
				next = earlier(ecosystem, next, e.Fixed)
			}
		}
	}
	return next
}

// earlier is the smaller of two versions, of which "" is none.
func earlier(ecosystem, a, b string) string {
	if a == "" {
		return b
	}
	if order, err := compare(ecosystem, b, a); b != "" && err == nil && order < 0 {
		return b
	}
	return a
}

package profile

import (
	"maps"
	"slices"
	"strconv"
)

// Limits that are not measured.
const (
	mebibyte    = 1 << 20
	minMemory   = 64 * mebibyte  // below it, a container may not even start: the runtime's own init needs some MiB
	unknownPeak = 128 * mebibyte // if nothing was measured
	tmpfsSize   = 64 * mebibyte  // of one writable directory, at least
	// openEndedMemory is the least limit where the user brings the job: the run that was measured says little about it. A C++ compiler
	// takes about 1 GiB for a large file.
	openEndedMemory = 2048 * mebibyte
	volumeSize      = 1024 * mebibyte // of a declared volume, until a claim takes its place
	logSize         = 64 * mebibyte   // of the container's log, which Kubernetes counts as ephemeral storage
	pidsLimit       = 512             // threads count, and a JVM or Go program has dozens for each core
	cpuRequest      = "100m"
	cpuLimit        = "1"
	peakFactor      = 2 // the observed run was a quiet one
	jvmFactor       = 4 // HotSpot takes a quarter of the limit as its heap (MaxRAMPercentage)
	memoryUnit      = 16 * mebibyte
	maxMemoryCap    = 1 << 50
)

// memory is what to reserve and the limit, in bytes: the limit has room for twice the peak, and for one full writable directory, which is
// memory where it is a tmpfs.
func (m Model) memory() (request, limit int64) {
	peak := min(m.PeakMemory, maxMemoryCap)
	if peak <= 0 {
		peak = unknownPeak
	}
	factor := int64(peakFactor)
	if slices.Contains(m.Runtimes, runtimeJVM) {
		factor = jvmFactor
	}
	request = max(roundUp(peak), minMemory)
	limit = max(roundUp(peak*factor), minMemory)
	if m.OpenEnded {
		limit = max(limit, openEndedMemory)
	}
	if len(m.Writable) > 0 {
		limit += m.Writable[0].tmpfs()
	}
	return request, limit
}

// storage is the ephemeral storage to reserve and the limit, in bytes.
func (m Model) storage() (request, limit int64) {
	limit = logSize
	for _, w := range m.Writable {
		limit += w.size()
	}
	return logSize, limit
}

// size is how many bytes a writable directory may hold in Kubernetes.
func (w Writable) size() int64 {
	if w.Volume {
		return volumeSize
	}
	return w.tmpfs()
}

// tmpfs is how many bytes it may hold where it is a file system in memory.
func (w Writable) tmpfs() int64 { return max(w.Size, tmpfsSize) }

// room makes every writable directory large enough for twice the bytes that a run wrote: the evidence does not say where it wrote them.
func (m *Model) room(written int64) {
	size := int64(tmpfsSize)
	for size < 2*written && size < maxMemoryCap {
		size *= 2
	}
	for i := range m.Writable {
		if size > m.Writable[i].tmpfs() {
			m.Writable[i].Size = size
		}
	}
}

func roundUp(bytes int64) int64 { return (bytes + memoryUnit - 1) / memoryUnit * memoryUnit }

// mebibytes writes a size, which is whole in MiB, with a unit: "64Mi" for Kubernetes, "64m" for Docker.
func mebibytes(bytes int64, unit string) string {
	return strconv.FormatInt(bytes/mebibyte, 10) + unit
}

// Labels are the measurements as labels or annotations of an image: bytes, numbers and lists in plain decimal notation.
func Labels(m Model) map[string]string {
	request, limit := m.memory()
	_, storage := m.storage()
	labels := map[string]string{
		"io.slimimage.profile.memory.peak":    strconv.FormatInt(m.PeakMemory, 10),
		"io.slimimage.profile.memory.request": strconv.FormatInt(request, 10),
		"io.slimimage.profile.memory.limit":   strconv.FormatInt(limit, 10),
		"io.slimimage.profile.storage.limit":  strconv.FormatInt(storage, 10),
		"io.slimimage.profile.pids.limit":     strconv.Itoa(pidsLimit),
	}
	maps.Copy(labels, ResourceLabels(m))
	return labels
}

// resourceLabel begins the labels that say what a container needs, in Kubernetes' notation.
const resourceLabel = "org.opencontainers.image.resource."

// ResourceLabels are the labels of an image that say what it needs: memory as measured, rounded up to a power of two because it differs a
// little between runs; processor time as the manifests ask for it, which is not measured; ephemeral storage for the log and the
// directories that are written.
func ResourceLabels(m Model) map[string]string {
	request, _ := m.memory()
	class := int64(minMemory)
	for class < request {
		class *= 2
	}
	_, storage := m.storage()
	return map[string]string{
		resourceLabel + "cpu": cpuRequest, resourceLabel + "memory": mebibytes(class, "Mi"),
		resourceLabel + "ephemeral-storage": mebibytes(storage, "Mi"),
	}
}

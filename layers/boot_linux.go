package layers

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// bootAttribute has, on a blob that slim wrote and hashed, the identifier of the boot in which it did. Blobs are not flushed to the disk:
// until the machine stops they are what was hashed, after that the kernel may have lost a part.
const bootAttribute = "user.slim.boot"

// bootID identifies the time since the machine was started (random(4)), "" where it is not known.
func bootID() string {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// markHashed notes that a file has the content that was hashed. A file system without attributes notes nothing.
func markHashed(f *os.File) {
	if id := bootID(); id != "" {
		_ = unix.Fsetxattr(int(f.Fd()), bootAttribute, []byte(id), 0)
	}
}

// Hashed reports whether slim wrote and hashed a blob since the machine was started. Its content is then that of its name, because the
// directory is the user's own.
func Hashed(file string) bool {
	id, value := bootID(), make([]byte, 64)
	n, err := unix.Getxattr(file, bootAttribute, value)
	return err == nil && id != "" && string(value[:n]) == id
}

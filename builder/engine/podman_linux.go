package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// service is podman's API while this process runs.
var service podmanService

type podmanService struct {
	mu   sync.Mutex
	host string
	dir  string
	stop func()
}

// Times of a podman that this process starts.
const (
	podmanTime = 20 * time.Second       // until it answers
	podmanPoll = 100 * time.Millisecond // between two questions
	podmanIdle = 120                    // seconds without a request after which it ends, if this process was killed
	podmanCall = 30 * time.Second       // between the requests that keep it
)

// start starts `podman system service`, once, and waits until it answers.
func (s *podmanService) start(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.host != "" {
		return s.host, nil
	}
	program, err := exec.LookPath("podman")
	if err != nil {
		return "", fmt.Errorf("%w, and podman is not installed", ErrNoDocker)
	}
	if s.dir, err = os.MkdirTemp("", "slim-podman-"); err != nil {
		return "", err
	}
	host := "unix://" + filepath.Join(s.dir, "podman.sock")
	cmd := exec.Command(program, "system", "service", "--time", fmt.Sprint(podmanIdle), host)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt is this process's, which still needs it
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		os.RemoveAll(s.dir)
		return "", fmt.Errorf("starting podman: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	s.stop = func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		<-ended
		os.RemoveAll(s.dir)
	}
	if err := awaitPodman(ctx, host, ended); err != nil {
		s.stop()
		return "", fmt.Errorf("starting podman: %w: %s", err, strings.TrimSpace(log.String()))
	}
	s.host = host
	go keepPodman(host, ended)
	return host, nil
}

func awaitPodman(ctx context.Context, host string, ended chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, podmanTime)
	defer cancel()
	for {
		if c, err := podmanAt(ctx, host); err == nil {
			return c.Close()
		}
		select {
		case <-ended:
			return errors.New("it ended")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(podmanPoll):
		}
	}
}

// keepPodman asks something from time to time, so that the service does not count as idle during a long build.
func keepPodman(host string, ended chan struct{}) {
	for {
		select {
		case <-ended:
			return
		case <-time.After(podmanCall):
			if c, err := podmanAt(context.Background(), host); err == nil {
				c.Close()
			}
		}
	}
}

// CloseStores ends the podman that this process has started.
func CloseStores() {
	service.mu.Lock()
	defer service.mu.Unlock()
	if service.host != "" {
		service.stop()
		service.host = ""
	}
}

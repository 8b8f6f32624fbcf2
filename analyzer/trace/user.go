package trace

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/analyzer/accounts"
)

// Identity is who a program runs as.
type Identity = accounts.Identity

// ResolveUser reads a USER of an image config with the passwd and group files below root, as accounts.Files.Resolve does.
func ResolveUser(root, spec string) (Identity, error) {
	passwd, err := readAccounts(path.Join(root, "etc/passwd"))
	if err != nil {
		return Identity{}, err
	}
	group, err := readAccounts(path.Join(root, "etc/group"))
	if err != nil {
		return Identity{}, err
	}
	return accounts.Parse(passwd, group).Resolve(spec)
}

// readAccounts reads a file up to accounts.MaxSize. One that is not there is empty.
func readAccounts(name string) ([]byte, error) {
	file, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0) // it may be a named pipe
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%s is not a regular file", name), err)
	}
	return io.ReadAll(io.LimitReader(file, accounts.MaxSize))
}

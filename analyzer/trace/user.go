package trace

import (
	"io"
	"os"
	"path"

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

// readAccounts reads a file up to accounts.MaxSize; one that is not there is empty.
func readAccounts(name string) ([]byte, error) {
	file, err := os.Open(name)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, accounts.MaxSize))
}

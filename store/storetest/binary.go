package storetest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"syscall"
)

// errNoServer tells how to get what is missing.
var errNoServer = errors.New("no PostgreSQL server to test on: install the server binaries (Debian, Ubuntu: apt-get install postgresql; " +
	"Fedora: postgresql-server; macOS: brew install postgresql), or name a running server in DRYDOCK_TEST_POSTGRES=postgres://user:password@host/postgres")

// binFolders are the places where packages put the server binaries when they are not in PATH, as they usually are not.
var binFolders = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/usr/local/pgsql/bin",
	"/usr/libexec/postgresql*",
	"/opt/homebrew/opt/postgresql@*/bin",
	"/usr/local/opt/postgresql@*/bin",
}

// findBinaries returns the folder that holds both initdb and postgres, or errNoServer. PATH comes first, then the newest of binFolders.
func findBinaries() (string, error) {
	if found, err := exec.LookPath("initdb"); err == nil {
		if found, err = filepath.EvalSymlinks(found); err == nil && hasServer(filepath.Dir(found)) {
			return filepath.Dir(found), nil
		}
	}
	for _, pattern := range binFolders {
		folders, err := filepath.Glob(pattern)
		if err != nil {
			return "", fmt.Errorf("look for server binaries in %s: %w", pattern, err)
		}
		sort.Slice(folders, func(i, j int) bool { return version(folders[i]) > version(folders[j]) })
		for _, folder := range folders {
			if hasServer(folder) {
				return folder, nil
			}
		}
	}
	return "", errNoServer
}

func hasServer(folder string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.IsDir() {
			return false
		}
	}
	return true
}

// version is the first number in a path, so that 17 comes before 9.
func version(path string) int {
	number := 0
	for _, c := range path {
		if c >= '0' && c <= '9' {
			number = number*10 + int(c-'0')
		} else if number > 0 {
			break
		}
	}
	return number
}

// serverUser is the user to run the server as: nil for ourselves, unless we are root, which the server refuses.
func serverUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil || uid == 0 {
			continue
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			continue
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("the tests run as root, and there is neither a user postgres nor nobody to run a PostgreSQL server as")
}

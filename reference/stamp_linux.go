package reference

import (
	"fmt"
	"io/fs"
	"syscall"
	"time"
)

// stamp tells a state of a file from any other one: which file it is, its size, and when its content and its inode changed last. The latter
// cannot be set back by those who write the file.
func stamp(info fs.FileInfo) string {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf(`"%x-%x-%x-%x-%x"`, s.Dev, s.Ino, s.Size, info.ModTime().UnixNano(), time.Unix(s.Ctim.Unix()).UnixNano())
}

// changed returns when a file was changed last.
func changed(info fs.FileInfo) time.Time {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		if at := time.Unix(s.Ctim.Unix()); at.After(info.ModTime()) {
			return at
		}
	}
	return info.ModTime()
}

//go:build !linux

package reference

import (
	"fmt"
	"io/fs"
	"time"
)

// stamp tells a state of a file from any other one, as far as size and time can.
func stamp(info fs.FileInfo) string {
	return fmt.Sprintf(`"%x-%x"`, info.Size(), info.ModTime().UnixNano())
}

// changed returns when a file was changed last.
func changed(info fs.FileInfo) time.Time { return info.ModTime() }

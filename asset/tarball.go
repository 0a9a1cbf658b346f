package asset

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"io"
	"time"
)

// WriteTarball writes files as a compressed tar archive in GNU's format: regular members in their order, with the path as it is (the leading slash is
// kept), the mode, owner and group 0, and no time, so that the same files are the same bytes.
func WriteTarball(w io.Writer, files []File) error {
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	for i := range files {
		f := &files[i]
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: f.Path, Mode: int64(f.Mode) & 0o7777, Size: int64(len(f.Data)), ModTime: time.Unix(0, 0), Format: tar.FormatGNU,
		}
		if err := t.WriteHeader(header); err != nil {
			return fmt.Errorf("tarball: %q: %w", f.Path, err)
		}
		if _, err := t.Write(f.Data); err != nil {
			return fmt.Errorf("tarball: %q: %w", f.Path, err)
		}
	}
	if err := t.Close(); err != nil {
		return fmt.Errorf("tarball: %w", err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("tarball: %w", err)
	}
	return nil
}

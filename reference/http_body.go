package reference

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"drydock"
)

// body returns the plain bytes of an answer. Both what comes over the wire and what it decompresses to are bounded; more is an error, and so
// is less than was announced.
func (x *exchange) body(resp *http.Response) ([]byte, error) {
	if !x.o.AnyContent {
		if err := documents(resp.Header.Get("Content-Type")); err != nil {
			return nil, err
		}
	}
	tooLong := stepError(StepSize, drydock.ErrInvalid, "split the design, or raise [design] max_bytes", "the answer is longer than the %d bytes allowed", x.o.MaxBytes)
	if resp.ContentLength > x.o.MaxBytes {
		return nil, tooLong
	}
	plain, announced := io.Reader(&bounded{from: resp.Body, left: x.o.MaxBytes, err: tooLong}), resp.ContentLength
	switch encoding := strings.ToLower(strings.TrimSpace(strings.Join(resp.Header.Values("Content-Encoding"), ","))); encoding {
	case "", "identity":
		if announced < 0 && len(resp.TransferEncoding) == 0 {
			return nil, stepError(StepRead, drydock.ErrInvalid, "let the server send Content-Length, or chunks",
				"the answer has no announced end, so that half of it would look like all of it")
		}
	case "gzip", "x-gzip":
		unzip, err := gzip.NewReader(plain)
		if err != nil {
			return nil, x.bodyError(err)
		}
		plain, announced = &bounded{from: unzip, left: x.o.MaxBytes, err: tooLong}, -1
	default:
		return nil, stepError(StepDecode, drydock.ErrInvalid, "", "the answer has the content encoding %q, which is not understood", drydock.OneLine(encoding, 40))
	}
	all, err := collect(plain, announced)
	switch {
	case err != nil:
		return nil, x.bodyError(err)
	case x.goesOn():
		return nil, stepError(StepRead, drydock.ErrInvalid, "mend the server: the length that it says is wrong",
			"the answer goes on after the %d bytes that it should have", len(all))
	case x.o.AnyContent:
		return all, nil
	case len(all) == 0:
		return nil, stepError(StepDecode, drydock.ErrInvalid, "", "the answer is empty; a design without documents cannot be meant")
	case page(all):
		return nil, errPage()
	}
	return all, nil
}

func errPage() error {
	return stepError(StepDecode, drydock.ErrInvalid, "give the address of the documents, and credentials if they are needed",
		"the answer is a web page, not documents; perhaps a login page")
}

// documents refuses what a content type says is no text of ours.
func documents(contentType string) error {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil { // nothing is said, or nothing that can be understood: the content will tell
		return nil
	}
	if kind == "text/html" || kind == "application/xhtml+xml" {
		return errPage()
	}
	switch charset := strings.ToLower(params["charset"]); charset {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		return nil
	default:
		return stepError(StepDecode, drydock.ErrInvalid, "let the server give it in UTF-8", "the answer is in the character set %q", drydock.OneLine(charset, 40))
	}
}

// page reports whether a text begins as a web page does. No document begins so.
func page(text []byte) bool {
	start := bytes.TrimLeft(bytes.TrimPrefix(text[:min(len(text), 1<<10)], []byte("\uFEFF")), " \t\r\n")
	start = bytes.ToLower(start[:min(len(start), 16)])
	for _, tag := range []string{"<!doctype", "<html", "<head", "<body", "<?xml"} {
		if bytes.HasPrefix(start, []byte(tag)) {
			return true
		}
	}
	return false
}

// collect reads r to its end. announced is the length that the server says, -1 if it says none. So that a document is not copied as it grows,
// it is believed, but only once the first part of a long document is there; otherwise parts are collected and joined once.
func collect(r io.Reader, announced int64) ([]byte, error) {
	const first, part = 1 << 20, 4 << 20
	if announced >= 0 {
		all, err := fill(r, make([]byte, 0, min(announced, first)))
		if err == nil && announced > first {
			all, err = fill(r, append(make([]byte, 0, announced), all...))
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return all, err
	}
	var parts [][]byte
	for size := 64 << 10; ; size = min(2*size, part) {
		p, err := fill(r, make([]byte, 0, size))
		parts = append(parts, p)
		if errors.Is(err, io.EOF) {
			return bytes.Join(parts, nil), nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// fill reads until buf is full. The error is io.EOF if r ended before.
func fill(r io.Reader, buf []byte) ([]byte, error) {
	for len(buf) < cap(buf) {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err != nil && len(buf) < cap(buf) {
			return buf, err
		}
	}
	return buf, nil
}

// bounded fails with err when there is more to read than left bytes; it never ends early as if that were all.
type bounded struct {
	from io.Reader
	left int64
	err  error
}

func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.from.Read(p)
	if int64(n) > b.left {
		return 0, b.err
	}
	b.left -= int64(n)
	return n, err
}

// bodyError is for an answer that broke off or cannot be decompressed.
func (x *exchange) bodyError(err error) error {
	var ours *fetchError
	var corrupt flate.CorruptInputError
	switch {
	case errors.As(err, &ours):
		return err
	case errors.As(err, &corrupt), errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		return stepError(StepDecode, drydock.ErrInvalid, "", "the answer says that it is gzip, but cannot be decompressed: %w", err)
	}
	return x.readError(err, "the answer broke off")
}

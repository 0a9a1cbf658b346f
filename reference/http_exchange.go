package reference

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"drydock"
)

// exchange is one request and its answer on a connection of their own, by the standard library's codecs. What its client would add is not
// wanted here: connections that are kept, and bytes after the end of an answer that are passed over.
type exchange struct {
	ctx   context.Context
	hop   *hop
	o     HTTPOptions
	conn  net.Conn
	in    *bufio.Reader
	quota int64     // bytes that may still be read; for the head of the answer
	until time.Time // nothing is read later than that; zero: no limit but that of silence
	err   error     // why nothing more could be read
	stop  func() bool
}

// unlimited is the quota of a body, whose length is seen to elsewhere.
const unlimited = 1 << 62

// connect opens the connection for a hop that has been decided upon.
func connect(ctx context.Context, d Decision, h *hop, o HTTPOptions) (*exchange, error) {
	raw, err := dial(ctx, d, o)
	if err != nil {
		return nil, err
	}
	x := &exchange{ctx: ctx, hop: h, o: o, conn: raw}
	x.stop = context.AfterFunc(ctx, func() { _ = raw.Close() })
	if h.url.Scheme == "https" {
		cfg := o.TLS.Clone()
		if cfg.ServerName == "" {
			cfg.ServerName = h.endpoint.host
		}
		secure := tls.Client(raw, cfg)
		hurry, cancel := context.WithTimeout(ctx, o.ConnectTimeout)
		defer cancel()
		if err := secure.HandshakeContext(hurry); err != nil {
			x.close()
			return nil, tlsError(ctx, err, o.ConnectTimeout, h.scrub)
		}
		x.conn = secure
	}
	x.in = bufio.NewReaderSize(x, 16<<10)
	return x, nil
}

func (x *exchange) close() {
	x.stop()
	_ = x.conn.Close()
}

// Read implements io.Reader for the buffer before the connection. It fails when the server is silent for too long.
func (x *exchange) Read(p []byte) (int, error) {
	if x.quota <= 0 {
		x.err = errHeader
		return 0, x.err
	}
	if int64(len(p)) > x.quota {
		p = p[:x.quota]
	}
	end := time.Now().Add(x.o.ReadTimeout)
	if !x.until.IsZero() && x.until.Before(end) {
		end = x.until
	}
	if err := x.conn.SetReadDeadline(end); err != nil {
		return 0, err
	}
	n, err := x.conn.Read(p)
	x.quota -= int64(n)
	if err != nil {
		x.err = err
	}
	return n, err
}

var errHeader = errors.New("the header of the answer is too long")

// ask sends the request and reads the head of the answer.
func (x *exchange) ask() (*http.Response, error) {
	req := (&http.Request{
		Method: http.MethodGet, URL: x.hop.url, Host: x.hop.url.Host, Header: x.hop.header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Close: true,
	}).WithContext(x.ctx)
	if err := x.conn.SetWriteDeadline(time.Now().Add(x.o.ReadTimeout)); err != nil {
		return nil, x.readError(err, "no answer")
	}
	if err := req.Write(x.conn); err != nil {
		return nil, x.readError(err, "the request could not be sent")
	}
	x.quota = maxHeader
	for range 5 { // interim answers are few, or there will never be another
		resp, err := http.ReadResponse(x.in, req)
		if err != nil && x.err != nil {
			err = x.err // what half of a line looks like is of no interest
		}
		if errors.Is(err, errHeader) {
			return nil, stepError(StepSize, drydock.ErrInvalid, "", "%w: more than %d bytes", errHeader, maxHeader)
		}
		if err != nil {
			return nil, x.readError(err, "no answer")
		}
		if resp.StatusCode/100 != 1 || resp.StatusCode == http.StatusSwitchingProtocols {
			x.quota = unlimited
			return resp, nil
		}
		_ = resp.Body.Close()
	}
	return nil, stepError(StepStatus, drydock.ErrInvalid, "", "the server announces an answer again and again and gives none")
}

// goesOn reports whether the server sends more than its answer has by its own account. A length that was counted wrongly, in letters instead of
// bytes, shows only by this. It looks at what has come and does not wait for it.
func (x *exchange) goesOn() bool {
	if x.in.Buffered() > 0 {
		return true
	}
	x.until = time.Now().Add(time.Millisecond)
	n, _ := x.in.Peek(1)
	return len(n) > 0
}

// readError is for an answer that did not come, or not to its end.
func (x *exchange) readError(err error, what string) error {
	if cause := context.Cause(x.ctx); cause != nil {
		return stepError(StepRead, drydock.ErrUnavailable, "", "%s: %w", what, cause)
	}
	var late net.Error
	var remote *net.OpError
	switch {
	case errors.As(err, &late) && late.Timeout():
		return stepError(StepRead, drydock.ErrUnavailable, "", "%s: the server fell silent for %v", what, x.o.ReadTimeout)
	case errors.As(err, &remote) && remote.Op == "remote error": // TLS 1.3 tells what is wrong with our certificate after the handshake only
		return tlsError(x.ctx, err, x.o.ConnectTimeout, x.hop.scrub)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return stepError(StepRead, drydock.ErrUnavailable, "", "%s: the server closed the connection", what)
	}
	return stepError(StepRead, drydock.ErrUnavailable, "", "%s: %s", what, drydock.OneLine(x.hop.scrub.text(err.Error()), 300))
}

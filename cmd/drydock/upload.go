package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"

	"drydock"
	"drydock/api"
)

// designRef turns what a user gives to -d into a design reference. What is to be read here is brought to the server: standard input always, a file
// if that is asked for or the server is not on this machine.
func (a *app) designRef(ctx context.Context, arg string, upload bool, in io.Reader) (string, error) {
	isRef := arg == "" || isReference(arg)
	switch {
	case upload && isRef:
		return "", usageError{"--upload needs a file: name one with -d, or - for standard input"}
	case arg == "-":
		return a.upload(ctx, "standard input", in)
	case isRef || !upload && a.local():
		return designRef(arg, a.url)
	}
	file, err := os.Open(arg)
	if err != nil {
		return "", usageError{fmt.Sprintf("-d %s: %v; a file of the server is named as file:///PATH", arg, err)}
	}
	defer func() { _ = file.Close() }() // it was only read
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return "", usageError{fmt.Sprintf("-d %s is a folder; name the file with the design", arg)}
	}
	return a.upload(ctx, arg, file)
}

// local reports whether the service is surely on this machine.
func (a *app) local() bool {
	server, err := url.Parse(a.url)
	return err == nil && loopback(server.Hostname())
}

// upload brings documents to the server and returns the reference to them.
func (a *app) upload(ctx context.Context, name string, in io.Reader) (string, error) {
	documents, err := io.ReadAll(io.LimitReader(in, drydock.MaxDesigns+1)) // what more a server may allow is better served from elsewhere
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: read %s: %w", drydock.ErrInvalid, name, err)
	case len(documents) > drydock.MaxDesigns:
		return "", fmt.Errorf("%w: %s has more than %d bytes; serve it over https and give -d its reference", drydock.ErrInvalid, name, drydock.MaxDesigns)
	case len(documents) == 0:
		return "", usageError{name + " is empty"}
	}
	d, err := ask(ctx, a, func(ctx context.Context, c *api.Client) (api.StoredDesign, error) {
		d, _, err := c.AddDesign(ctx, documents)
		return d, err
	})
	if err != nil {
		return "", fmt.Errorf("upload %s: %w", name, err)
	}
	return d.DesignRef, nil
}

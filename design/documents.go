package design

import (
	"context"

	"drydock"
)

// Documents gets the bytes behind ref without looking at them, with the errors of Load.
func (l *Loader) Documents(ctx context.Context, ref string) ([]byte, drydock.Resolution, error) {
	return l.resolver.Resolve(ctx, ref)
}

package reference

import (
	"errors"

	"drydock"
)

// Guard is what is done with a reference between a person and the database: it is checked, and its secrets are sealed and hidden. It is safe
// for concurrent use.
type Guard struct {
	resolver *Resolver
	vault    *Vault
}

// NewGuard returns references for what r resolves, with secrets sealed by v.
func NewGuard(r *Resolver, v *Vault) *Guard { return &Guard{r, v} }

// Check reports whether ref is a reference that could be resolved: its form, its scheme and its pin. If not, the error is ErrInvalid, without secrets.
// Nothing is asked of anybody; whether policy allows the reference is said when it is resolved.
func (r *Guard) Check(ref string) error {
	if err := r.resolver.Check(ref); !errors.Is(err, drydock.ErrDenied) {
		return err
	}
	return nil
}

// Seal is [Vault.Seal].
func (r *Guard) Seal(ref string) (string, error) { return r.vault.Seal(ref) }

// Redact is [Redact].
func (r *Guard) Redact(ref string) string { return Redact(ref) }

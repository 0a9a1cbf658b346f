package design

import (
	"fmt"
	"net/url"
	"strings"

	"drydock"
)

// References is what is done with a reference between a person and the database: it is checked, and its secrets are sealed and hidden. It is safe
// for concurrent use.
type References struct {
	resolver *Resolver
	vault    *Vault
}

// NewReferences returns references for what r resolves, with secrets sealed by v.
func NewReferences(r *Resolver, v *Vault) *References { return &References{r, v} }

// Check reports whether ref is a reference that could be resolved: its form, its scheme and its pin. If not, the error is ErrInvalid, without secrets.
// Nothing is asked of anybody; whether policy allows the reference is said when it is resolved.
func (r *References) Check(ref string) error {
	if err := r.resolver.Check(ref); err != nil {
		return err
	}
	u, err := url.Parse(ref)
	switch {
	case err != nil:
		return fmt.Errorf("%w: design reference is not a valid URI", drydock.ErrInvalid) // Check has said so
	case u.Scheme != "file" && u.Host == "":
		return fmt.Errorf("%w: design reference %s names no host: write %s://HOST/…", drydock.ErrInvalid, redactURL(u), u.Scheme)
	case strings.Contains(ref, "#") && !isPin(u.Fragment):
		return fmt.Errorf("%w: design reference %s: only a pin of the form #%s<64 hexadecimal digits> may follow #", drydock.ErrInvalid, redactURL(u), pinPrefix)
	}
	return nil
}

// Seal is [Vault.Seal].
func (r *References) Seal(ref string) (string, error) { return r.vault.Seal(ref) }

// Redact is [Redact].
func (r *References) Redact(ref string) string { return Redact(ref) }

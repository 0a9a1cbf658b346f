package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"drydock"
	"drydock/reference"
)

// checked is what design check tells of a reference.
type checked struct {
	Ref       string            `json:"ref"`
	Verdict   reference.Verdict `json:"verdict"`
	Line      string            `json:"line"` // of the policy, or the root, that allows it
	Reason    string            `json:"reason"`
	Remedy    string            `json:"remedy"`
	Addresses []checkedAddress  `json:"addresses"` // that the host has now; empty for files
}

type checkedAddress struct {
	Address string            `json:"address"`
	Verdict reference.Verdict `json:"verdict"`
	Reason  string            `json:"reason"`
}

func (a *app) checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check REF",
		Short: "Tell which line of the policy allows a reference or that none does",
		Long: "Holds a reference against [design] allow, or a file against --design-root, and tells which line or folder allows it, or what to add. The host's\n" +
			"addresses are looked up, because rules can be about them; nothing is fetched. Exits 0 if it is allowed and 6 if not.\n\n" + hereHelp,
		Example: "  drydock design check http://10.0.0.5:8080/site.yaml\n  drydock design check --allow-design https=*.example.net https://designs.example.net/site.yaml",
		Args:    cobra.ExactArgs(1),
	}
	load := a.optionFlags(cmd, "design-root", "allow-design")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, _, err := load()
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), a.timeout)
		defer cancel()
		result, err := check(ctx, cfg, args[0])
		if err != nil {
			return err
		}
		err = a.print(result, func(w io.Writer) {
			rows := [][]string{{"reference", result.Ref}, {"verdict", string(result.Verdict)}, {"line", orDash(result.Line)}, {"reason", result.Reason}, {"to do", orDash(result.Remedy)}}
			for _, at := range result.Addresses {
				rows = append(rows, []string{"address", fmt.Sprintf("%s: %s", at.Address, at.Reason)})
			}
			columns(w, rows...)
		})
		if err == nil && result.Verdict != reference.Allowed {
			err = fmt.Errorf("%w: %s", drydock.ErrDenied, result.Reason)
		}
		return err
	}
	return cmd
}

// check says what would become of an argument, short of fetching it.
func check(ctx context.Context, cfg config, arg string) (checked, error) {
	ref, err := designRef(arg, "")
	if err != nil {
		return checked{}, err
	}
	roots, err := cfg.designRoots()
	if err != nil {
		return checked{}, err
	}
	stored := func(context.Context, string) ([]byte, error) { return nil, drydock.ErrNotFound } // nothing is fetched
	w, err := newWays(cfg, roots, sources{stored: stored}, slog.New(slog.DiscardHandler))
	if err != nil {
		return checked{}, err
	}
	if err := w.designs().Check(ref); err != nil {
		return checked{}, err
	}
	u, err := url.Parse(ref)
	if err != nil {
		return checked{}, fmt.Errorf("%w: %s is not a valid URI", drydock.ErrInvalid, reference.Redact(ref))
	}
	result := checked{Ref: reference.Redact(ref), Addresses: []checkedAddress{}}
	switch _, _, service := strings.Cut(u.Scheme, "+"); {
	case u.Scheme == "file":
		u.Fragment = "" // a pin, or else it would have been refused above
		if result.Line, err = reference.FileRoot(roots, u); err != nil {
			result.Verdict, result.Reason, result.Remedy = reference.Refused, "it is outside of the folders that designs may be read from: "+strings.Join(roots, ", "),
				"add its folder with --design-root"
			return result, nil
		}
		result.Verdict, result.Reason = reference.Allowed, "it is below a folder that designs may be read from"
		return result, nil
	case !service && u.Scheme != "http" && u.Scheme != "https":
		result.Verdict, result.Reason = reference.Allowed, "it leads to no host"
		return result, nil
	}
	return result, result.host(ctx, w.policy, u)
}

// host completes the result for a reference that leads to a host.
func (c *checked) host(ctx context.Context, policy *reference.Policy, u *url.URL) error {
	d := policy.Explain(ctx, u, u.Scheme)
	if d.Err != nil && d.Verdict == reference.Refused {
		return d.Err
	}
	c.Verdict, c.Reason, c.Remedy, c.Line = d.Verdict, d.Reason, d.Remedy, strings.Join(d.Lines, ", ")
	if _, err := netip.ParseAddr(u.Hostname()); err == nil || d.Verdict == reference.Refused {
		return nil
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", strings.TrimSuffix(u.Hostname(), "."))
	if err != nil && d.Verdict == reference.ByAddress {
		return fmt.Errorf("%w: the address of %s decides, and cannot be looked up: %w", drydock.ErrUnavailable, u.Hostname(), err)
	}
	if len(found) == 0 {
		return nil
	}
	var best reference.Decision
	for _, addr := range found {
		at := d.At(addr)
		c.Addresses = append(c.Addresses, checkedAddress{addr.Unmap().String(), at.Verdict, at.Reason})
		if best.Verdict != reference.Allowed {
			best = at
		}
	}
	c.Verdict, c.Reason, c.Remedy, c.Line = best.Verdict, best.Reason, best.Remedy, strings.Join(best.Lines, ", ")
	return nil
}

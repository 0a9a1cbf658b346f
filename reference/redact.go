package reference

import (
	"net/url"
	"sort"
	"strings"
)

const hidden = "***"

// Redact returns ref in a form that is fit for logs, errors and people: without user and password, and without those values of its query that
// are secret by their name or by their look. A pin (#sha256=…) stays, any other fragment is hidden. What cannot be read as a URI is hidden
// altogether.
func Redact(ref string) string {
	if plainRef(ref) {
		return ref
	}
	u, err := url.Parse(ref)
	if err != nil {
		return hidden
	}
	return redactURL(u)
}

// plainRef reports whether ref is a URI of the simplest form, which has no place for a secret.
func plainRef(ref string) bool {
	scheme, rest, ok := strings.Cut(ref, "://")
	if !ok || scheme == "" {
		return false
	}
	for i := range len(scheme) {
		if c := scheme[i] | 0x20; (c < 'a' || c > 'z') && (i == 0 || !strings.ContainsRune("0123456789+-.", rune(scheme[i]))) {
			return false
		}
	}
	for i := range len(rest) {
		if c := rest[i]; c <= ' ' || c >= 0x7f || c == '@' || c == '?' || c == '#' || c == '%' || c == '\\' {
			return false
		}
	}
	return true
}

func redactURL(u *url.URL) string {
	var b strings.Builder
	if u.Scheme != "" {
		b.WriteString(u.Scheme + ":")
	}
	if u.Opaque != "" {
		return b.String() + hidden
	}
	if u.Host != "" || u.User != nil || u.Scheme != "" {
		b.WriteString("//")
	}
	if u.User != nil {
		b.WriteString(hidden + "@")
	}
	b.WriteString(u.Host + redactPath(u.EscapedPath()))
	if u.RawQuery != "" {
		b.WriteString("?" + redactQuery(u.RawQuery))
	}
	switch {
	case isPin(u.Fragment):
		b.WriteString("#" + u.Fragment)
	case u.Fragment != "":
		b.WriteString("#" + hidden)
	}
	return b.String()
}

// redactPath hides what looks like a user and a password that went into the path by a typing error, such as https:/user:password@host/.
func redactPath(path string) string {
	if !strings.Contains(path, "@") && !strings.Contains(path, "%40") {
		return path
	}
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if plain, err := url.PathUnescape(p); err == nil && strings.Contains(plain, "@") && strings.Contains(plain[:strings.LastIndex(plain, "@")], ":") {
			parts[i] = hidden
		}
	}
	return strings.Join(parts, "/")
}

func redactQuery(raw string) string {
	pairs := strings.Split(raw, "&")
	for i, p := range pairs {
		switch key, value, ok := strings.Cut(p, "="); {
		case !secretPair(key, value, ok):
		case ok && !looksSecret(key):
			pairs[i] = key + "=" + hidden
		default:
			pairs[i] = hidden
		}
	}
	return strings.Join(pairs, "&")
}

// minSecret is the length below which a secret is not looked for in free text: single letters would be found everywhere. The reference as a
// whole is always hidden.
const minSecret = 3

// scrubber hides the secrets of one reference in texts that others wrote: libraries, servers.
type scrubber struct{ replace *strings.Replacer }

func newScrubber(ref string, u *url.URL) scrubber {
	whole := redactURL(u)
	pairs := map[string]string{ref: whole, u.String(): whole}
	bare := *u
	bare.User = nil
	pairs[bare.String()] = redactURL(&bare)
	if u.RawQuery != "" {
		pairs[u.RawQuery] = redactQuery(u.RawQuery)
		pairs[u.RequestURI()] = u.EscapedPath() + "?" + redactQuery(u.RawQuery)
	}
	for _, secret := range secretsOf(u) {
		if len(secret) >= minSecret {
			pairs[secret] = hidden
		}
	}
	delete(pairs, "")
	return scrubber{strings.NewReplacer(longestFirst(pairs)...)}
}

func secretsOf(u *url.URL) []string {
	var secrets []string
	add := func(s string) { secrets = append(secrets, s, url.QueryEscape(s), url.PathEscape(s)) }
	if u.User != nil {
		password, _ := u.User.Password()
		add(u.User.String())
		add(u.User.Username())
		add(password)
		if _, raw, ok := strings.Cut(u.User.String(), ":"); ok {
			add(raw)
		}
	}
	for p := range strings.SplitSeq(u.RawQuery, "&") {
		key, value, ok := strings.Cut(p, "=")
		if !ok {
			value = key
		}
		add(value)
		if plain, err := url.QueryUnescape(value); err == nil {
			add(plain)
		}
	}
	return secrets
}

// longestFirst orders the pairs so that a secret that is part of another one does not hide the longer one's place.
func longestFirst(pairs map[string]string) []string {
	keys := make([]string, 0, len(pairs))
	for k := range pairs {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		return len(keys[i]) > len(keys[j]) || len(keys[i]) == len(keys[j]) && keys[i] < keys[j]
	})
	list := make([]string, 0, 2*len(keys))
	for _, k := range keys {
		list = append(list, k, pairs[k])
	}
	return list
}

func (s scrubber) text(t string) string { return s.replace.Replace(t) }

package reference

import (
	"net/url"
	"strings"
)

// What in a reference is secret: the user and the password always, and of the query what its name or its look says. Redact hides these parts,
// Vault.Seal seals them.

// secretWords make a name one of a secret wherever they occur in it. Letters are lower case.
var secretWords = []string{
	"token", "sig", "key", "secret", "pass", "pwd", "auth", "cred", "session", "jwt", "otp", "bearer", "x-amz-", "x-goog-", "apikey", "access_id", "accessid",
}

// secretNames are the whole names that signed references of some clouds consist of.
var secretNames = map[string]bool{
	"sv": true, "ss": true, "srt": true, "se": true, "st": true, "sp": true, "sr": true, "spr": true, "sip": true, "skoid": true, "sktid": true,
	"skt": true, "ske": true, "sks": true, "skv": true, "saoid": true, "suoid": true, "scid": true, "code": true, "pw": true, "pin": true,
	"expires": true, "policy": true,
}

func secretName(name string) bool {
	name = strings.ToLower(unescape(name))
	if secretNames[name] {
		return true
	}
	name = strings.ReplaceAll(name, "design", "") // holds "sig"
	for _, word := range secretWords {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// secretPair judges one member of a query as it is written; without "=" it is a name alone.
func secretPair(name, value string, assigned bool) bool {
	if looksSecret(name) {
		return true
	}
	return assigned && value != "" && (secretName(name) || looksSecret(value))
}

// maxEscapes is how often a value is decoded in search of a reference or a secret inside it.
const maxEscapes = 4

// looksSecret reports whether a text looks like a long random one, or holds one, or a named secret, or a reference with a secret.
func looksSecret(text string) bool {
	for range maxEscapes {
		if holdsSecret(text) {
			return true
		}
		plain := unescape(text)
		if plain == text {
			return false
		}
		text = plain
	}
	return true // nobody writes that for others to read
}

func holdsSecret(text string) bool {
	if strings.Contains(text, sealedPrefix) || strings.Contains(text, "@") && strings.Contains(text, ":") {
		return true
	}
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune("&;,? \t\"'()<>|", r) }) {
		if name, value, ok := strings.Cut(part, "="); ok && value != "" && secretName(name) {
			return true
		}
		for word := range strings.FieldsFuncSeq(part, func(r rune) bool { return r == '=' || r == '/' || r == ':' }) {
			if random(word) {
				return true
			}
		}
		if random(part) {
			return true
		}
	}
	return false
}

// The look of what was drawn by lot: long, and mixed of small letters, capitals and digits. Names, dates and paths are less mixed.
const (
	minRandom = 16
	longRun   = 32 // letters and digits without a break
)

func random(word string) bool {
	if len(word) < minRandom {
		return false
	}
	changes, run, last := 0, 0, 0
	for i := range len(word) {
		class := 0
		switch c := word[i]; {
		case c >= 'a' && c <= 'z':
			class = 1
		case c >= 'A' && c <= 'Z':
			class = 2
		case c >= '0' && c <= '9':
			class = 3
		}
		if class == 0 {
			run = 0
		} else if run++; run >= longRun {
			return true
		}
		if class != 0 && last != 0 && class != last {
			changes++
		}
		last = class
	}
	return changes*4 >= len(word)
}

// unescape decodes percent signs and plus signs; what is no encoding stays.
func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

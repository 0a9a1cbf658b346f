package api

import (
	"bytes"
	"encoding/json"
	"regexp"
)

// escaped finds the texts of a JSON document that hold an escape by number.
var escaped = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// utf8JSON writes the texts of stored JSON as all other texts are written here: in UTF-8, where Python escapes all that is not ASCII. The order of
// keys and the digits of numbers stay. Half a surrogate pair, which UTF-8 cannot say, stays as it is.
func utf8JSON(raw json.RawMessage) json.RawMessage {
	if !bytes.Contains(raw, []byte(`\u`)) {
		return raw
	}
	return escaped.ReplaceAllFunc(raw, func(text []byte) []byte {
		var s string
		if !bytes.Contains(text, []byte(`\u`)) || json.Unmarshal(text, &s) != nil || bytes.ContainsRune([]byte(s), '\ufffd') {
			return text
		}
		plain, err := marshal(s)
		if err != nil {
			return text
		}
		return plain
	})
}

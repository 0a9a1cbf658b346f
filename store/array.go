package store

import (
	"encoding/hex"
	"encoding/json"
	"strings"

	"drydock"
)

// textArray scans an array of text: PostgreSQL's text form in braces, or JSON. What cannot be read is left out: one odd row must not hide the others.
type textArray []string

func (a *textArray) Scan(v any) error {
	*a = nil
	var text string
	switch v := v.(type) {
	case string:
		text = v
	case []byte:
		text = string(v)
	}
	if text == "{}" || text == "[]" {
		return nil
	}
	if strings.HasPrefix(text, "[") && json.Unmarshal([]byte(text), (*[]string)(a)) == nil {
		return nil
	}
	*a = parseArray(text)
	return nil
}

// parseArray reads the text form of a PostgreSQL array ("{a,"b c",NULL}", PostgreSQL manual §8.15.6). Bounds ("[0:1]={a,b}") are passed over, the
// rows of an array of arrays are joined, NULL elements are left out.
func parseArray(s string) []string {
	if strings.HasPrefix(s, "[") {
		if _, after, ok := strings.Cut(s, "="); ok {
			s = after
		}
	}
	var list []string
	for s != "" {
		switch s[0] {
		case '{', '}', ',':
			s = s[1:]
			continue
		}
		item, quoted, rest := arrayElement(s)
		if quoted || !strings.EqualFold(item, "NULL") {
			list = append(list, item)
		}
		s = rest
	}
	return list
}

// arrayElement splits s, which begins with an element, behind it.
func arrayElement(s string) (item string, quoted bool, rest string) {
	var b strings.Builder
	quoted = s[0] == '"'
	i := 0
	if quoted {
		i = 1
	}
	for ; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		} else if (quoted && s[i] == '"') || (!quoted && (s[i] == ',' || s[i] == '}')) {
			break
		}
		b.WriteByte(s[i])
	}
	if quoted {
		i++
	}
	return b.String(), quoted, s[min(i, len(s)):]
}

// idArray scans an array of ids. Elements that are none are left out.
type idArray []drydock.TaskID

func (a *idArray) Scan(v any) error {
	var text textArray
	err := text.Scan(v)
	*a = nil
	for _, t := range text {
		raw, err := hex.DecodeString(strings.TrimPrefix(t, `\x`))
		if id := idText(raw); err == nil && id != "" {
			*a = append(*a, id)
		}
	}
	return err
}

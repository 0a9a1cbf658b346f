package store

import (
	"bytes"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"drydock"
)

// The forms that values have in rows. Each scans what either database gives, and NULL as empty: rows of very old versions are full of it.

// idBytes is the 16-byte form of a task id; nil (NULL, equal to nothing) for none and for what is not a UUID.
func idBytes(id drydock.TaskID) []byte {
	if raw := make([]byte, 16); len(id) == 36 && canonicalBytes(raw, string(id)) {
		return raw
	}
	canonical, err := drydock.ParseTaskID(string(id))
	if err != nil {
		return nil
	}
	raw := make([]byte, 0, 16)
	raw, _ = hex.AppendDecode(raw, []byte(strings.ReplaceAll(string(canonical), "-", ""))) // parsed just now
	return raw
}

// canonicalBytes reads the form that ids nearly always have.
func canonicalBytes(raw []byte, s string) bool {
	at := 0
	for i := 0; i < 36; i += 2 {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return false
			}
			i++
		}
		high, low := hexDigit(s[i]), hexDigit(s[i+1])
		if high|low > 15 {
			return false
		}
		raw[at] = high<<4 | low
		at++
	}
	return true
}

func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

func idsBytes(ids []drydock.TaskID) [][]byte {
	raw := make([][]byte, 0, len(ids))
	for _, id := range ids {
		raw = append(raw, idBytes(id))
	}
	return raw
}

// idText is the text form of 16 bytes, and of anything else the empty id.
func idText(raw []byte) drydock.TaskID {
	if len(raw) != 16 {
		return ""
	}
	var t [36]byte
	hex.Encode(t[:8], raw[:4])
	hex.Encode(t[9:13], raw[4:6])
	hex.Encode(t[14:18], raw[6:8])
	hex.Encode(t[19:23], raw[8:10])
	hex.Encode(t[24:], raw[10:])
	t[8], t[13], t[18], t[23] = '-', '-', '-', '-'
	return drydock.TaskID(t[:])
}

// jsonIDs is an array of ids on SQLite: JSON of hexadecimal text.
func jsonIDs(ids []drydock.TaskID) string {
	var b strings.Builder
	b.WriteByte('[')
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('"')
		b.WriteString(hex.EncodeToString(idBytes(id)))
		b.WriteByte('"')
	}
	b.WriteByte(']')
	return b.String()
}

func jsonTexts(s []string) string {
	if len(s) == 0 {
		return "[]"
	}
	raw, _ := json.Marshal(s) // strings always marshal
	return string(raw)
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// instant scans a timestamp (PostgreSQL) or microseconds (SQLite).
type instant struct{ time.Time }

// endOfTime is the last instant that Python knows.
var endOfTime = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)

func (t *instant) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		t.Time = time.Time{}
	case time.Time:
		t.Time = time.Date(v.Year(), v.Month(), v.Day(), v.Hour(), v.Minute(), v.Second(), v.Nanosecond(), time.UTC)
	case int64:
		t.Time = time.UnixMicro(v).UTC()
	default:
		t.Time = time.Time{} // what is no instant is shown as none
		if v == "infinity" {
			t.Time = endOfTime // it is listed first, so the pages go on behind it
		}
	}
	return nil
}

// id scans an identifier of 16 bytes.
type id struct{ drydock.TaskID }

func (i *id) Scan(v any) error {
	raw, _ := v.([]byte)
	i.TaskID = idText(raw)
	return nil
}

// storedJSON scans a JSON column as it is; JSON null and SQL NULL are nil.
type storedJSON json.RawMessage

func (r *storedJSON) Scan(v any) error {
	var raw []byte
	*r = nil
	switch v := v.(type) {
	case string:
		if v == "null" {
			return nil
		}
		raw = []byte(v)
	case []byte:
		raw = bytes.Clone(v)
	}
	if raw = bytes.TrimSpace(raw); len(raw) > 0 && string(raw) != "null" {
		*r = raw
	}
	return nil
}

// rawJSON is storedJSON that unpacks a string that holds JSON, which is how upstream writes some columns.
type rawJSON json.RawMessage

func (r *rawJSON) Scan(v any) error {
	err := (*storedJSON)(r).Scan(v)
	var inner string
	if len(*r) > 0 && (*r)[0] == '"' && json.Unmarshal(*r, &inner) == nil && json.Valid([]byte(inner)) {
		return (*storedJSON)(r).Scan(inner)
	}
	return err
}

// links scans the JSON object of relations to lists of URIs, in its order, and writes it.
type links []drydock.Link

func (l *links) Scan(v any) error {
	var raw rawJSON
	if err := raw.Scan(v); err != nil {
		return err
	}
	*l = nil
	if raw == nil || string(raw) == "{}" {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil // not upstream's form: shown as no links
	}
	for d.More() {
		rel, err := d.Token()
		if err != nil {
			return nil // the rest is no JSON
		}
		var hrefs json.RawMessage
		if d.Decode(&hrefs) != nil {
			return nil
		}
		for _, h := range uris(hrefs) {
			*l = append(*l, drydock.Link{Rel: fmt.Sprint(rel), Href: h})
		}
	}
	return nil
}

// uris reads a list of texts, or one text; what is neither is left out.
func uris(raw json.RawMessage) []string {
	var one string
	if json.Unmarshal(raw, &one) == nil && one != "" {
		return []string{one}
	}
	var all []any
	_ = json.Unmarshal(raw, &all) // what is no list has no elements
	var list []string
	for _, v := range all {
		if text, ok := v.(string); ok {
			list = append(list, text)
		}
	}
	return list
}

func linksText(list []drydock.Link) string {
	if len(list) == 0 {
		return "{}"
	}
	var order []string
	byRel := map[string][]string{}
	for _, l := range list {
		if byRel[l.Rel] == nil {
			order = append(order, l.Rel)
		}
		byRel[l.Rel] = append(byRel[l.Rel], l.Href)
	}
	var b strings.Builder
	b.WriteByte('{')
	for i, rel := range order {
		if i > 0 {
			b.WriteString(", ")
		}
		key, _ := json.Marshal(rel) // strings always marshal
		b.Write(key)
		b.WriteString(": ")
		b.WriteString(jsonTexts(byRel[rel]))
	}
	b.WriteByte('}')
	return b.String()
}

// flag scans a boolean; NULL is false.
type flag bool

func (f *flag) Scan(v any) error {
	switch v := v.(type) {
	case bool:
		*f = flag(v)
	case int64:
		*f = v != 0
	default:
		*f = false
	}
	return nil
}

// rows calls one for every row, and closes them.
func each(rows *sql.Rows, err error, one func(*sql.Rows) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := one(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

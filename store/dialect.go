package store

import (
	"database/sql"
	"strings"
	"sync"
	"time"

	"drydock"
)

// dialect is everything in which the two databases differ. The bulk statements are in postgres_bulk.go: SQLite repeats the plain ones inside
// a transaction, which costs it nothing.
type dialect struct {
	name  string
	words *strings.Replacer
	known sync.Map // SQL text → SQL text with the words replaced

	ids   func([]drydock.TaskID) any // array of task ids, as parameter and column
	texts func([]string) any         // array of text, as parameter and column
	time  func(time.Time) any        // instant; the zero time is NULL
	kind  func(error) error          // driver error → error with a kind
	raced func(error) bool           // the transaction lost against another and may be run again
	bulk  bool                       // unnest and data-modifying WITH are there
	group bool                       // one writer at a time: concurrent writes share a transaction (writer.go)
}

// text replaces the words in braces.
func (d *dialect) text(q string) string {
	if t, ok := d.known.Load(q); ok {
		return t.(string)
	}
	t := d.words.Replace(q)
	d.known.Store(q, t)
	return t
}

func postgresDialect() *dialect {
	return &dialect{
		name: "postgres",
		words: strings.NewReplacer(
			"{clock}", "(clock_timestamp() AT TIME ZONE 'UTC')",
			"{us}", "* interval '1 microsecond'",
			"{skip locked}", "FOR UPDATE SKIP LOCKED",
			"{for update}", "FOR UPDATE",
			"{key share}", "FOR KEY SHARE",
			"{limit(}", "LIMIT (", "{ids(}", "= ANY(", "{texts(}", "= ANY(", "{)}", ")",
			"{nodes(}", "(SELECT DISTINCT u AS node FROM unnest(", "{) AS u}", "::text[]) AS u)",
			"{instr}", "strpos",
			"{json text}", "::text",
			"{has successes}", "% = ANY(t.result_successes)", "{has failures}", "% = ANY(t.result_failures)",
			"{hex(}", "encode(", "{hex)}", ", 'hex')",
			"{row}", "ctid",
			"{row cast}", "::text::tid",
			"{row text}", "::text",
			"{tables}", "pg_class WHERE relkind = 'r' AND pg_table_is_visible(oid) AND relname",
			"{migration lock}", "SELECT pg_advisory_xact_lock(1146637418)", // one process migrates, the others wait and find it done
			"{design lock}", "SELECT pg_advisory_xact_lock(1146637420)::text", // one adds documents, or prunes them, at a time
			"{message lock}", "AND pg_advisory_xact_lock(1146637419, $2::int)::text = ''",
		),
		ids:   func(ids []drydock.TaskID) any { return idsBytes(ids) },
		texts: func(s []string) any { return orEmpty(s) },
		time: func(t time.Time) any {
			if t.IsZero() {
				return nil
			}
			return t.UTC()
		},
		kind:  postgresKind,
		raced: postgresRaced,
		bulk:  true,
	}
}

func sqliteDialect() *dialect {
	return &dialect{
		name: "sqlite",
		words: strings.NewReplacer(
			"$", "?", // numbered, whatever the order of first use
			"{clock}", "now_us()",
			"{us}", "",
			"{skip locked}", "", "{for update}", "", "{key share}", "",
			"{limit(}", "LIMIT (SELECT (", // hidden, or a new value would have the statement planned again
			"{ids(}", "IN (SELECT unhex(value) FROM json_each(", "{texts(}", "IN (SELECT value FROM json_each(", "{)}", "))",
			"{nodes(}", "(SELECT DISTINCT value AS node FROM json_each(", "{) AS u}", "))",
			"{instr}", "instr",
			"{json text}", "",
			"{has successes}", "EXISTS (SELECT 1 FROM json_each(t.result_successes) WHERE value = %)",
			"{has failures}", "EXISTS (SELECT 1 FROM json_each(t.result_failures) WHERE value = %)",
			"{hex(}", "lower(hex(", "{hex)}", "))",
			"{row}", "rowid",
			"{row cast}", "",
			"{row text}", "",
			"{tables}", "sqlite_schema WHERE type = 'table' AND name",
			"{migration lock}", "SELECT 1",
			"{design lock}", "SELECT ''",
			"{message lock}", "",
		),
		ids:   func(ids []drydock.TaskID) any { return jsonIDs(ids) },
		texts: func(s []string) any { return jsonTexts(s) },
		time: func(t time.Time) any {
			if t.IsZero() {
				return nil
			}
			return t.UnixMicro()
		},
		kind:  sqliteKind,
		raced: func(error) bool { return false },
		group: true,
	}
}

// nullable turns the empty string into NULL.
func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// nullableJSON is a JSON column's value; nothing is JSON null, as upstream writes it.
func nullableJSON(raw []byte) any {
	if len(raw) == 0 {
		return "null"
	}
	return string(raw)
}

// affected is the number of rows that a statement changed.
func affected(r sql.Result) int64 {
	n, err := r.RowsAffected()
	if err != nil {
		return 0 // both drivers always know
	}
	return n
}

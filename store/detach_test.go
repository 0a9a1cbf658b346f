package store_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"drydock"
	"drydock/store/storetest"
)

// catalogue is everything that a schema consists of.
func catalogue(t *testing.T, db rawDB) string {
	t.Helper()
	var all string
	err := db.QueryRow(`SELECT string_agg(line, E'\n' ORDER BY line) FROM (
		SELECT format('column %s.%s %s null %s default %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
			pg_get_expr(d.adbin, d.adrelid)) AS line
			FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
			WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
		UNION ALL SELECT 'index ' || pg_get_indexdef(c.oid) FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'i'
		UNION ALL SELECT format('sequence %s %s %s', relname, format_type(seqtypid, NULL), seqmax) FROM pg_class JOIN pg_sequence ON seqrelid = oid
		UNION ALL SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
		UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal
		UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
		UNION ALL SELECT 'revision ' || version_num FROM alembic_version) AS lines`).Scan(&all)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// What Detach leaves is what upstream's own migrations make; and it can be adopted again.
func TestDetach(t *testing.T) {
	want := catalogue(t, raw(t, makeUpstream(t, 2)))
	url := makeUpstream(t, 0)
	db := raw(t, url)
	s := storetest.OpenURL(t, url)
	for range 2 {
		if _, err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		create(t, s, noop())
		if lost, err := s.Detach(t.Context(), false); err != nil || len(lost) != 0 {
			t.Fatalf("detach: lost %v, error %v", lost, err)
		}
		if got := catalogue(t, db); got != want {
			t.Errorf("not upstream's schema:\n%s\nwant\n%s", got, want)
		}
	}
	_, err := s.Detach(t.Context(), false)
	wantKind(t, "detach again", err, drydock.ErrConflict)
}

// What upstream has no room for is named and refused, or cut if that is wanted; and not while we lead.
func TestDetachRefuses(t *testing.T) {
	url := storetest.PostgresURL(t)
	s := storetest.OpenURL(t, url)
	l := storetest.Lead(t, s)
	_, err := s.Detach(t.Context(), true)
	wantKind(t, "detach while we lead", err, drydock.ErrConflict)
	if err := s.ReleaseLease(t.Context(), l, "done"); err != nil {
		t.Fatal(err)
	}
	n := noop()
	n.CreatedBy = strings.Repeat("u", 17)
	n.DesignRef = "https://ann:password@h/" + strings.Repeat("x", 128)
	task := create(t, s, n)
	addData(t, s, data(strings.Repeat("n", 33), "g", 1, "x"))
	lost, err := s.Detach(t.Context(), false)
	wantKind(t, "detach", err, drydock.ErrConflict)
	if len(lost) != 3 || strings.Contains(err.Error(), "password") || !strings.Contains(err.Error(), "tasks.created_by") || !strings.Contains(err.Error(), "build_data.node_name") {
		t.Errorf("losses %v, error %v", lost, err)
	}
	if again := get(t, s, task.ID); again.CreatedBy != n.CreatedBy {
		t.Errorf("a refusal changed %+v", again)
	}
	if _, err := s.Detach(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again := get(t, s, task.ID); again.CreatedBy != n.CreatedBy[:16] {
		t.Errorf("cut to %q", again.CreatedBy)
	}
	if _, err := s.AcquireLease(t.Context(), uuid.NewString(), "us", 1e9); err != nil {
		t.Error(err)
	}
}

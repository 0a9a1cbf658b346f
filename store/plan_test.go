package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

// TestPlans makes a history of a hundred thousand tasks and a million messages and looks at how the databases would run every statement there is.
func TestPlans(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		now := time.Now().Truncate(time.Microsecond)
		db := raw(t, url)
		fillPlanData(t, db, now)
		for _, c := range planCases(t, storetest.OpenURL(t, url), planSizeOf(db.sqlite), now) {
			t.Run(c.name, func(t *testing.T) {
				s := storetest.OpenURL(t, url) // a fresh one has run nothing else
				l := lead(t, s)
				explain := explainSQLite(db, s)
				if !db.sqlite {
					explain = explainPostgres(t, url, s)
				}
				if err := c.call(t.Context(), s, l); err != nil {
					t.Fatal(err)
				}
				judge(t, c, explain(t))
			})
		}
	})
}

// lead takes the lease from whoever has it.
func lead(t *testing.T, s *store.Store) drydock.Lease {
	t.Helper()
	if now, err := s.CurrentLease(t.Context()); err == nil {
		return storetest.Depose(t, s, now)
	}
	return storetest.Lead(t, s)
}

// step is how a plan reads one table.
type step struct {
	table, index string
	found        bool // by a condition on the index
	walked       bool // from one end of it
	text, plan   string
}

var bigTables = []string{"tasks", "result_message", "build_data", "boot_action_status"}

func judge(t *testing.T, c planCase, steps []step) {
	t.Helper()
	used, said := map[string]bool{}, map[string]bool{}
	for _, at := range steps {
		used[at.index] = true
		complaint := ""
		switch {
		case at.index == "":
			complaint = "all of " + at.table + " is read by " + at.text
		case !at.found && !c.walk && !slices.Contains(smallIndexes, at.index):
			complaint = at.table + " is read along all of " + at.index + " by " + at.text
		}
		if complaint != "" && !said[complaint] {
			said[complaint] = true
			t.Errorf("%s\n%s", complaint, at.plan)
		}
	}
	for _, index := range c.want {
		if !used[index] {
			t.Errorf("%s is not used, only %v", index, used)
		}
	}
}

func planned(text string) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	return slices.Contains([]string{"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}, strings.ToUpper(word))
}

var parameter = regexp.MustCompile(`[$?](\d+)`)

// parameters is how many arguments a statement takes.
func parameters(text string) int {
	most := 0
	for _, match := range parameter.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(match[1]) // digits
		most = max(most, n)
	}
	return most
}

// explainSQLite looks at the texts that the store runs from now on. The planner does not look at arguments.
func explainSQLite(db rawDB, s *store.Store) func(t *testing.T) []step {
	before := s.Statements()
	return func(t *testing.T) (steps []step) {
		t.Helper()
		for _, text := range s.Statements() {
			if planned(text) && !slices.Contains(before, text) {
				steps = append(steps, sqliteSteps(t, db, text)...)
			}
		}
		return steps
	}
}

// sqliteSteps reads the program of a statement (https://www.sqlite.org/opcode.html): which tables and indexes its cursors are opened on, and whether
// a cursor is placed by a key or at an end, to go along everything. (Its plan in words names aliases only.)
func sqliteSteps(t *testing.T, db rawDB, text string) []step {
	t.Helper()
	roots := map[int64][3]string{}
	for _, row := range texted(t, db, `SELECT rootpage, type, name, tbl_name FROM sqlite_schema WHERE rootpage > 0`) {
		n, _ := strconv.ParseInt(row[0], 10, 64) // a page number
		roots[n] = [3]string{row[1], row[2], row[3]}
	}
	var words strings.Builder
	for _, row := range texted(t, db, `EXPLAIN QUERY PLAN `+text, make([]any, parameters(text))...) {
		words.WriteString("\t" + row[3] + "\n")
	}
	var all []*step
	cursors := map[string]*step{} // the number of a cursor may be given again
	for _, row := range texted(t, db, `EXPLAIN `+text, make([]any, parameters(text))...) {
		code, p1 := row[1], row[2]
		switch {
		case code == "OpenRead" || code == "OpenWrite":
			page, _ := strconv.ParseInt(row[3], 10, 64) // a page number
			delete(cursors, p1)
			if on := roots[page]; slices.Contains(bigTables, on[2]) {
				cursors[p1] = &step{table: on[2], index: on[1], text: text, plan: words.String()}
				all = append(all, cursors[p1])
				if on[0] == "table" {
					cursors[p1].index = "PRIMARY KEY"
				}
			}
		case cursors[p1] == nil:
		case code == "Rewind" || code == "Last":
			cursors[p1].found, cursors[p1].walked = true, true
		case strings.HasPrefix(code, "Seek") || slices.Contains([]string{"NotExists", "Found", "NotFound", "NoConflict"}, code):
			cursors[p1].found = true
		}
	}
	var steps []step
	for _, at := range all {
		if !at.found {
			continue // only written to
		}
		if at.found = !at.walked; at.walked && at.index == "PRIMARY KEY" {
			at.index = ""
		}
		steps = append(steps, *at)
	}
	return steps
}

// texted is the result of a query, all as text.
func texted(t *testing.T, db rawDB, query string, args ...any) (list [][]string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, targets := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			t.Fatal(err)
		}
		row := make([]string, len(values))
		for i, v := range values {
			row[i] = fmt.Sprint(v)
		}
		list = append(list, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// recorder notes statements and their arguments.
type recorder struct {
	mu   sync.Mutex
	seen map[string][]any
}

func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	if planned(data.SQL) {
		r.seen[data.SQL] = data.Args
	}
	return ctx
}

func (r *recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// explainPostgres looks at the statements that the store runs from now on, twice: planned for their arguments, as the server does at first, and for
// any arguments, as it may do later.
func explainPostgres(t *testing.T, url string, s *store.Store) func(t *testing.T) []step {
	t.Helper()
	r := &recorder{seen: map[string][]any{}}
	if err := s.TracePostgres(r); err != nil {
		t.Fatal(err)
	}
	return func(t *testing.T) (steps []step) {
		t.Helper()
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.WithoutCancel(t.Context()))
		if _, err := conn.Exec(t.Context(), `SET plan_cache_mode = force_generic_plan`); err != nil {
			t.Fatal(err)
		}
		for text, args := range r.seen {
			steps = append(steps, postgresSteps(t, conn, text, `EXPLAIN (FORMAT JSON) `+text, args...)...)
			if n := parameters(text); n > 0 {
				if _, err := conn.Exec(t.Context(), `PREPARE any_arguments AS `+text); err != nil {
					t.Fatalf("prepare %s: %v", text, err)
				}
				execute := `EXPLAIN (FORMAT JSON) EXECUTE any_arguments (NULL` + strings.Repeat(", NULL", n-1) + `)`
				steps = append(steps, postgresSteps(t, conn, text, execute)...)
				if _, err := conn.Exec(t.Context(), `DEALLOCATE any_arguments`); err != nil {
					t.Fatal(err)
				}
			}
		}
		return steps
	}
}

// planNode is a node of PostgreSQL's plan.
type planNode struct {
	Node  string `json:"Node Type"`
	Table string `json:"Relation Name"`
	Index string `json:"Index Name"`
	Cond  string `json:"Index Cond"`

	Filter string `json:"Filter"`

	Plans []planNode `json:"Plans"`
}

func postgresSteps(t *testing.T, conn *pgx.Conn, text, explain string, args ...any) (steps []step) {
	t.Helper()
	var plan string
	if err := conn.QueryRow(t.Context(), explain, args...).Scan(&plan); err != nil {
		t.Fatalf("explain %s: %v", text, err)
	}
	var top []struct{ Plan planNode }
	if err := json.Unmarshal([]byte(plan), &top); err != nil {
		t.Fatal(err)
	}
	var walk func(n, above planNode)
	walk = func(n, above planNode) {
		switch n.Node {
		case "Seq Scan":
			if slices.Contains(bigTables, n.Table) {
				steps = append(steps, step{table: n.Table, text: text, plan: n.Filter})
			}
		case "Index Scan", "Index Only Scan", "Bitmap Index Scan":
			table := n.Table
			if table == "" {
				table = above.Table
			}
			if slices.Contains(bigTables, table) || table == "" {
				steps = append(steps, step{table: table, index: n.Index, found: n.Cond != "", text: text, plan: n.Filter})
			}
		}
		for _, below := range n.Plans {
			walk(below, n)
		}
	}
	walk(top[0].Plan, planNode{})
	return steps
}

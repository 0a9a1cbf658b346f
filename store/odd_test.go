package store_test

import (
	"testing"

	"drydock"
	"drydock/store/storetest"
)

// Rows as no writer should leave them: each is shown as far as it can be read, and hides no other, on no page.
const oddRows = `
INSERT INTO tasks (task_id, status, created, subtask_id_list, result_successes, result_links, node_filter, request_context) VALUES
	('\x00000000000000000000000000000002', 'nonsense', '2020-01-01', '{NULL,"\\x01"}', '[3:4]={a,b}', '["x"]', '7', '7'),
	('\x00000000000000000000000000000003', NULL, NULL, NULL, '{{a},{b}}', '{"r": "x"}', '"text"', '"{broken"'),
	('\x00000000000000000000000000000004', 'running', NULL, NULL, NULL, '{"r": [1]}', 'null', 'null'),
	('\x00000000000000000000000000000005', 'complete', 'infinity', '{}', '{}', '{}', 'null', 'null'),
	('\x0102', 'queued', '2020-01-02', NULL, NULL, '"x"', NULL, NULL);
INSERT INTO result_message (task_id, message, extra) VALUES
	('\x00000000000000000000000000000002', NULL, '"no json"'), ('\x00000000000000000000000000000002', 'b', '[1]'),
	('\x00000000000000000000000000000002', 'c', '"{\"a\": 1}"'), (NULL, 'd', '{}');
INSERT INTO build_data (node_name, task_id, collected_date, generator, data_format, data_element) VALUES
	(NULL, NULL, NULL, NULL, NULL, NULL), ('n1', '\x01', NULL, 'lshw', NULL, ''), ('n1', NULL, '2020-01-01', NULL, 'text', 'x');`

func TestOddRows(t *testing.T) {
	url := makeUpstream(t, 2)
	raw(t, url).exec(t, oddRows)
	s := storetest.OpenURL(t, url)
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for limit := range 9 {
		if all := pages(t, s, drydock.TaskQuery{Limit: limit}); len(all) != 8 {
			t.Errorf("in pages of %d: %d tasks", limit, len(all))
		}
	}
	odd := get(t, s, "00000000-0000-0000-0000-000000000002")
	if odd.Status != "nonsense" || len(odd.Subtasks) != 0 || len(odd.Result.Successes) != 2 || string(odd.NodeFilter) != "7" {
		t.Errorf("odd task: %+v", odd)
	}
	if said := messages(t, s, odd.ID); len(said) != 3 || string(said[0].Extra) != `"no json"` || string(said[2].Extra) != `{"a": 1}` {
		t.Errorf("messages: %+v", said)
	}
	if got := buildData(t, s, drydock.BuildDataQuery{Nodes: []string{"n1"}}); len(got) != 2 {
		t.Errorf("build data: %+v", got)
	}
	l := storetest.Lead(t, s)
	if a, err := s.AdoptTasks(t.Context(), l, nil); err != nil || len(a.Failed) != 2 { // what upstream left running
		t.Errorf("adopted %+v, error %v", a, err)
	}
	if _, err := s.Queue(t.Context()); err != nil {
		t.Error(err)
	}
}

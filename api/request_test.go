package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"drydock/api"
)

const id0 = "568e150b-d0ac-4099-810d-46e6a11c77f3"

// mistake is a request that is refused, and what the refusal says.
type mistake struct {
	request
	status int
	text   string
}

func post(body string, headers ...string) request {
	return request{"POST", "/api/v1.0/tasks", body, headers}
}

func get(path string) request { return request{method: "GET", path: "/api/v1.0" + path} }

func filter(text string) request {
	return post(`{"action": "noop", "design_ref": "", "node_filter": ` + text + `}`)
}

func element(text string) request {
	return filter(`{"filter_set_type": "union", "filter_set": [` + text + `]}`)
}

// refuses checks that every mistake is answered with its status and a text that names the place, and leaves nothing behind.
func refuses(t *testing.T, list []mistake) {
	t.Helper()
	s := newService(t, func(_ *api.Deps, o *api.Options) { o.MaxBody = 2000 })
	for _, c := range list {
		a := s.do(c.request)
		var body api.ErrorBody
		err := json.Unmarshal([]byte(a.body), &body)
		if a.StatusCode != c.status || err != nil || body.Type != "error" || body.Retry || !strings.Contains(body.Message, c.text) {
			t.Errorf("%s %s %.150s: %d %s (%v)\nwant %d and %q", c.method, c.path, c.body, a.StatusCode, a.body, err, c.status, c.text)
		}
		if a.Header.Get("X-Drydock-Req") == "" || a.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %v", c.method, c.path, a.Header)
		}
	}
	if a := s.get("/api/v1.0/tasks"); a.StatusCode != http.StatusOK || a.body != "[]" {
		t.Errorf("after all these refusals there are tasks: %s", a.body)
	}
}

func TestBadCreation(t *testing.T) {
	refuses(t, []mistake{
		{post(""), 400, `Requires application/json payload: Content-Type is ""`},
		{post(" "), 400, "must not be empty"},
		{post(`{}`, "Content-Type: text/plain"), 400, `Requires application/json payload: Content-Type is "text/plain"`},
		{post(`{}`, "Content-Type: application/json; charset=latin1"), 400, `charset is "latin1"`},
		{post(`{}`, "Content-Encoding: gzip"), 400, "Content-Encoding"},
		{post("{\"action\": \"noop\",\n  \"é\" \"x\"}"), 400, "Invalid JSON in body: line 2, column 7"},
		{post(`{"action": "noop"`), 400, "Invalid JSON in body: line 1, column 18: unexpected end"},
		{post(`{} {}`), 400, "line 1, column 4"},
		{post("{\"action\": \"\xff\"}"), 400, "not UTF-8"},
		{post(`[1]`), 400, "The body must be an object, not an array"},
		{post(`"x"`), 400, "The body must be an object, not a string"},
		{post(`{"action": "noop", "design_ref": "", "nodefilter": null}`), 400, `Unknown field "nodefilter"`},
		{post(`{"Action": "noop", "design_ref": ""}`), 400, `Unknown field "Action"`},
		{post(`{"action": "noop", "action": "noop", "design_ref": ""}`), 400, `"action" is given twice`},
		{post(`{"design_ref": ""}`), 400, "Unsupported action None"},
		{post(`{"action": null, "design_ref": ""}`), 400, "Unsupported action None"},
		{post(`{"action": "fly", "design_ref": ""}`), 400, "Unsupported action fly"},
		{post(`{"action": {}, "design_ref": ""}`), 400, "action must be a string, not an object"},
		{post(`{"action": "noop"}`), 400, "design_ref is required"},
		{post(`{"action": "noop", "design_ref": null}`), 400, "design_ref is required"},
		{post(`{"action": "noop", "design_ref": 7}`), 400, "design_ref must be a string, not a number"},
		{post(`{"action": "noop", "design_ref": "a\u0000b"}`), 400, "design_ref must not contain a NUL"},
		{post(`{"action": "noop", "design_ref": ""}`, "Idempotency-Key: "), 400, "Idempotency-Key must have 1 to 255 bytes"},
		{post(`{"action": "noop", "design_ref": ""}`, "Idempotency-Key: "+strings.Repeat("k", 256)), 400, "not 256"},
		{post(`{"action": "noop", "design_ref": ""}`, "Idempotency-Key: \u00e9"), 400, "printable ASCII"},
		{post(`{"action": "noop", "design_ref": "` + strings.Repeat("x", 2000) + `"}`), 413, "larger than the 2000 bytes"},
		{request{"POST", "/api/v1.0/tasks?x=1", "{}", nil}, 400, `Unknown query parameter "x"`},
	})
}

func TestBadNodeFilter(t *testing.T) {
	refuses(t, []mistake{
		{filter(`"all"`), 400, "node_filter must be an object, not a string"},
		{filter(`{}`), 400, "node_filter.filter_set_type is required"},
		{filter(`{"filter_set_type": "any", "filter_set": []}`), 400, `node_filter.filter_set_type must be union or intersection, not "any"`},
		{filter(`{"filter_set_type": "union"}`), 400, "node_filter.filter_set is required"},
		{filter(`{"filter_set_type": "union", "filter_set": {}}`), 400, "node_filter.filter_set must be an array, not an object"},
		{filter(`{"filter_set_type": "union", "filter_set": [], "x": 1}`), 400, `"node_filter.x"`},
		{element(`3`), 400, "node_filter.filter_set[0] must be an object, not a number"},
		{element(`{}, {}`), 400, "node_filter.filter_set[0].filter_type is required"},
		{element(`{"filter_type": 1}`), 400, "node_filter.filter_set[0].filter_type must be a string"},
		{element(`{"filter_type": "union", "names": []}`), 400, `"node_filter.filter_set[0].names"`},
		{element(`{"filter_type": "union", "node_names": "n1"}`), 400, "node_filter.filter_set[0].node_names must be an array, not a string"},
		{element(`{"filter_type": "union", "node_tags": ["a", true]}`), 400, "node_filter.filter_set[0].node_tags[1] must be a string, not a boolean"},
		{element(`{"filter_type": "union", "node_labels": ["a"]}`), 400, "node_filter.filter_set[0].node_labels must be an object, not an array"},
		{element(`{"filter_type": "union", "rack_labels": {"a": 1}}`), 400, "node_filter.filter_set[0].rack_labels.a must be a string, not a number"},
	})
}

func TestBadQuery(t *testing.T) {
	refuses(t, []mistake{
		{get("/tasks?statsu=queued&limt=1"), 400, `"limt", "statsu"`},
		{get("/tasks?status=done"), 400, `"status" must be one of`},
		{get("/tasks?status=queued&status="), 400, `"status" must not be empty`},
		{get("/tasks?result=good"), 400, `"result" must be one of`},
		{get("/tasks?parent=x"), 400, `"parent": "x" is not a UUID`},
		{get("/tasks?roots=maybe"), 400, `"roots" must be true or false`},
		{get("/tasks?since=then"), 400, `"since": "then" is not a time`},
		{get("/tasks?limit=0"), 400, `"limit" must be a whole number from 1 to 1000`},
		{get("/tasks?limit=1001"), 400, `"limit"`},
		{get("/tasks?limit=1&limit=2"), 400, `"limit" is given 2 times`},
		{get("/tasks?node="), 400, `"node" must not be empty`},
		{get("/tasks?after=zzz"), 400, "zzz"},
		{get("/tasks?a=%zz"), 400, "query cannot be read"},
	})
}

func TestBadTarget(t *testing.T) {
	refuses(t, []mistake{
		{get("/tasks/xyz"), 400, `"xyz"`},
		{get("/tasks/" + id0), 404, "Task " + id0 + " does not exist"},
		{get("/tasks/" + strings.ToUpper(id0) + "?layers=1"), 404, "Task " + strings.ToUpper(id0) + " does not exist"},
		{get("/tasks/" + id0 + "?layers=all"), 400, `"layers" must be a whole number, not "all"`},
		{get("/tasks/" + id0 + "?builddata=perhaps"), 400, `"builddata" must be true or false`},
		{get("/tasks/" + id0 + "?depth=1"), 400, `"depth"`},
		{get("/tasks/xyz/messages"), 400, `"xyz"`},
		{get("/tasks/" + id0 + "/messages"), 404, "does not exist"},
		{get("/tasks/" + id0 + "/messages?after=-1"), 400, `"after"`},
		{get("/tasks/" + id0 + "/messages?limit=10001"), 400, `"limit"`},
		{get("/tasks/" + id0 + "/follow"), 404, "does not exist"},
		{get("/tasks/" + id0 + "/follow?after=x"), 400, `"after"`},
		{request{"GET", "/api/v1.0/tasks/" + id0 + "/follow", "", []string{"Last-Event-ID: x"}}, 400, "Last-Event-ID"},
		{get("/tasks/xyz/builddata"), 400, `"xyz"`},
		{get("/tasks/" + id0 + "/builddata"), 404, "No build data found"},
		{get("/nodes/n1/builddata"), 404, "No build data found"},
		{get("/nodes/n1/builddata?latest=soon"), 400, `"latest"`},
		{get("/status?x"), 400, `"x"`},
		{get("/nodes"), 404, "nothing at /api/v1.0/nodes"},
		{get("/tasks/"), 404, "nothing at"},
		{get("//tasks"), 404, "nothing at"},
		{get("/x/../tasks"), 404, "nothing at"},
		{request{method: "POST", path: "/api/v1.0/tasks/xyz/terminate"}, 400, `"xyz"`},
		{request{method: "POST", path: "/api/v1.0/tasks/" + id0 + "/terminate"}, 404, "does not exist"},
		{request{"POST", "/api/v1.0/tasks/" + id0 + "/terminate", "", []string{"X-End-User: " + strings.Repeat("u", 256)}}, 400, "X-End-User"},
		{request{method: "PUT", path: "/api/v1.0/tasks"}, 405, "use one of DELETE, GET, HEAD, OPTIONS, POST"},
		{request{method: "DELETE", path: "/api/v1.0/tasks?days=0"}, 400, `"days" must be a whole number from 1`},
		{request{method: "DELETE", path: "/api/v1.0/tasks?days=-1"}, 400, `"days"`},
		{request{method: "DELETE", path: "/api/v1.0/tasks?days=ten"}, 400, `"days"`},
		{request{method: "DELETE", path: "/api/v1.0/tasks?days=99999999"}, 400, `"days"`},
	})
}

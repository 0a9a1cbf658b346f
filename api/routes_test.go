package api

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestRoutes pins who may do what, before there is anybody to ask.
func TestRoutes(t *testing.T) {
	want := []string{
		"GET /versions -",
		"GET /api/v1.0/openapi.yaml -",
		"GET /api/v1.0/health -",
		"GET /api/v1.0/health/extended physical_provisioner:health_data",
		"GET /api/v1.0/status physical_provisioner:health_data",
		"GET /api/v1.0/tasks physical_provisioner:read_task",
		"POST /api/v1.0/tasks physical_provisioner:create_task",
		"DELETE /api/v1.0/tasks physical_provisioner:delete_tasks",
		"GET /api/v1.0/tasks/{id} physical_provisioner:read_task",
		"POST /api/v1.0/tasks/{id}/terminate physical_provisioner:terminate_task",
		"GET /api/v1.0/tasks/{id}/messages physical_provisioner:read_task",
		"GET /api/v1.0/tasks/{id}/follow physical_provisioner:read_task",
		"GET /api/v1.0/tasks/{id}/builddata physical_provisioner:read_build_data",
		"GET /api/v1.0/nodes/{name}/builddata physical_provisioner:read_build_data",
		"POST /api/v1.0/designs physical_provisioner:ingest_data",
		"GET /api/v1.0/designs/{digest} physical_provisioner:read_data",
		"POST /api/v1.0/nodefilter physical_provisioner:read_data",
		"POST /api/v1.0/validatedesign physical_provisioner:validate_site_design",
		"GET /api/v1.0/nodes/{name}/bootactions physical_provisioner:read_build_data",
		"GET /api/v1.0/bootactions/nodes/{name}/units -",
		"GET /api/v1.0/bootactions/nodes/{name}/files -",
		"POST /api/v1.0/bootactions/{id} -",
	}
	var got []string
	for _, rt := range new(server).routes() {
		policy := rt.policy
		if policy == policyNone {
			policy = "-"
		}
		got = append(got, rt.method+" "+rt.pattern+" "+policy)
	}
	if !slices.Equal(got, want) {
		t.Errorf("routes:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestDescription checks that openapi.yaml and the table have the same operations, each with a name of its own.
func TestDescription(t *testing.T) {
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Paths map[string]map[string]any }
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	described, names := map[string]bool{}, map[string]bool{}
	for path, item := range doc.Paths {
		for method, operation := range item {
			if method == "parameters" {
				continue
			}
			described[strings.ToUpper(method)+" "+path] = true
			name, _ := operation.(map[string]any)["operationId"].(string)
			if name == "" || names[name] {
				t.Errorf("%s %s: operationId %q is missing or taken", method, path, name)
			}
			names[name] = true
		}
	}
	for _, rt := range new(server).routes() {
		if key := rt.method + " " + rt.pattern; !described[key] {
			t.Errorf("openapi.yaml lacks %s", key)
		} else {
			delete(described, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(described)) {
		t.Errorf("openapi.yaml has %s, which the table lacks", key)
	}
}

// TestMethods checks HEAD, OPTIONS and what is answered to methods that a path does not have.
func TestMethods(t *testing.T) {
	h := New(Deps{}, Options{})
	patterns := map[string][]string{}
	for _, rt := range new(server).routes() {
		patterns[rt.pattern] = append(patterns[rt.pattern], rt.method)
	}
	for pattern, methods := range patterns {
		path := strings.NewReplacer("{id}", "568e150b-d0ac-4099-810d-46e6a11c77f3", "{name}", "n1", "{digest}", strings.Repeat("0", 64)).Replace(pattern)
		allow := append([]string{"OPTIONS"}, methods...)
		if slices.Contains(methods, "GET") {
			allow = append(allow, "HEAD")
		}
		slices.Sort(allow)
		for method, status := range map[string]int{"OPTIONS": http.StatusOK, "PUT": http.StatusMethodNotAllowed, "PATCH": http.StatusMethodNotAllowed} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
			if w.Code != status || w.Header().Get("Allow") != strings.Join(allow, ", ") || w.Header().Get(headerRequest) == "" {
				t.Errorf("%s %s: %d %v", method, path, w.Code, w.Header())
			}
			if status != http.StatusOK && !strings.HasPrefix(w.Body.String(), `{"type":"error","message":"`) {
				t.Errorf("%s %s: %s", method, path, w.Body)
			}
		}
	}
}

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drydock/bench"
)

func TestBenchDesign(t *testing.T) {
	file := filepath.Join(t.TempDir(), "site.yaml")
	if got := runCommand(t.Context(), 0, nil, "bench", "design", "--nodes", "20", "--seed", "3", "--write", file); got.code != 0 || got.out != "" {
		t.Fatalf("%+v", got)
	}
	src, err := os.ReadFile(file)
	if err != nil || strings.Count(string(src), "drydock/BaremetalNode/v1") != 20 {
		t.Fatalf("%d bytes, %v", len(src), err)
	}
	for name, args := range map[string][]string{"a file": {file}, "a made-up site": {"--nodes", "20", "--seed", "3"}} {
		got := runCommand(t.Context(), 0, nil, append([]string{"bench", "design", "--cores", "1", "--duration", "1ms", "-o", "json"}, args...)...)
		var report bench.DesignReport
		if err := json.Unmarshal([]byte(got.out), &report); got.code != 0 || err != nil || report.Nodes != 20 || report.Bytes != len(src) || len(report.Results) != 1 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if got := runCommand(t.Context(), 100, nil, "bench", "design", "--cores", "1", "--duration", "1ms", file); !strings.Contains(got.out, "peak memory") {
		t.Errorf("%+v", got)
	}
	for what, args := range map[string][]string{
		"nothing": {}, "both": {file, "--nodes", "5"}, "write what is there": {file, "--write", "x"}, "no such file": {file + "x"}, "no nodes": {"--nodes", "0"}, "no cores": {file, "--cores", "0"},
	} {
		if got := runCommand(t.Context(), 0, nil, append([]string{"bench", "design"}, args...)...); got.code != 2 || got.out != "" {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

package keystonetest

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestServer checks what other tests rely on: accounts and their roles, tokens, a database that survives a crash, and nothing left behind.
func TestServer(t *testing.T) {
	var folder string
	t.Run("in use", func(t *testing.T) {
		s := Start(t, Options{})
		folder = s.folder
		for user, want := range map[string]string{DrydockUser: "admin", ReaderUser: "reader"} {
			token, err := s.login(t.Context(), user, Project)
			if err != nil {
				t.Fatal(err)
			}
			if roles, err := s.Validate(t.Context(), token); err != nil || !slices.Contains(roles, want) {
				t.Errorf("%s has the roles %v, %v", user, roles, err)
			}
		}
		token, err := s.login(t.Context(), DrydockUser, Project)
		if err != nil {
			t.Fatal(err)
		}
		url := s.URL
		s.Stop(t)
		if _, err := s.Validate(t.Context(), token); err == nil {
			t.Error("it answers although it was stopped")
		}
		s.Restart(t)
		if s.URL != url {
			t.Errorf("it was at %s and is at %s", url, s.URL)
		}
		if roles, err := s.Validate(t.Context(), token); err != nil || len(roles) == 0 {
			t.Errorf("the token that was issued before has the roles %v, %v", roles, err)
		}
		s.Revoke(t, token)
		if roles, err := s.Validate(t.Context(), token); err != nil || len(roles) != 0 {
			t.Errorf("a revoked token has the roles %v, %v", roles, err)
		}
	})
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", folder, err)
	}
}

func TestNotInstalled(t *testing.T) {
	t.Setenv(pythonVariable, "/bin/false")
	if _, err := start(Options{}); err == nil || !strings.Contains(err.Error(), "start Keystone: ") {
		t.Errorf("error %v", err)
	}
	python := t.TempDir() + "/python"
	if err := os.WriteFile(python, []byte("#!/bin/sh\necho ModuleNotFoundError >&2\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv(pythonVariable, python)
	if _, err := start(Options{}); err == nil || !strings.Contains(err.Error(), "apt-get install --no-install-recommends python3-keystone") {
		t.Errorf("error %v", err)
	}
}

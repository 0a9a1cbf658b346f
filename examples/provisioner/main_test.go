package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

// start runs the built program on a database; stop sends it a signal and waits for its end.
func start(t *testing.T, program, database string) (stop func(os.Signal) error) {
	t.Helper()
	c := exec.Command(program, "--database", database, "--ttl", "1s", "--step", "150ms")
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	stop = func(s os.Signal) error {
		if ended {
			return nil
		}
		ended = true
		if err := c.Process.Signal(s); err != nil {
			return err
		}
		return c.Wait()
	}
	t.Cleanup(func() {
		if !ended {
			t.Logf("stopped by the test's end: %v", stop(os.Kill))
		}
	})
	return stop
}

// TestKillInTheMiddle: killed without warning in the middle of a deployment and started again, the program ends it with each node done once.
func TestKillInTheMiddle(t *testing.T) {
	program := filepath.Join(t.TempDir(), "provisioner")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	database := storetest.SQLiteURL(t)
	s := storetest.OpenURL(t, database)
	nodes := []string{"n1", "n2", "n3", "n4", "n5", "n6"}
	parent, _, err := s.CreateTask(t.Context(), drydock.NewTask{
		Action: drydock.ActionDeployNodes, CreatedBy: "ann",
		NodeFilter: []byte(`{"filter_set_type": "union", "filter_set": [{"filter_type": "union", "node_names": ["` + strings.Join(nodes, `", "`) + `"]}]}`),
	})
	if err != nil {
		t.Fatal(err)
	}

	stop := start(t, program, database)
	storetest.Eventually(t, "some nodes are done, some are in the middle", func() bool {
		done, running, _ := children(t, s, parent.ID)
		return done >= 2 && running > 0
	})
	if err := stop(syscall.SIGKILL); err == nil {
		t.Error("killed, but ended well")
	}
	done, running, first := children(t, s, parent.ID)
	if done == len(nodes) || len(first) != len(nodes) {
		t.Fatalf("killed too late: %d of %d children done", done, len(first))
	}
	t.Logf("killed with %d nodes done and %d in the middle", done, running)

	stop = start(t, program, database)
	storetest.Eventually(t, "the end of the deployment", func() bool { return task(t, s, parent.ID).Status.Terminal() })
	if err := stop(syscall.SIGTERM); err != nil {
		t.Errorf("stopped in order: %v", err)
	}
	check(t, s, task(t, s, parent.ID), first)
}

// check compares a deployment that has ended with the children that were there when it was interrupted.
func check(t *testing.T, s *store.Store, parent drydock.Task, first []drydock.Task) {
	t.Helper()
	slices.Sort(parent.Result.Successes)
	if parent.Result.Status != drydock.ResultSuccess || parent.Attempt != 2 || len(parent.Result.Successes) != len(first) {
		t.Errorf("parent %+v", parent)
	}
	_, _, last := children(t, s, parent.ID)
	if len(last) != len(first) {
		t.Fatalf("%d children, there were %d", len(last), len(first))
	}
	repeated := 0
	for i, c := range last {
		if c.ID != first[i].ID || c.Result.Status != drydock.ResultSuccess || len(c.Result.Successes) != 1 || c.CreatedBy != "ann" {
			t.Errorf("child %+v", c)
		}
		if first[i].Status.Terminal() && c.Attempt != 1 {
			t.Errorf("done before the kill, and again: %+v", c)
		}
		repeated += c.Attempt - 1
		messages, err := s.Messages(t.Context(), c.ID, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if n := count(messages, "Deployed."); n != 1 {
			t.Errorf("node %s was deployed %d times", c.Result.Successes, n)
		}
	}
	if repeated == 0 {
		t.Error("nothing was interrupted")
	}
	page, err := s.BuildData(t.Context(), drydock.BuildDataQuery{Nodes: parent.Result.Successes, Latest: true})
	if err != nil || len(page.Data) != len(first) {
		t.Errorf("build data of %d nodes, %v", len(page.Data), err)
	}
}

func count(messages []drydock.Message, text string) (n int) {
	for _, m := range messages {
		if m.Text == text {
			n++
		}
	}
	return n
}

func task(t *testing.T, s *store.Store, id drydock.TaskID) drydock.Task {
	t.Helper()
	got, err := s.Task(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func children(t *testing.T, s *store.Store, id drydock.TaskID) (done, running int, all []drydock.Task) {
	t.Helper()
	tree, err := s.Subtree(context.Background(), id, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range tree[1:] {
		switch {
		case c.Status.Terminal():
			done++
		case c.Status == drydock.StatusRunning:
			running++
		}
	}
	return done, running, tree[1:]
}

package api_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails the run when a test leaves a goroutine behind: a handler, a follower or a connection.
func TestMain(m *testing.M) {
	// That one waits for the PostgreSQL server, which ends with this process.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("drydock/store/storetest.(*process).start.func1"))
}

package api_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails the run when a test leaves a goroutine behind: a handler, a follower or a connection.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

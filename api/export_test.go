package api

import (
	"context"
	"time"
)

// Golden compares with a file in testdata; -update writes it anew.
var Golden = golden

// GateForTest shows a gate to the tests outside.
type GateForTest struct{ g *gate }

// NewGateForTest is newGate.
func NewGateForTest(slots, room int, patience time.Duration) GateForTest {
	return GateForTest{newGate(slots, room, patience)}
}

// Enter is enter.
func (g GateForTest) Enter(ctx context.Context) (func(), error) { return g.g.enter(ctx) }

package bench_test

import (
	"testing"

	"drydock/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

package bench

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Memory is what one pass over a design needs beside the source itself.
type Memory struct {
	Peak   float64 `json:"peak_bytes"` // the most that was in use at a time, garbage that was not yet collected included
	Ratio  float64 `json:"ratio"`      // peak by the size of the source
	Kept   float64 `json:"kept"`       // what is still in use at the end, by the size of the source: the site and the findings
	Target float64 `json:"target"`
	Met    bool    `json:"met"`
	Small  bool    `json:"small"` // so little that it says more about the collector than about the design
}

// floorMemory is what a small design may need whatever its size: Go's collector looks at a heap for the first time when it has grown to 4 MiB, and
// lets it grow to twice of what it finds.
const floorMemory = 8 << 20

// memoryOf runs do and looks at the memory in use all the while. Below a megabyte of source most of what is seen is
// garbage that the collector has not looked at.
func memoryOf(do func() any, size int) Memory {
	runtime.GC()
	debug.FreeOSMemory()
	before := inUse()
	stop, peak := make(chan struct{}), make(chan uint64)
	go func() {
		const often = 200 * time.Microsecond
		most := before
		tick := time.NewTicker(often)
		defer tick.Stop()
		for {
			most = max(most, inUse())
			select {
			case <-stop:
				peak <- most
				return
			case <-tick.C:
			}
		}
	}()
	result := do()
	close(stop)
	most := float64(<-peak - before)
	runtime.GC()
	after := max(inUse(), before)
	runtime.KeepAlive(result)
	m := Memory{Peak: most, Ratio: most / float64(max(size, 1)), Kept: float64(after-before) / float64(max(size, 1)), Target: targetMemory}
	m.Met, m.Small = m.Ratio < targetMemory, most < floorMemory
	return m
}

// inUse is the memory that the program holds and uses: heap with garbage, stacks, and what the runtime needs for itself.
func inUse() uint64 {
	s := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(s)
	return s[0].Value.Uint64() - s[1].Value.Uint64() - s[2].Value.Uint64()
}

package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"drydock"
	"drydock/design"
	"drydock/site"

	"go.yaml.in/yaml/v3"
)

// DesignOptions of Design.
type DesignOptions struct {
	Source   []byte        // the design: a stream of YAML documents
	Name     string        // of the source, for the report
	Cores    []int         // how many cores the program may use; one measurement for each; default 1 and all
	Duration time.Duration // of each side of each measurement; default DefaultDuration
	Progress io.Writer     // gets a line now and then; nil: nobody
}

// The targets of a design: the time that ingest, compile and all rules take by that of decoding alone, and memory by the size of the source.
const (
	targetTime   = 2.0
	targetMemory = 8.0
)

func (o *DesignOptions) fill() error {
	if len(o.Cores) == 0 {
		o.Cores = []int{1, runtime.NumCPU()}
		o.Cores = slices.Compact(o.Cores)
	}
	if o.Duration == 0 {
		o.Duration = DefaultDuration
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	for _, n := range o.Cores {
		if n < 1 || n > maxClients {
			return fmt.Errorf("%w: %d cores, use 1 to %d", drydock.ErrInvalid, n, maxClients)
		}
	}
	if o.Duration < 0 || o.Duration > time.Hour {
		return fmt.Errorf("%w: a duration of %v, use up to an hour", drydock.ErrInvalid, o.Duration)
	}
	return nil
}

// Design measures how long it takes to make a checked site of a design (ingest, compile, every rule), in turns with decoding the same bytes by the
// YAML library and nothing else, and how much memory that needs. It sets how many cores the program may use, and sets it back at the end: only one at
// a time makes sense in a process. ErrInvalid: an option is wrong, or the source is nothing that the library can decode.
func Design(ctx context.Context, o DesignOptions) (report DesignReport, err error) {
	if err := o.fill(); err != nil {
		return report, err
	}
	in, err := design.NewIngester()
	if err != nil {
		return report, fmt.Errorf("compile the schemas: %w", err)
	}
	if err := decodePlain(o.Source); err != nil {
		return report, fmt.Errorf("%w: decode %s: %w", drydock.ErrInvalid, o.Name, err)
	}
	report = DesignReport{Source: o.Name, Bytes: len(o.Source), Platform: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), Duration: o.Duration.String()}
	report.Memory = memoryOf(func() any {
		d, findings := in.Check(o.Source)
		report.count(d, findings)
		return d
	}, len(o.Source))
	fmt.Fprintf(o.Progress, "%d documents, %d nodes, %d bytes; memory %.1f times that\n", report.Documents, report.Nodes, report.Bytes, report.Memory.Ratio)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, cores := range o.Cores {
		runtime.GOMAXPROCS(cores)
		r, err := measureDesign(ctx, in, &o)
		if err != nil {
			return report, err
		}
		r.Cores = cores
		report.Results = append(report.Results, r)
		fmt.Fprintf(o.Progress, "%d cores: %.1f ms, plain %.1f ms, ratio %.2f\n", cores, r.Ours.Milliseconds, r.Plain.Milliseconds, r.Ratio)
	}
	return report, nil
}

func (r *DesignReport) count(d *site.Design, findings []site.Finding) {
	r.Documents, r.Nodes = len(d.Documents), len(d.Nodes)
	r.Findings = map[string]int{}
	for _, f := range findings {
		r.Findings[string(f.Level)]++
	}
}

// decodePlain is what any reader of YAML has to do.
func decodePlain(src []byte) error {
	dec := yaml.NewDecoder(bytes.NewReader(src))
	for {
		var v any
		if err := dec.Decode(&v); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// turnTime is how long a turn lasts at least.
const turnTime = 20 * time.Millisecond

// measureDesign lets both sides take turns: ours, plain, plain, ours and so on. A turn is one pass over the source, or as many as a turn should last
// if the source is small.
func measureDesign(ctx context.Context, in *design.Ingester, o *DesignOptions) (DesignResult, error) {
	sides := []func() error{
		func() error { in.Check(o.Source); return nil },
		func() error { return decodePlain(o.Source) },
	}
	start := time.Now()
	if err := sides[1](); err != nil {
		return DesignResult{}, err
	}
	passes := max(1, int(turnTime/max(time.Since(start), time.Microsecond)))
	times, allocations := make([][]float64, len(sides)), make([][]float64, len(sides))
	turn := func(i int) error {
		runtime.GC() // nobody pays for the other's garbage
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		for range passes {
			if err := sides[i](); err != nil {
				return err
			}
		}
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		times[i] = append(times[i], took.Seconds()/float64(passes))
		allocations[i] = append(allocations[i], float64(after.TotalAlloc-before.TotalAlloc)/float64(passes))
		return nil
	}
	const warm, fewest = 1, 5
	for n, end := 0, time.Now().Add(2*o.Duration); n < fewest+warm || time.Now().Before(end); n++ {
		first := n % len(sides)
		if err := errors.Join(context.Cause(ctx), turn(first), turn(1-first)); err != nil {
			return DesignResult{}, err
		}
	}
	ratios := make([]float64, 0, len(times[0]))
	for n := warm; n < len(times[0]); n++ {
		ratios = append(ratios, times[0][n]/times[1][n])
	}
	figures := func(i int) DesignFigures {
		seconds := median(times[i][warm:])
		return DesignFigures{
			Milliseconds: seconds * 1000, MegabytesPerSecond: float64(len(o.Source)) / 1e6 / seconds, Allocated: median(allocations[i][warm:]) / float64(len(o.Source)),
		}
	}
	r := DesignResult{Ours: figures(0), Plain: figures(1), Ratio: median(ratios), Turns: len(ratios), Target: targetTime}
	r.Met = r.Ratio <= targetTime
	return r, nil
}

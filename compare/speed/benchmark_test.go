package speed

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twopass-softmax/twopass/ukernel"
)

var quick = Timer{MinSample: time.Nanosecond, MinReps: 6}

func TestTimeRows(t *testing.T) {
	for _, threads := range []int{1, 2, 3} {
		var elements [2]atomic.Int64
		benchmark := func(i int) Benchmark {
			return Benchmark{Run: func(dst, src []float32) {
				if len(dst) != len(src) {
					t.Errorf("dst has %d elements, src %d", len(dst), len(src))
				}
				elements[i].Add(int64(len(src)))
			}}
		}
		s, n, err := quick.TimeRows([]Benchmark{benchmark(0), benchmark(1)}, 3<<16, threads)
		if err != nil {
			t.Fatal(err)
		}
		if n != 3<<16 {
			t.Errorf("%d threads: %d elements a call, want %d", threads, n, 3<<16)
		}
		for i := range s.NS {
			if len(s.NS[i]) != 6 {
				t.Errorf("%d threads: %d samples, want 6", threads, len(s.NS[i]))
			}
			// Each sample has the same number of calls; the warm-up some more.
			if got, least := elements[i].Load(), int64(6*s.Calls*n); got < least || got%int64(n) != 0 {
				t.Errorf("%d threads: %d elements processed in samples of %d calls", threads, got, s.Calls)
			}
		}
	}
	if _, n, err := quick.TimeRows([]Benchmark{{Run: func(dst, src []float32) {}}}, 2000, 2); err != nil || n != 2*65*1000 {
		t.Errorf("two short rows of 1000: %d elements a call, want 65 turns", n)
	}
}

// TestBind holds that a benchmark is bound once to the row of each thread, runs
// on that one alone, and is freed, also when another one fails.
func TestBind(t *testing.T) {
	for _, threads := range []int{1, 3} {
		var bound, freed int
		binder := Benchmark{Name: "binder", Bind: func(dst, src []float32) (run, done func(), err error) {
			bound++
			return func() { dst[0]++ }, func() {
				freed++
				if dst[0] == 0 {
					t.Errorf("%d threads: bound to a row, and not run on it", threads)
				}
			}, nil
		}}
		if _, _, err := quick.TimeRows([]Benchmark{{Run: func(dst, src []float32) {}}, binder}, 100*threads, threads); err != nil {
			t.Fatal(err)
		}
		if bound != threads || freed != threads {
			t.Errorf("%d threads: bound %d times, freed %d times", threads, bound, freed)
		}
	}
	freed := 0
	_, _, err := Timer{}.TimeRows([]Benchmark{
		{Name: "a", Bind: func(dst, src []float32) (run, done func(), err error) { return func() {}, func() { freed++ }, nil }},
		{Name: "b", Bind: func(dst, src []float32) (run, done func(), err error) { return nil, nil, errors.New("no memory") }},
	}, 1, 1)
	if err == nil || err.Error() != "b: no memory" || freed != 1 {
		t.Errorf("error %v, %d freed", err, freed)
	}
}

// TestTraffic holds that the benchmarks which copy do so.
func TestTraffic(t *testing.T) {
	read, copied, around, limit := Traffic()
	for _, c := range []Benchmark{copied, around, limit} {
		src, dst := []float32{1, 2, 3}, make([]float32, 3)
		c.Run(dst, src)
		if dst[0] != 1 || dst[1] != 2 || dst[2] != 3 {
			t.Errorf("%s wrote %v", c.Name, dst)
		}
	}
	dst := []float32{7}
	if read.Run(dst, []float32{1}); dst[0] != 7 {
		t.Errorf("read wrote %v", dst)
	}
}

func TestBytes(t *testing.T) {
	// The table of reads, writes and write-allocates, 4 bytes each.
	for a, want := range map[ukernel.Algorithm]int{
		ukernel.Auto: 0, ukernel.TwoPass: 16, ukernel.ThreePassRecompute: 20, ukernel.ThreePassReload: 24,
	} {
		if got := Bytes(a); got != want {
			t.Errorf("Bytes(%v) = %d, want %d", a, got, want)
		}
	}
}

// TestFrequency allows for anything from an emulator to what no CPU reaches.
func TestFrequency(t *testing.T) {
	if f := Frequency(); f < 0.001 || f > 20 {
		t.Errorf("%v GHz", f)
	}
}

// TestLoop holds that a benchmark with a loop of its own counts the calls and the
// time, alone and on several threads, and so does a library's.
func TestLoop(t *testing.T) {
	for i, threads := range []int{1, 2, 1, 2} {
		var calls atomic.Int64
		run := func(times int) time.Duration {
			calls.Add(int64(times))
			return time.Duration(7 * times)
		}
		benchmark := Benchmark{
			Loop: func(dst, src []float32, times int) time.Duration { return run(times) },
			Run:  func(dst, src []float32) { t.Error("called without its loop") },
		}
		if i >= 2 {
			library := Library{
				BindLoop: func(dst, src []float32, rows, cols, threads int) (func(int) time.Duration, func(), error) {
					return run, func() {}, nil
				},
				Bind: func(dst, src []float32, rows, cols, threads int) (run, done func(), err error) {
					return nil, nil, errors.New("bound without its loop")
				},
			}
			benchmark = library.OnRow()
		}
		s, _, err := Timer{MinSample: 100 * time.Nanosecond, MinReps: 6}.TimeRows([]Benchmark{benchmark}, 2000, threads)
		if err != nil {
			t.Fatal(err)
		}
		if threads == 1 && (s.NS[0][0] != 7 || s.Calls != 16) {
			t.Errorf("%v ns a call of %d, want 7 of 16", s.NS[0][0], s.Calls)
		}
		if threads == 2 && calls.Load()%(65*2) != 0 {
			t.Errorf("%d calls, want whole turns of 65 on each thread", calls.Load())
		}
	}
}

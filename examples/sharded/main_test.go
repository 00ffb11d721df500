package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/twopass-softmax/twopass/native"
)

// The test binary is the command, too, where the first of these is set: the
// tests start it as a user would, and it starts itself as workers. The second
// one lets a worker fail, the one with the shard that begins at faultyFirst.
const (
	commandEnv  = "SHARDED_TEST_COMMAND"
	faultEnv    = "SHARDED_TEST_FAULT"
	faultyFirst = "-first=500"
)

func TestMain(m *testing.M) {
	if os.Getenv(commandEnv) == "" {
		os.Exit(m.Run())
	}
	for _, arg := range os.Args {
		if arg == faultyFirst {
			fault(os.Getenv(faultEnv))
		}
	}
	main()
	os.Exit(0)
}

// fault is how a worker can fail.
func fault(what string) {
	sum, err := native.Accumulator{}.MarshalBinary()
	if err != nil {
		panic(err)
	}
	switch what {
	case "dies":
		fmt.Fprintln(os.Stderr, "out of luck")
		os.Exit(3)
	case "is killed":
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Kill()
		}
		panic(err)
	case "says nothing":
		os.Exit(0)
	case "sends too little":
		os.Stdout.Write(sum[:5])
		os.Exit(0)
	case "sends nonsense":
		os.Stdout.Write(bytes.Repeat([]byte{0xbf}, accumulatorLen))
		io.ReadAll(os.Stdin)
	case "dies after its sum":
		os.Stdout.Write(sum)
		os.Exit(4)
	case "hangs":
		time.Sleep(time.Hour)
	case "hangs after its sum":
		os.Stdout.Write(sum)
		time.Sleep(time.Hour)
	}
}

// command runs the command, and returns what it printed.
func command(t *testing.T, fault string, args ...string) (stdout, stderr string, ok bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), commandEnv+"=1", faultEnv+"="+fault)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	return out.String(), errs.String(), err == nil
}

// files are the files of a test: a row, and where the result goes.
func files(t *testing.T, row []float32) (in, out string) {
	t.Helper()
	dir := t.TempDir()
	in, out = filepath.Join(dir, "in"), filepath.Join(dir, "out")
	data, err := binary.Append(nil, binary.LittleEndian, row)
	if err == nil {
		err = os.WriteFile(in, data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return in, out
}

func readRow(t *testing.T, name string, n int) []float32 {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	row := make([]float32, n)
	if len(data) != 4*n {
		t.Fatalf("%s has %d bytes, want %d", name, len(data), 4*n)
	}
	if _, err := binary.Decode(data, binary.LittleEndian, row); err != nil {
		t.Fatal(err)
	}
	return row
}

// sharded is what the command must compute, to the bit: the same in one process.
func sharded(x []float32, workers int, log bool) (y []float32, lse float32) {
	var all native.Accumulator
	for i := range workers {
		var a, sent native.Accumulator
		a.Add(x[i*len(x)/workers : (i+1)*len(x)/workers])
		message, err := a.MarshalBinary()
		if err == nil {
			err = sent.UnmarshalBinary(message)
		}
		if err != nil {
			panic(err)
		}
		all.Merge(&sent)
	}
	message, err := all.MarshalBinary()
	var received native.Accumulator
	if err == nil {
		err = received.UnmarshalBinary(message)
	}
	if err != nil {
		panic(err)
	}
	y = make([]float32, len(x))
	if log {
		received.LogSoftmax(y, x)
	} else {
		received.Softmax(y, x)
	}
	return y, all.LogSumExp()
}

func fill(n int, value func(i int) float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(value(i))
	}
	return x
}

// ulps is how many float32 are between two numbers of one sign, 0 for two NaN.
func ulps(a, b float32) int64 {
	if a != a && b != b {
		return 0
	}
	return max(int64(math.Float32bits(a))-int64(math.Float32bits(b)), int64(math.Float32bits(b))-int64(math.Float32bits(a)))
}

func TestSharded(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	normal := func(int) float64 { return 5 * r.NormFloat64() }
	for _, test := range []struct {
		name    string
		row     []float32
		workers int
	}{
		{"one worker", fill(1000, normal), 1},
		{"unequal shards", fill(1001, normal), 4},
		{"long", fill(300_000, normal), 3},
		{"more workers than elements", fill(3, normal), 5},
		{"empty", nil, 2},
		{"far apart", fill(1000, func(i int) float64 { return float64(i/250) * 1e30 }), 4},
		{"a shard of -Inf", fill(1000, func(i int) float64 {
			if i/250 == 2 {
				return math.Inf(-1)
			}
			return normal(i)
		}), 4},
		{"all -Inf", fill(1000, func(int) float64 { return math.Inf(-1) }), 4},
		{"a +Inf", fill(1000, func(i int) float64 { return 1 / float64(i-600) }), 4},
		{"a NaN", append(fill(999, normal), float32(math.NaN())), 4},
	} {
		for _, log := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, log=%v", test.name, log), func(t *testing.T) {
				t.Parallel()
				in, out := files(t, test.row)
				stdout, stderr, ok := command(t, "", "-workers", fmt.Sprint(test.workers), "-log="+fmt.Sprint(log), in, out)
				if !ok || stderr != "" {
					t.Fatalf("failed: %s", stderr)
				}
				got := readRow(t, out, len(test.row))
				want, lse := sharded(test.row, test.workers, log)
				if want := fmt.Sprintln("log-sum-exp:", lse); stdout != want {
					t.Errorf("printed %q, want %q", stdout, want)
				}
				one := make([]float32, len(got))
				if log {
					native.LogSoftmax(one, test.row)
				} else {
					native.Softmax(one, test.row)
				}
				for i := range got {
					if ulps(got[i], want[i]) != 0 {
						t.Fatalf("element %d of %v is %v, want %v", i, test.row[i], got[i], want[i])
					}
					// 2^-22 + 2^-24 * (max - x) for each of the two, and the sum's rounding;
					// max - x is at most 60 where there is something left.
					if !log && ulps(got[i], one[i]) > 2*(4+60)+2 && max(got[i], one[i]) > 0x1p-120 {
						t.Fatalf("element %d of %v is %v, in one process %v", i, test.row[i], got[i], one[i])
					}
					if d := math.Abs(float64(got[i]) - float64(one[i])); log && d > 2*(0x1p-22+0x1p-23*math.Abs(float64(one[i])))+0x1p-23 {
						t.Fatalf("element %d of %v is %v, in one process %v", i, test.row[i], got[i], one[i])
					}
				}
			})
		}
	}
}

// TestFaults: whatever a worker does, the command ends, names it, and leaves the
// file that was there alone.
func TestFaults(t *testing.T) {
	killed := "signal: killed"
	if runtime.GOOS == "windows" {
		killed = "exit status 1"
	}
	for what, want := range map[string]string{
		"dies":                "exit status 3: out of luck",
		"is killed":           killed,
		"says nothing":        "it ended without a sum",
		"sends too little":    "it ended without a sum",
		"sends nonsense":      "native: an accumulator of version 191",
		"dies after its sum":  "exit status 4",
		"hangs":               "not done after 5s",
		"hangs after its sum": "not done after 5s",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			in, out := files(t, make([]float32, 1000))
			if err := os.WriteFile(out, []byte("before"), 0o644); err != nil {
				t.Fatal(err)
			}
			stdout, stderr, ok := command(t, what, "-timeout=5s", in, out)
			if want := "sharded: worker 2 of 4 (250 elements from 500 on): " + want; ok || stdout != "" || !strings.HasPrefix(stderr, want) {
				t.Errorf("ok is %v, printed %q and\n%s\nwant\n%s", ok, stdout, stderr, want)
			}
			if data, err := os.ReadFile(out); err != nil || string(data) != "before" {
				t.Errorf("the file holds %q, %v", data, err)
			}
			if names, err := os.ReadDir(filepath.Dir(out)); err != nil || len(names) != 2 {
				t.Errorf("left behind %v, %v", names, err)
			}
		})
	}
}

// TestOrphan: a worker whose coordinator is gone ends.
func TestOrphan(t *testing.T) {
	in, out := files(t, make([]float32, 4))
	stdout, stderr, ok := command(t, "", "worker", "-in="+in, "-out="+out, "-count=4") // standard input is empty
	if ok || len(stdout) != accumulatorLen || !strings.Contains(stderr, "receiving the sum of all: EOF") {
		t.Errorf("ok is %v, printed %q and %q", ok, stdout, stderr)
	}
}

func TestErrors(t *testing.T) {
	in, out := files(t, []float32{1, 2})
	odd := filepath.Join(t.TempDir(), "odd")
	if err := os.WriteFile(odd, []byte("12345"), 0o644); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"1 arguments, give two":                   {in},
		"0 workers, there must be from 1 to 256":  {"-workers=0", in, out},
		"257 workers, there must be":              {"-workers=257", in, out},
		odd + " has 5 bytes, it must be":          {odd, out},
		filepath.Join(in, "none"):                 {filepath.Join(in, "none"), out},
		filepath.Join(filepath.Dir(in), "no/out"): {in, filepath.Join(filepath.Dir(in), "no/out")},
	} {
		if _, stderr, ok := command(t, "", args...); ok || !strings.Contains(stderr, want) {
			t.Errorf("%q: ok is %v, printed %q, want %q in it", args, ok, stderr, want)
		}
	}
}

func TestMake(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	stdout, stderr, ok := command(t, "", "-make=1000", in, out)
	if !ok || !strings.HasPrefix(stdout, "log-sum-exp: ") {
		t.Fatalf("printed %q and %q", stdout, stderr)
	}
	sum := 0.0
	for _, p := range readRow(t, out, 1000) {
		sum += float64(p)
	}
	if math.Abs(sum-1) > 1e-6 {
		t.Errorf("the probabilities sum to %v", sum)
	}
}

package speed

import "strings"

// Names of benchmarks.
const (
	NativeSoftmax        = "native.Softmax"
	NativeLogSoftmax     = "native.LogSoftmax"
	NativeLogSumExp      = "native.LogSumExp"
	NativeSoftmaxRows    = "native.SoftmaxRows"
	NativeSoftmaxGrad    = "native.SoftmaxGradRows"
	NativeLogSoftmaxGrad = "native.LogSoftmaxGradRows"
	// OneGoroutine is native.Softmax on one goroutine, where others use several.
	OneGoroutine = "native.Softmax, 1 goroutine"
	// Limit moves the data and computes nothing; see [Traffic].
	Limit = "limit"
	// UpstreamBest begins the names of upstream's algorithms by its fastest
	// kernels; see [Workload.Fastest].
	UpstreamBest = "upstream best"
	// UpstreamBestInC begins their names when a loop in C calls them.
	UpstreamBestInC = UpstreamBest + InC
	// InC follows the name of a side that is called from C; see [FromC].
	InC = " in C"
	// GoLoop is softmax as a Go programmer writes it without a library.
	GoLoop = "Go loop over math.Exp"
	// Gonum is softmax by gonum's LogSumExp.
	Gonum = "gonum softmax"
)

// Opponent returns a benchmark's name without the algorithm, if it is one of upstream's best:
// in each comparison another algorithm may be the fastest.
func Opponent(name string) string {
	for _, side := range []string{UpstreamBestInC, UpstreamBest} {
		if strings.HasPrefix(name, side+" ") {
			return side
		}
	}
	return name
}

// ShortRow is the length of the row that is timed to see what a call costs.
const ShortRow = 8

package native_test

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/ukernel"
)

func ExampleSoftmax() {
	logits := []float32{1, 2, 3, float32(math.Inf(-1))}
	probs := make([]float32, len(logits))
	native.Softmax(probs, logits)
	fmt.Printf("%.4f\n", probs)
	// Output: [0.0900 0.2447 0.6652 0.0000]
}

func ExampleLogSoftmax() {
	x := []float32{0, 0, 1000}
	native.LogSoftmax(x, x) // in place
	fmt.Println(x)
	// Output: [-1000 -1000 0]
}

func ExampleLogSumExp() {
	fmt.Println(native.LogSumExp([]float32{1000, 1000}), native.LogSumExp(nil))
	// Output: 1000.6932 -Inf
}

// A classifier scores a batch: many short rows, one call.
func ExampleSoftmaxRows() {
	const batch, classes = 3, 4
	scores := []float32{
		2, 1, 0, 0,
		0, 0, 0, 0,
		-1, 5, 3, 1,
	}
	native.SoftmaxRows(scores, scores, batch, classes, classes, classes)
	for i := range batch {
		fmt.Printf("%.3f\n", scores[i*classes:][:classes])
	}
	// Output:
	// [0.610 0.225 0.083 0.083]
	// [0.250 0.250 0.250 0.250]
	// [0.002 0.865 0.117 0.016]
}

// The loss of a classifier: the logarithm of the right class's probability.
func ExampleLogSoftmaxRows() {
	const batch, classes = 2, 3
	scores := []float32{3, 1, 0, 0, 2, 1}
	labels := []int{0, 2}
	logs := make([]float32, len(scores))
	native.LogSoftmaxRows(logs, scores, batch, classes, classes, classes)
	var loss float32
	for i, label := range labels {
		loss -= logs[i*classes+label] / batch
	}
	fmt.Printf("%.4f\n", loss)
	// Output: 0.7887
}

func ExampleLogSumExpRows() {
	energies := []float32{0, 0, 1, 1}
	lse := make([]float32, 2)
	native.LogSumExpRows(lse, energies, 2, 2, 2)
	fmt.Printf("%.4f\n", lse)
	// Output: [0.6931 1.6931]
}

// A sampler for a language model: a temperature, a grammar that allows some of
// the tokens, and a draw from what is left.
func Example_sampling() {
	const temperature = 0.7
	sampler, err := native.New(native.WithScale(1/temperature), native.WithZeroRows())
	if err != nil {
		fmt.Println(err) // the temperature or TWOPASS_ISA is wrong
		return
	}
	logits := []float32{2.5, 7.1, 0.3, 6.9, -1.2, 5}
	allowed := []bool{true, false, true, true, true, true} // by the grammar
	probs := make([]float32, len(logits))

	sampler.Masked(native.Mask{Keep: allowed}).Softmax(probs, logits)
	fmt.Printf("%.4f\n", probs)

	r := rand.New(rand.NewPCG(1, 2))
	u := r.Float32()
	token := 0
	for i, p := range probs {
		if p > 0 {
			token = i // the last one possible, lest rounding leave none
		}
		if u -= p; u < 0 {
			break
		}
	}
	fmt.Println("token", token)
	// Output:
	// [0.0017 0.0000 0.0001 0.9362 0.0000 0.0620]
	// token 5
}

// Attention: a block of query rows, each of which sees the keys up to its own
// position. Two keys are cached from before.
func Example_attention() {
	const queries, keys, dim = 3, 5, 64
	attention, err := native.New(native.WithScale(float32(1 / math.Sqrt(dim))))
	if err != nil {
		fmt.Println(err)
		return
	}
	scores := []float32{
		8, 16, 0, 99, 99,
		0, 0, 0, 0, 99,
		0, 8, 0, 8, 16,
	}
	attention.Masked(native.Mask{Causal: true, Offset: keys - queries}).
		SoftmaxRows(scores, scores, queries, keys, keys, keys)
	for i := range queries {
		fmt.Printf("%.3f\n", scores[i*keys:][:keys])
	}
	// Output:
	// [0.245 0.665 0.090 0.000 0.000]
	// [0.250 0.250 0.250 0.250 0.000]
	// [0.067 0.183 0.067 0.183 0.498]
}

func ExampleNew() {
	s, err := native.New(native.WithAlgorithm(ukernel.TwoPass), native.WithScale(0.5), native.WithGoroutines(4))
	if err != nil {
		fmt.Println(err)
		return
	}
	x := []float32{0, 2}
	s.Softmax(x, x)
	fmt.Printf("%.4f\n", x)

	_, err = native.New(native.WithScale(0))
	fmt.Println(err)
	// Output:
	// [0.2689 0.7311]
	// native: scale is 0, it must be finite and not 0
}

func ExampleSoftmaxer_Masked() {
	bias := []float32{0, -1, float32(math.Inf(-1))}
	x := []float32{1, 1, 1}
	native.Softmaxer{}.Masked(native.Mask{Add: bias}).Softmax(x, x)
	fmt.Printf("%.4f\n", x)
	// Output: [0.7311 0.2689 0.0000]
}

func ExampleSoftmaxer_Explain() {
	s, err := native.New(native.WithISA(ukernel.Scalar), native.WithReproducible())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Explain(1000))
	// Output:
	// 1000 elements: three-pass-reload, because level scalar has no vector kernels for two passes
	// level scalar, as WithISA says
	//   f32_rmax_ukernel__scalar_u4_acc4
	//   f32_raddstoreexpminusmax_ukernel__scalar_rr2_p6_twosum_u4
	//   f32_vmulc_ukernel__scalar_u4
}

// A row in pieces: the softmax of all of it, without all of it in memory.
func ExampleAccumulator() {
	pieces := [][]float32{{1, 2}, {3}}
	var a native.Accumulator
	for _, piece := range pieces {
		a.Add(piece)
	}
	for _, piece := range pieces {
		a.Softmax(piece, piece)
		fmt.Printf("%.4f\n", piece)
	}
	fmt.Printf("%.4f\n", a.LogSumExp())
	// Output:
	// [0.0900 0.2447]
	// [0.6652]
	// 3.4076
}

// Two machines hold a shard each, and exchange 8 bytes.
func ExampleAccumulator_Merge() {
	shard := func(x []float32) []byte {
		var a native.Accumulator
		a.Add(x)
		data, err := a.MarshalBinary()
		if err != nil {
			panic(err)
		}
		return data
	}
	var total native.Accumulator
	for _, data := range [][]byte{shard([]float32{1, 2}), shard([]float32{3, 1000})} {
		var a native.Accumulator
		if err := a.UnmarshalBinary(data); err != nil {
			fmt.Println(err)
			return
		}
		total.Merge(&a)
	}
	fmt.Println(total.LogSumExp())
	// Output: 1000
}

func ExampleSoftmaxHalf() {
	logits := []native.BFloat16{native.ToBFloat16(1), native.ToBFloat16(2)}
	probs := make([]float32, len(logits))
	native.SoftmaxHalf(native.Softmaxer{}, probs, logits)
	fmt.Printf("%.4f\n", probs)
	native.SoftmaxHalf(native.Softmaxer{}, logits, logits) // in place
	fmt.Println(logits[0].Float32(), logits[1].Float32())
	// Output:
	// [0.2689 0.7311]
	// 0.26953125 0.73046875
}

// The gradient of a cross-entropy loss with respect to the scores: probabilities
// minus the right class.
func ExampleLogSoftmaxGrad() {
	scores := []float32{1, 2, 3}
	logs := make([]float32, 3)
	native.LogSoftmax(logs, scores)
	grad := []float32{0, 0, -1} // of -logs[2]
	native.LogSoftmaxGrad(grad, logs, grad)
	fmt.Printf("%.4f\n", grad)
	// Output: [0.0900 0.2447 -0.3348]
}

func ExampleSoftmaxGrad() {
	y := []float32{0.25, 0.75}
	dst := make([]float32, 2)
	native.SoftmaxGrad(dst, y, []float32{1, 0})
	fmt.Println(dst)
	// Output: [0.1875 -0.1875]
}

func ExampleLookup() {
	f, err := native.Lookup("f32_rmax_ukernel__scalar_u1")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f.RMax([]float32{1, 3, 2}))
	// Output: 3
}

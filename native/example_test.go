package native_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/twopass-softmax/twopass/native"
)

func ExampleSoftmax() {
	logits := []float32{1, 2, 3, float32(math.Inf(-1))}
	probs := make([]float32, len(logits))
	native.Softmax(probs, logits)
	fmt.Println(probs) // the same bits on every CPU
	// Output: [0.09003057 0.24472846 0.66524094 0]
}

func ExampleLogSoftmax() {
	x := []float32{0, 20, -1000}
	native.LogSoftmax(x, x) // in place
	fmt.Println(x)
	// Output: [-20 -2.0611537e-09 -1020]
}

func ExampleLogSumExp() {
	fmt.Println(native.LogSumExp([]float32{1000, 1000}), native.LogSumExp(nil))
	// Output: 1000.6932 -Inf
}

// A classifier scores a batch: many short rows, one call.
func ExampleSoftmaxRows() {
	scores := native.Rows([]float32{
		2, 1, 0, 0,
		0, 0, 0, 0,
		-1, 5, 3, 1,
	}, 4)
	native.SoftmaxRows(scores, scores, nil)
	for i := range scores.Rows {
		fmt.Printf("%.3f\n", scores.Data[i*scores.Stride:][:scores.Cols])
	}
	// Output:
	// [0.610 0.225 0.083 0.083]
	// [0.250 0.250 0.250 0.250]
	// [0.002 0.865 0.117 0.016]
}

// The loss of a classifier: the logarithm of the right class's probability.
func ExampleLogSoftmaxRows() {
	scores := native.Rows([]float32{3, 1, 0, 0, 2, 1}, 3)
	labels := []int{0, 2}
	logs := native.Rows(make([]float32, 6), 3)
	native.LogSoftmaxRows(logs, scores, nil)
	var loss float32
	for i, label := range labels {
		loss -= logs.Data[i*logs.Stride+label] / float32(len(labels))
	}
	fmt.Printf("%.4f\n", loss)
	// Output: 0.7887
}

func ExampleLogSumExpRows() {
	lse := make([]float32, 2)
	native.LogSumExpRows(lse, native.Rows([]float32{0, 0, 1, 1}, 2), nil)
	fmt.Printf("%.4f\n", lse)
	// Output: [0.6931 1.6931]
}

// A sampler for a language model: a temperature, a grammar that allows some of
// the tokens, and a draw from what is left.
func Example_sampling() {
	const temperature = 0.7
	logits := []float32{2.5, 7.1, 0.3, 6.9, -1.2, 5}
	allowed := []bool{true, false, true, true, true, true} // by the grammar
	probs := make([]float32, len(logits))

	native.SoftmaxRows(native.Row(probs), native.Row(logits), &native.Options{
		Scale:    1 / temperature,
		Keep:     native.Row(allowed),
		ZeroRows: true,
	})
	fmt.Printf("%.4f\n", probs)

	u := rand.New(rand.NewPCG(1, 2)).Float32()
	token := 0
	for i, p := range probs {
		if p > 0 {
			token = i // rounding may leave a little of u: then it is the last one possible
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
	scores := native.Rows([]float32{
		8, 16, 0, 99, 99,
		0, 0, 0, 0, 99,
		0, 8, 0, 8, 16,
	}, keys)
	native.SoftmaxRows(scores, scores, &native.Options{
		Scale:  float32(1 / math.Sqrt(dim)),
		Causal: true,
		Offset: keys - queries,
	})
	for i := range queries {
		fmt.Printf("%.3f\n", scores.Data[i*keys:][:keys])
	}
	// Output:
	// [0.245 0.665 0.090 0.000 0.000]
	// [0.250 0.250 0.250 0.250 0.000]
	// [0.067 0.183 0.067 0.183 0.498]
}

func ExampleOptions() {
	bias := []float32{0, -1, float32(math.Inf(-1))}
	x := []float32{1, 1, 1}
	native.SoftmaxRows(native.Row(x), native.Row(x), &native.Options{Add: native.Row(bias)})
	fmt.Printf("%.4f\n", x)

	fmt.Println((&native.Options{Goroutines: -3}).Check())
	// Output:
	// [0.7311 0.2689 0.0000]
	// native: -3 goroutines, there must be at least 1, or 0 for 1
}

// A row in pieces: the softmax of all of it, without all of it in memory.
func ExampleAccumulator() {
	pieces := [][]float32{{1, 2}, {3}}
	a := native.NewAccumulator(1)
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

// Two machines hold a shard each, and exchange their sums.
func ExampleAccumulator_Merge() {
	shard := func(x []float32) []byte {
		var a native.Accumulator
		a.Add(x)
		data, err := json.Marshal(a)
		if err != nil {
			panic(err)
		}
		return data
	}
	var total native.Accumulator
	for _, data := range [][]byte{shard([]float32{1, 2}), shard([]float32{3, 1000})} {
		var a native.Accumulator
		if err := json.Unmarshal(data, &a); err != nil {
			fmt.Println(err)
			return
		}
		total.Merge(&a)
	}
	fmt.Println(total.LogSumExp())
	// Output: 1000
}

// bfloat16 logits, float32 probabilities.
func ExampleSoftmaxRows_bfloat16() {
	logits := []native.BFloat16{native.ToBFloat16(1), native.ToBFloat16(2)}
	probs := make([]float32, len(logits))
	native.SoftmaxRows(native.Row(probs), native.Row(logits), nil)
	fmt.Printf("%.4f\n", probs)
	native.SoftmaxRows(native.Row(logits), native.Row(logits), nil) // in place
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

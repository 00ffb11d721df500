package native

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
)

func TestSmoke(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	classes := map[string]func(x []float32){
		"uniform10": func(x []float32) {
			for i := range x {
				x[i] = float32(r.Float64()*20 - 10)
			}
		},
		"uniform60": func(x []float32) {
			for i := range x {
				x[i] = float32(r.Float64()*120 - 60)
			}
		},
		"huge": func(x []float32) {
			for i := range x {
				x[i] = float32(r.Float64()*100 + 3e7)
			}
		},
		"near 2^18": func(x []float32) {
			for i := range x {
				x[i] = float32(r.Float64()*100 + 0x1p18 - 50)
			}
		},
		"near -2^18": func(x []float32) {
			for i := range x {
				x[i] = float32(r.Float64()*100 - 0x1p18 - 50)
			}
		},
		"near -5 2^16": func(x []float32) {
			for i := range x {
				x[i] = float32(r.Float64()*100 - 5*0x1p16 - 50)
			}
		},
		"near 5 2^16": func(x []float32) {
			for i := range x {
				x[i] = float32(r.Float64()*100 + 5*0x1p16 - 50)
			}
		},
		"near -3e7": func(x []float32) {
			for i := range x {
				x[i] = float32(r.Float64()*100 - 3e7)
			}
		},
		"ramp": func(x []float32) {
			for i := range x {
				x[i] = float32(i) * 0.5
			}
		},
		"bits": func(x []float32) {
			for i := range x {
				for x[i] = posInf; x[i]-x[i] != 0; {
					x[i] = math.Float32frombits(r.Uint32())
				}
			}
		},
		"masked": func(x []float32) {
			for i := range x {
				x[i] = []float32{float32(r.Float64()), negInf, -1e9, -3.4e38}[r.IntN(4)]
			}
			x[len(x)/2] = 0
		},
		"two": func(x []float32) {
			for i := range x {
				x[i] = -float32(math.Log(float64(len(x))))
			}
			x[len(x)-1] = 0
		},
	}
	for name, fill := range classes {
		var worst, worstL, worstLS float64
		for _, n := range []int{1, 2, 3, 15, 16, 17, 100, 127, 128, 129, 1000, 4099, 65536, 65537, 200000} {
			x := make([]float32, n)
			fill(x)
			y := make([]float32, n)
			Softmax(y, x)
			m := math.Inf(-1)
			for _, v := range x {
				m = max(m, float64(v))
			}
			s := 0.0
			for _, v := range x {
				s += math.Exp(float64(v) - m)
			}
			for i, v := range x {
				w := math.Exp(float64(v)-m) / s
				if w < 0x1.fffffp-127 {
					if y[i] != 0 {
						t.Fatalf("%s %d: %v not 0", name, n, y[i])
					}
					continue
				}
				if w < 0x1.00001p-126 {
					continue
				}
				if e := math.Abs(float64(y[i])-w) / w * 0x1p24; e > worst || e != e {
					worst = e
				}
			}
			l := m + math.Log(s)
			e := math.Abs(float64(LogSumExp(x))-l) / (0x1p-22 + 0x1p-24*math.Abs(l))
			if e > worstL || e != e {
				worstL = e
			}
			z := make([]float32, n)
			LogSoftmax(z, x)
			for i, v := range x {
				w := float64(v) - m - math.Log(s)
				if w < -math.MaxFloat32 {
					continue
				}
				e := math.Abs(float64(z[i])-w) / (0x1p-22 + 0x1p-23*math.Abs(w))
				if e > worstLS || e != e {
					worstLS = e
				}
			}
			Softmax(x, x)
			for i := range x {
				if x[i] != y[i] {
					t.Fatalf("%s %d in place: %v %v", name, n, x[i], y[i])
				}
			}
		}
		t.Logf("%s: softmax %.2f lse %.2f logsoftmax %.2f", name, worst, worstL, worstLS)
		if worst > 7 || worstL > 1 || worstLS > 1 {
			t.Errorf("bound")
		}
	}
	a := NewAccumulator(1)
	a.Add([]float32{1, 2, 3})
	b, err := json.Marshal(a)
	var c Accumulator
	if err2 := json.Unmarshal(b, &c); err != nil || err2 != nil || c != a {
		t.Errorf("%s %v %v %v %v", b, err, err2, a, c)
	}
	for _, d := range []float64{10, 15, 20, 40, 80, 103} {
		x := []float32{0, -float32(d)}
		y := make([]float32, 2)
		LogSoftmax(y, x)
		t.Logf("%v %v %v", y[0], -math.Log1p(math.Exp(-d)), LogSumExp(x))
	}
	y := make([]float32, 7)
	Softmax(y, []float32{3.7, 3.7, 3.7, 3.7, 3.7, 3.7, 3.7})
	t.Log(y, y[0] == float32(1.0/7))
}

package native

import (
	"fmt"

	"github.com/twopass-softmax/twopass/native/internal/shape"
)

// Matrix is a row-major matrix: element j of row i is Data[i*Stride+j]. Stride is at least Cols,
// and Data has at least (Rows-1)*Stride + Cols elements, or none if Rows or Cols is 0. Nothing
// between the rows is read or written.
//
// A gonum blas32.General converts to a Matrix[float32].
type Matrix[T any] struct {
	Rows, Cols int
	Data       []T
	Stride     int
}

// Row returns a matrix with the one row x.
func Row[T any](x []T) Matrix[T] { return Matrix[T]{1, len(x), x, len(x)} }

// Rows returns a matrix with the rows of x, of cols elements each, without gaps. It panics unless
// they fill x.
func Rows[T any](x []T, cols int) Matrix[T] {
	if cols < 1 || len(x)%cols != 0 {
		panic(fmt.Sprintf("native.Rows: %d elements can't be rows of %d", len(x), cols))
	}
	return Matrix[T]{len(x) / cols, cols, x, cols}
}

// shape has the checks, which native/f64 has too.
func (m *Matrix[T]) shape() *shape.Matrix[T] { return (*shape.Matrix[T])(m) }

func (m *Matrix[T]) row(i int) []T { return m.shape().Row(i) }

func (m *Matrix[T]) used() []T { return m.shape().Used() }

func checkPair[D, S any](who, name string, dst *Matrix[D], src *Matrix[S]) bool {
	return shape.CheckPair(who, name, dst.shape(), src.shape())
}

// oneFits reports whether matrices of one row pass checkPair, which takes longer than a short row, and have
// elements.
func oneFits[D, S any](dst *Matrix[D], src *Matrix[S]) bool {
	return shape.OneFits(dst.shape(), src.shape())
}

func checkRow(who, name string, dst, src []float32) { shape.CheckRow(who, name, dst, src) }

func overlap[D, S any](dst []D, src []S) bool { return shape.Overlap(dst, src) }

package f64

import (
	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/internal/shape"
)

// Matrix is a row-major matrix. See [native.Matrix].
type Matrix = native.Matrix[float64]

// Tensor is a tensor along one of its axes. See [native.Tensor].
type Tensor = native.Tensor[float64]

// matrix is a Matrix with the methods that check it.
type matrix = shape.Matrix[float64]

// tensor is a Tensor with the methods that check it.
type tensor = shape.Tensor[float64]

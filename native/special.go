package native

import "math"

var (
	negInf = float32(math.Inf(-1))
	posInf = float32(math.Inf(1))
	nan    = math.Float32frombits(0x7fc00000)
)

// kind is what a row is.
type kind uint8

const (
	regular kind = iota
	allInf       // -Inf alone
	plusInf      // +Inf and no NaN
	hasNaN
)

// log is the log-sum-exp of a row that is not regular.
func (k kind) log() float32 {
	switch k {
	case allInf:
		return negInf
	case plusInf:
		return posInf
	}
	return nan
}

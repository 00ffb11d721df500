package onnxruntime

import "encoding/binary"

// model is the ONNX model of y = softmax(x) for x of any rows and columns: a ModelProto
// of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, whose fields are numbered
// as there.
func model() []byte {
	matrix := func(name string) []byte { // ValueInfoProto
		dim := func(name string) []byte { return field(1, field(2, []byte(name))) }
		shape := field(2, dim("rows"), dim("cols"))
		float32s := []byte{1<<3 | varint, 1}
		return append(field(1, []byte(name)), field(2, field(1, float32s, shape))...)
	}
	axis := field(5, field(1, []byte("axis")), minusOne, []byte{0xa0, 1, 2}) // AttributeProto; the last are field 20, an integer's type
	node := field(1, field(1, []byte("x")), field(2, []byte("y")), field(4, []byte("Softmax")), axis)
	graph := field(7, node, field(2, []byte("softmax")), field(11, matrix("x")), field(12, matrix("y")))
	opset := field(8, []byte{2<<3 | varint, 13})
	irVersion := []byte{1<<3 | varint, 7}
	return append(append(irVersion, graph...), opset...)
}

// Wire types of protocol buffers.
const (
	varint   = 0
	embedded = 2
)

// minusOne is field 3 with the integer -1.
var minusOne = []byte{3<<3 | varint, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}

// field is a field of this number, below 16, that contains parts.
func field(number byte, parts ...[]byte) []byte {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	return append(binary.AppendUvarint([]byte{number<<3 | embedded}, uint64(len(all))), all...)
}

package guest

import (
	"reflect"
	"testing"
)

func TestReport(t *testing.T) {
	for _, want := range []Report{
		{CPU: "a CPU"},
		{File: "/out/x\ny", Content: []byte{0, '\n', 0xff}},
		{Err: "no\nsuch file"},
		{Ended: true},
		{Ended: true, Exit: 3},
		{Ended: true, Signal: 4},
	} {
		line := want.Line()
		if got, ok := ParseLine(line); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("ParseLine(%q) = %+v, %v, want %+v", line, got, ok, want)
		}
		if got, ok := ParseLine("[  1.0] kernel message" + line[:len(line)-1] + "\r\n"); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("after a kernel message: %+v, %v, want %+v", got, ok, want)
		}
		if _, ok := ParseLine(line[:len(line)-3]); ok {
			t.Errorf("half a line of %q is taken for a report", line)
		}
	}
	for _, line := range []string{"", "\n", "[    0.1] Linux version", "@emulate", "@emulate {"} {
		if r, ok := ParseLine(line); ok {
			t.Errorf("ParseLine(%q) = %+v, want no report", line, r)
		}
	}
}
